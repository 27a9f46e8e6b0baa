"""What makes a copy of an image one particular host: its name, addresses, keys and password."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lab import shapes, tree
from lab.network import Network
from lab.record import Record
from lab.run import run
from lab.tree import File, Files

STUB_RESOLV = Path("/run/systemd/resolve/resolv.conf")

HOSTS = """\
127.0.0.1 localhost
::1 localhost ip6-localhost ip6-loopback
ff02::1 ip6-allnodes
ff02::2 ip6-allrouters
"""

# Providers of servers with a root password bring something like this, and it beats a later drop-in.
ROOT_LOGIN = "PermitRootLogin yes\nPasswordAuthentication yes\n"


def network_unit(net: Network, record: Record) -> str:
    """Return the systemd-networkd file: static addresses, and no waiting for address conflicts or routers."""
    return (
        "[Match]\nName=host0\n\n"
        "[Network]\n"
        f"Gateway={net.address(1)}\n"
        "IPv6AcceptRA=no\n\n"
        f"[Address]\nAddress={record.address}/24\n\n"
        f"[Address]\nAddress={record.address6}/64\nDuplicateAddressDetection=none\n"
    )


def resolver(resolv_conf: str, behind_stub: str | None) -> str:
    """Return the host's resolv.conf: the controller's, or what stands behind its loopback stub."""
    servers = [line.split()[1] for line in resolv_conf.splitlines() if line.startswith("nameserver ")]
    local = bool(servers) and all(server.startswith("127.") or server == "::1" for server in servers)
    return behind_stub if local and behind_stub else resolv_conf


def _login_files(record: Record, public_key: str | None) -> Files:
    key = f"{public_key}\n" if public_key else ""
    if record.shape == "vps":
        return {
            **({"/root/.ssh/authorized_keys": File(key, 0o600)} if key else {}),
            **(
                {"/etc/ssh/sshd_config.d/50-provider.conf": File(ROOT_LOGIN, 0o600)}
                if record.bootstrap_password
                else {}
            ),
        }
    user = shapes.CLOUD_USER
    rule = f"{user} ALL=(ALL) {'' if record.bootstrap_password else 'NOPASSWD:'}ALL"
    return {
        **(
            {
                "/root/.ssh/authorized_keys": File(f"{shapes.ROOT_REFUSAL} {key}", 0o600),
                f"/home/{user}/.ssh/authorized_keys": File(key, 0o600, shapes.CLOUD_UID),
            }
            if key
            else {}
        ),
        "/etc/sudoers.d/90-cloud-init-users": File(f"# User rules for {user}\n{rule}\n", 0o440),
    }


def host_files(
    net: Network, record: Record, public_key: str | None, resolv_conf: str, apt_options: Sequence[str] = ()
) -> Files:
    """Return the files that are this host's own."""
    apt = "".join(f"{option}\n" for option in apt_options)
    return {
        "/etc/hostname": File(f"{record.name}\n"),
        "/etc/hosts": File(HOSTS),
        "/etc/resolv.conf": File(resolv_conf),
        "/etc/systemd/network/10-host0.network": File(network_unit(net, record)),
        **({"/etc/apt/apt.conf.d/99network": File(apt)} if apt else {}),
        **_login_files(record, public_key),
    }


def plant(
    root: Path, net: Network, record: Record, public_key: str | None, apt_options: Sequence[str] = ()
) -> None:
    """Write the host's own files into a fresh copy of its image, give it host keys and its password."""
    behind = STUB_RESOLV.read_text() if STUB_RESOLV.exists() else None
    resolv_conf = resolver(Path("/etc/resolv.conf").read_text(), behind)
    tree.write(root, host_files(net, record, public_key, resolv_conf, apt_options))
    run(["ssh-keygen", "-A", "-f", str(root)])
    if record.bootstrap_password:
        run(["chroot", str(root), "chpasswd"], stdin=f"{record.bootstrap_user}:{record.bootstrap_password}\n")
