"""The host below HARVEST: kernel settings, memory, core dumps, the journal, umask; with cron, PAM and DNS."""

import posixpath

from provision.engine.state import HostState, Query
from provision.engine.templates import render
from provision.operations import edits, files, run_when_newer, sysctl, systemd
from provision.operations.edits import Edits, Line
from provision.operations.files import Absent, File, Files, Mode
from provision.operations.run_when_newer import Script
from provision.operations.sysctl import Sysctl, parse
from provision.operations.systemd import Unit, Units
from provision.settings.model import Settings
from tasks import cron, dns, pam

SYSCTL = "/etc/sysctl.d/zzz-harvest.conf"
FORMER_SYSCTL = "/etc/sysctl.d/60-harvest.conf"
JOURNAL = "/etc/systemd/journald.conf.d/harvest.conf"
IDLE = "/etc/profile.d/harvest-idle.sh"
NGINX_RESTART = "/etc/needrestart/restart.d/nginx.service"
FSTAB = "/etc/fstab"
FILES = {
    JOURNAL: "journald.conf",
    "/etc/security/limits.d/harvest.conf": "limits.conf",
    "/etc/systemd/coredump.conf.d/harvest.conf": "coredump.conf",
    "/etc/modprobe.d/harvest.conf": "modprobe.conf",
    "/etc/profile.d/harvest-umask.sh": "profile.sh",
    "/etc/issue": "issue.net",
    "/etc/issue.net": "issue.net",
    "/etc/needrestart/conf.d/harvest.conf": "needrestart.conf",
}
NETWORKS = "/sys/class/net/*"
# The kernel's own: loopback, and the tunnels that its modules bring along, unused.
OF_THE_KERNEL = {
    "lo",
    "bonding_masters",
    "tunl0",
    "sit0",
    "gre0",
    "gretap0",
    "erspan0",
    "ip_vti0",
    "ip6_vti0",
}
OF_THE_KERNEL |= {"ip6tnl0", "ip6gre0"}
EDITS = Edits(
    lines=(
        # World-writable memory is where an intruder puts their first program.
        Line(
            FSTAB,
            "tmpfs /dev/shm tmpfs rw,nosuid,nodev,noexec 0 0",
            drop="^[^#[:space:]]+[[:space:]]+/dev/shm[[:space:]]",
        ),
        # UFW sets it back at boot and whenever it is reloaded.
        *(
            Line(
                "/etc/ufw/sysctl.conf",
                f"net/ipv4/conf/{which}/log_martians=1",
                drop=f"^net/ipv4/conf/{which}/log_m",
            )
            for which in ("all", "default")
        ),
        pam.SU,
        # Shells that no login begins (run0, systemd-run): the others have it from profile.d.
        Line("/etc/bash.bashrc", "umask 027"),
        # The audit asks debsums too, but rarely; the journal then says since which week.
        Line("/etc/default/debsums", "CRON_CHECK=weekly", drop="^CRON_CHECK="),
    ),
    words=(pam.NO_EMPTY_PASSWORDS,),
)
# A container may not remount; the audit looks.
TELL = f"""systemd-sysusers {pam.GROUPS}
mount -o remount /dev/shm 2>/dev/null || true"""


def kernel_settings(have: HostState) -> str:
    """A host on one network only passes nothing on; where Docker or a VPN adds another, forwarding is theirs to set."""
    networks = {posixpath.basename(path) for path in have.found[NETWORKS]}.difference(OF_THE_KERNEL)
    return render("system/zzz-harvest.conf", single=len(networks) <= 1)


def apply(settings: Settings) -> None:
    items = tuple(File(path, render(f"system/{name}", settings=settings)) for path, name in FILES.items())
    idle = render("system/idle.sh", settings=settings)
    some = (
        File(SYSCTL, kernel_settings),
        Absent(FORMER_SYSCTL),
        File(NGINX_RESTART, render("system/needrestart-nginx.sh"), 0o755),
        File(IDLE, idle) if settings.idle_logout_min else Absent(IDLE),
        Mode("/etc/ssh/sshd_config", 0o600),
    )
    needs = Query(found={NETWORKS})
    files.put(
        "Install hardening configuration",
        Files((*items, *some, *cron.ITEMS, *pam.items(settings), *dns.items(settings)), needs=needs),
    )
    edits.lines("Edit packaged configuration files", EDITS)
    keys = frozenset(parse(render("system/zzz-harvest.conf", single=True)))
    sysctl.apply("Apply kernel settings", Sysctl(SYSCTL, kernel_settings, keys, needs))
    run_when_newer.run(
        "Create system groups and remount /dev/shm", Script("system", TELL, (pam.GROUPS, FSTAB))
    )
    dns.apply()
    # Its package starts nothing while others are installed; the rules are live already, this is for the next boot.
    systemd.running("Enable UFW at boot", Units((Unit("ufw.service"),)))
    systemd.running(
        "Start the persistent journal", Units((Unit("systemd-journald.service", (JOURNAL,), static=True),))
    )
