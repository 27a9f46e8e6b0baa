"""SSH access: one admin by key, on one port, through a firewall that opens what the mode needs and nothing else.

Changed together, and confirmed by a new login or reverted: provision/operations/access/.
"""

import re

from provision.engine.state import HostState, Query
from provision.engine.templates import render
from provision.operations.access import access
from provision.operations.access.access import Access
from provision.operations.access.accounts import Account
from provision.operations.access.authorized_keys import Foreign
from provision.operations.access.groups import Group
from provision.operations.access.sshd import Sshd
from provision.operations.access.ufw import Firewall
from provision.operations.files import Absent, Directory, File, Files
from provision.settings.model import Settings

LOGIN_GROUP = "harvest-login"
DROP_IN = "/etc/ssh/sshd_config.d/00-harvest.conf"
SUDO = "/etc/sudoers.d/harvest-admin"
SOCKET_DROP_IN = "/etc/systemd/system/ssh.socket.d/zz-harvest.conf"


def configure(settings: Settings) -> None:
    home = f"~{settings.admin_user}"  # wherever an account that is there has it
    want = Access(
        group=Group(LOGIN_GROUP, (settings.admin_user,)),
        account=admin(settings),
        keys=admin_keys(settings, home),
        sudo=sudo(settings),
        firewall=Firewall(settings.open_ports, (*settings.firewall_allow, *settings.metrics_openings)),
        sshd_files=sshd_files(settings),
        sshd=Sshd(DROP_IN, SOCKET_DROP_IN, settings.sshd_port),
        foreign=Foreign(f"{home}/.ssh/authorized_keys", settings.remove_foreign_keys),
        within_s=settings.confirm_within_s,
    )
    access.configure("Configure SSH access, sudo and firewall", want)


def admin(settings: Settings) -> Account:
    return Account(
        settings.admin_user,
        f"/home/{settings.admin_user}",
        "/bin/bash",
        groups=("sudo", LOGIN_GROUP),
        password=settings.admin_password if settings.admin_sudo == "password" else None,
    )


def admin_keys(settings: Settings, home: str) -> Files:
    name, lines = settings.admin_user, "\n".join(settings.admin_keys) + "\n"
    folders = (Directory(home, 0o750, name, name), Directory(f"{home}/.ssh", 0o700, name, name))
    return Files((*folders, File(f"{home}/.ssh/authorized_keys", lines, 0o600, name, name)))


def sudo(settings: Settings) -> Files:
    right = File(SUDO, render("sudo/harvest-admin", settings=settings), 0o440)
    return Files(
        (Directory("/etc/sudoers.d", 0o750), right),
        check="visudo -cf /etc/sudoers",
        within=("/etc/sudoers.d",),
    )


def files_at_birth(settings: Settings) -> list[File]:
    """What a new machine gets before the first run, by cloud-init: sshd's files, and sudo without a password yet."""
    right = settings.model_copy(update={"admin_sudo": "nopasswd"})
    socket = File(SOCKET_DROP_IN, _socket(settings))
    return [
        File(DROP_IN, _drop_in(settings), 0o600),
        *([socket] if settings.sshd_port != 22 else []),
        File(SUDO, render("sudo/harvest-admin", settings=right), 0o440),
    ]


def _drop_in(settings: Settings, exempt: tuple[str, ...] = ()) -> str:
    return render("ssh/00-harvest.conf", settings=settings, group=LOGIN_GROUP, exempt=exempt)


def _socket(settings: Settings) -> str:
    return render("ssh/ssh.socket.conf", settings=settings)


def sshd_files(settings: Settings) -> Files:
    def config(have: HostState) -> str:
        return _drop_in(settings, settings.trusted_addresses if _has_penalties(have) else ())

    socket = _socket(settings)
    moved = settings.sshd_port != 22
    # The effective value counts: an Include or a first value elsewhere must not win.
    effective = f"sshd -T -C user={settings.admin_user},host=x,addr=192.0.2.1"
    # Ports add up. One that another file names would stay open on the host, without fail2ban.
    port = settings.sshd_port
    alone = f'[ "$({effective} | sed -n "s/^port //p" | sort -u)" = {port} ]'
    else_say = f"echo 'another file of sshd names another Port than {port}: take that line out' >&2; false"
    return Files(
        (File(DROP_IN, config, 0o600), File(SOCKET_DROP_IN, socket) if moved else Absent(SOCKET_DROP_IN)),
        check=f"mkdir -p /run/sshd; sshd -t; {effective} | grep -qx 'passwordauthentication no'; "
        f"{alone} || {{ {else_say}; }}",
        within=("/etc/ssh/sshd_config.d",),
        needs=Query(packages={"openssh-server"}),
    )


def _has_penalties(have: HostState) -> bool:
    """Whether sshd itself shuts out who fails (OpenSSH 9.8); an older one refuses the word."""
    version = re.match(r"(?:\d+:)?(\d+)\.(\d+)", have.packages.get("openssh-server", ""))
    return version is not None and (int(version[1]), int(version[2])) >= (9, 8)
