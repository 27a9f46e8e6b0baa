"""SSH by key only, and not as root."""

from provision.operations.files import Absent, File, Files, place
from provision.operations.sshd import Sshd, follow
from provision.settings import Settings
from provision.templates import render

DROP_IN = "/etc/ssh/sshd_config.d/00-harvest.conf"
SOCKET_DROP_IN = "/etc/systemd/system/ssh.socket.d/zz-harvest.conf"


def ssh(settings: Settings) -> None:
    place(
        "sshd's configuration",
        Files(
            (File(DROP_IN, render("ssh/00-harvest.conf", settings=settings), 0o600),),
            # The effective value counts: an Include or a first value elsewhere must not win.
            check="mkdir -p /run/sshd; sshd -t; sshd -T | grep -qx 'passwordauthentication no'",
            within=("/etc/ssh/sshd_config.d",),
        ),
    )
    socket = render("ssh/ssh.socket.conf", settings=settings)
    moved = settings.ssh_port != 22
    place("sshd's socket", Files((File(SOCKET_DROP_IN, socket) if moved else Absent(SOCKET_DROP_IN),)))
    follow("sshd runs so", Sshd(DROP_IN, SOCKET_DROP_IN, settings.ssh_port))
