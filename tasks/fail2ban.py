"""fail2ban: bans addresses that guess passwords at sshd or flood nginx."""

from provision.engine.templates import render
from provision.operations import files, systemd
from provision.operations.files import Absent, File, Files
from provision.operations.systemd import Unit, Units
from provision.remote import source
from provision.settings.model import Settings

JAILS = "/etc/fail2ban/jail.d/harvest.local"
EXEMPT = "/usr/local/lib/harvest/login_exempt.py"
DROP_IN = "/etc/systemd/system/fail2ban.service.d/harvest.conf"


def configure(settings: Settings) -> None:
    # Debian's own file turns its sshd jail on for an auth log that newer systems lack.
    items = (
        File(EXEMPT, source("login_exempt")),
        File(JAILS, render("fail2ban/harvest.local", settings=settings, exempt=EXEMPT)),
        Absent("/etc/fail2ban/jail.d/defaults-debian.conf"),
        File(DROP_IN, render("systemd/fail2ban.conf", settings=settings))
        if settings.mode == "nginx"
        else Absent(DROP_IN),
    )
    files.put("Configure fail2ban", Files(items, check="fail2ban-client -t", within=("/etc/fail2ban",)))
    systemd.running("Start fail2ban", Units((Unit("fail2ban.service", (JAILS, DROP_IN)),)))
