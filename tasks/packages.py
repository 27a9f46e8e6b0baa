"""What apt installs."""

from provision.operations import apt, systemd
from provision.operations.app import release
from provision.operations.apt import Packages
from provision.operations.systemd import Unit, Units
from provision.settings.model import Settings
from tasks.release import wanted_release

# What the build of HARVEST's environment needs; python3-pip-whl brings the pip that fetches uv.
FIRST = ("ca-certificates", "python3", "python3-pip-whl")
# fail2ban reads the journal by python3-systemd, and bans by nftables.
INTRUSION = ("fail2ban", "nftables", "python3-systemd")
# apparmor: without it Docker's containers run unconfined, and other packages' profiles are not loaded; its utils, since
# who finds at night that a profile is in the way needs aa-complain. debsums says which installed files are no longer
# their packages'; the audit asks it. aide, without aide-common's nightly mails, says the same of what is configured.
CONFINED = ("apparmor", "apparmor-utils", "debsums", "aide")
# Shows what will work differently before an upgrade by hand; without a terminal it asks nothing.
NEWS = ("apt-listchanges",)
# nginx and fail2ban install rotation rules for their logs, but not logrotate.
LOGS = ("logrotate",)
BASE = (
    *FIRST,
    *INTRUSION,
    *CONFINED,
    *NEWS,
    *LOGS,
    "openssh-server",
    "openssl",
    "sudo",
    "ufw",
    "unattended-upgrades",
    "needrestart",
)
CLOCKS = ("systemd-timesyncd", "chrony", "ntpsec", "openntpd", "ntp")


def names(settings: Settings) -> tuple[str, ...]:
    nginx = ("nginx",) if settings.mode == "nginx" else ()
    certbot = ("certbot",) if nginx and settings.tls == "letsencrypt" and settings.site == "own" else ()
    # Without cracklib-runtime's dictionary pwquality refuses every password.
    quality = ("libpam-pwquality", "cracklib-runtime") if settings.admin_sudo == "password" else ()
    exporter = ("prometheus-node-exporter",) if settings.metrics_from else ()
    return (*BASE, *nginx, *certbot, *quality, *exporter)


def install(settings: Settings) -> None:
    """First what the build of HARVEST's environment needs, then the rest while that goes on: a third less time."""
    apt.packages("Install build packages", Packages(FIRST))
    for instance in settings.all_instances:
        release.prebuild(
            f"{instance.slug}: build the environment in the background", wanted_release(instance)
        )
    apt.packages("Install packages", Packages(names(settings), one_of=(CLOCKS,)))
    # Debian 13 installs the timer without starting it.
    systemd.running("Start log rotation", Units((Unit("logrotate.timer"),)))
    # Nothing starts while packages are installed, and these would wait for a reboot.
    clocks = tuple(f"{clock}.service" for clock in CLOCKS)
    others = (Unit("apparmor.service"), Unit("unattended-upgrades.service"))
    systemd.running(
        "Start AppArmor, time synchronization and unattended-upgrades", Units(others, one_of=(clocks,))
    )
