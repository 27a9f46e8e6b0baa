"""The host below HARVEST: kernel settings, core dumps, the journal, what an admin's shell leaves readable."""

from provision.operations.applied import Applied, apply
from provision.operations.files import Directory, File, Files, place
from provision.operations.units import Unit, Units, settle
from provision.settings import Settings
from provision.templates import render

SYSCTL = "/etc/sysctl.d/60-harvest.conf"
JOURNAL = "/etc/systemd/journald.conf.d/harvest.conf"
FILES = {
    SYSCTL: "60-harvest.conf",
    JOURNAL: "journald.conf",
    "/etc/security/limits.d/harvest.conf": "limits.conf",
    "/etc/systemd/coredump.conf.d/harvest.conf": "coredump.conf",
    "/etc/modprobe.d/harvest.conf": "modprobe.conf",
    "/etc/profile.d/harvest-umask.sh": "profile.sh",
    "/etc/issue": "issue.net",
    "/etc/issue.net": "issue.net",
    "/etc/needrestart/conf.d/harvest.conf": "needrestart.conf",
}
# Jobs of root's may hold passwords.
JOBS = tuple(Directory(f"/etc/cron.{when}", 0o700) for when in ("d", "hourly", "daily", "weekly", "monthly"))


def kernel(settings: Settings) -> None:
    files = tuple(File(path, render(f"system/{name}", settings=settings)) for path, name in FILES.items())
    place("System's configuration", Files((*files, *JOBS)))
    # A kernel that lacks a setting, or a container that may not set it, must not end the run; the audit looks.
    apply(
        "Kernel's settings", Applied("sysctl", f"sysctl -q -e -p {SYSCTL} >/dev/null 2>&1 || true", (SYSCTL,))
    )
    # Its package starts nothing while others are installed; the rules are live already, this is for the next boot.
    settle("UFW comes up at boot", Units((Unit("ufw.service"),)))
    settle("The journal is kept", Units((Unit("systemd-journald.service", (JOURNAL,), static=True),)))
