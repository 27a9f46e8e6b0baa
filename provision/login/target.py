"""How a host is to be reached and by whom: its data, its settings and the operator's ~/.ssh/config as one object."""

import base64
import getpass
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from provision.login.known_hosts import Line, pinned_ports, read
from provision.settings.model import Settings
from provision.settings.secrets import value_of

GLOBAL_KNOWN_HOSTS = Path("/etc/ssh/ssh_known_hosts")
DEFAULT_KEYS = ("~/.ssh/id_ed25519", "~/.ssh/id_ecdsa", "~/.ssh/id_rsa")
TIMEOUT_SECONDS = 5.0


@dataclass(frozen=True)
class Target:
    """One host to log in on. `users` and `ports` are tried in their order."""

    name: str
    address: str
    ports: tuple[int, ...]
    users: tuple[str, ...]
    known_hosts: tuple[Path, ...]
    admin: str = ""
    admin_keys: tuple[bytes, ...] = ()
    """Public key blobs that will open the admin's account: offered first, and to the admin nothing else."""
    wanted_port: int | None = None
    other_ports: tuple[int, ...] = ()
    """Not tried, but what is pinned for them is this host's key too."""
    key_file: str | None = None
    """Named by the data: offered alone."""
    identities: tuple[str, ...] = ()
    agent: str | None = None
    """The agent's socket."""
    agent_only_identities: bool = False
    key_password: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    """Of every user but the admin."""
    admin_password: str | None = field(default=None, repr=False)
    """For the admin's sudo; it never logs in."""
    follow: bool = False
    """Whether a host that answers "log in as X" may name the next user to try."""
    jumps: tuple[str, ...] = ()
    proxy_command: str | None = None
    timeout: float = TIMEOUT_SECONDS
    ssh_config_file: str | None = None

    def lines(self) -> list[Line]:
        """What known_hosts says today."""
        return read((*self.known_hosts, GLOBAL_KNOWN_HOSTS))


def ssh_options(name: str, config_file: str | None) -> dict[str, Any]:
    """What ~/.ssh/config says of a host, as pyinfra reads it (Include and Match work, names in lower case)."""
    from pyinfra.connectors.sshuserclient.client import get_ssh_config

    config = get_ssh_config(config_file)
    return dict(config.lookup(name)) if config else {}


def target_for(
    name: str, data: Mapping[str, Any], settings: Settings | None, override: Mapping[str, Any] | None = None
) -> Target:
    """The target that a host's merged data describes; without settings (a jump host, an ad hoc host) only `ssh_user`
    or the user of ~/.ssh/config is tried.

    `override` is what came by --ssh-user, --ssh-port or --data: it is obeyed alone.
    Raises `ValueError` for a secret that cannot be read.
    """
    asked = data.get("ssh_hostname") or name.removeprefix("@ssh/")
    options = ssh_options(asked, data.get("ssh_config_file"))
    address = options.get("hostname", asked)
    known_hosts = known_hosts_files(data.get("ssh_known_hosts_file"), options)
    agent = options.get("identityagent") or os.environ.get("SSH_AUTH_SOCK") or None
    key_file = data.get("ssh_key")
    return Target(
        name=name,
        address=address,
        ports=ports_to_try(data, settings, override or {}, options, known_hosts, address),
        users=users_to_try(data, settings, options),
        known_hosts=known_hosts,
        admin=settings.admin_user if settings else "",
        admin_keys=tuple(base64.b64decode(key.split()[1]) for key in settings.admin_keys) if settings else (),
        wanted_port=settings.sshd_port if settings else None,
        key_file=str(Path(key_file).expanduser()) if key_file else None,
        identities=tuple(existing(options.get("identityfile") or DEFAULT_KEYS)),
        agent=None if agent in (None, "none") else os.path.expanduser(str(agent)),
        agent_only_identities=options.get("identitiesonly") == "yes",
        key_password=data.get("ssh_key_password"),
        password=password_for(data, settings),
        admin_password=value_of(settings.admin_password) if settings and settings.admin_password else None,
        follow="bootstrap_user" not in data and "ssh_user" not in data,
        jumps=jump_hosts(options),
        proxy_command=None if options.get("proxycommand") in (None, "none") else options["proxycommand"],
        timeout=float(options.get("connecttimeout", TIMEOUT_SECONDS))
        * (settings.timeout_factor if settings else 1),
        ssh_config_file=data.get("ssh_config_file"),
    )


def users_to_try(
    data: Mapping[str, Any], settings: Settings | None, options: Mapping[str, Any]
) -> tuple[str, ...]:
    """`ssh_user` alone where it is set; else the admin, then the bootstrap user (or ~/.ssh/config's, or root)."""
    if data.get("ssh_user"):
        return (str(data["ssh_user"]),)
    if settings is None:
        return (options.get("user") or getpass.getuser(),)
    first = data.get("bootstrap_user") or options.get("user") or settings.bootstrap_user
    return tuple(dict.fromkeys((settings.admin_user, str(first))))


def ports_to_try(
    data: Mapping[str, Any],
    settings: Settings | None,
    override: Mapping[str, Any],
    options: Mapping[str, Any],
    known_hosts: tuple[Path, ...],
    address: str,
) -> tuple[int, ...]:
    """`ssh_port`, then `sshd_port`; without `ssh_port` also where sshd may still listen: ~/.ssh/config's port, 22. Last
    the ports that it was seen on."""
    if override.get("ssh_port"):
        return (int(override["ssh_port"]),)
    wanted = [settings.sshd_port] if settings else []
    configured = [int(options["port"])] if "port" in options else []
    seen = pinned_ports(read(known_hosts), address)
    if data.get("ssh_port"):
        return tuple(dict.fromkeys([int(data["ssh_port"]), *wanted, *seen]))
    # sshd's usual port is a guess; ~/.ssh/config's is the operator's word.
    first = [] if wanted == [22] else wanted
    return tuple(dict.fromkeys([*first, *configured, 22, *seen]))


def known_hosts_files(named: str | None, options: Mapping[str, Any]) -> tuple[Path, ...]:
    """The operator's files, the one that is written to first."""
    files = [named] if named else str(options.get("userknownhostsfile", "~/.ssh/known_hosts")).split()
    return tuple(Path(file).expanduser().absolute() for file in files)


def password_for(data: Mapping[str, Any], settings: Settings | None) -> str | None:
    """pyinfra's own `ssh_password` (--ssh-password), or what `bootstrap_password` refers to."""
    if data.get("ssh_password"):
        return str(data["ssh_password"])
    return value_of(settings.bootstrap_password) if settings and settings.bootstrap_password else None


def jump_hosts(options: Mapping[str, Any]) -> tuple[str, ...]:
    """ProxyJump's hops, the nearest first."""
    jumps = options.get("proxyjump", "none")
    return () if jumps == "none" or "proxycommand" in options else tuple(jumps.split(","))


def jump_target(hop: str, config_file: str | None) -> Target:
    """A hop written `[user@]host[:port]` (ssh(1), -J), completed by ~/.ssh/config. It does not follow its own jumps."""
    user, _, place = hop.rpartition("@")
    host, _, port = place.rpartition(":") if place.count(":") == 1 else (place, "", "")
    if place.startswith("["):  # [IPv6]:port
        host, _, port = place[1:].partition("]")
        port = port.lstrip(":")
    data = {"ssh_user": user, "ssh_config_file": config_file}
    given = {"ssh_port": port} if port else {}
    target = target_for(host, {key: value for key, value in data.items() if value}, None, given)
    return target if given else _only_configured_port(target, host, config_file)


def _only_configured_port(target: Target, host: str, config_file: str | None) -> Target:
    """A jump host is nobody's to search: one port."""
    return replace(target, ports=(int(ssh_options(host, config_file).get("port", 22)),))


def existing(files: Any) -> list[str]:
    """The private key files that are there, in full."""
    return [str(path) for path in (Path(file).expanduser() for file in files) if path.is_file()]
