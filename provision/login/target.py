"""How a host is to be reached and by whom: from its data, its settings and the operator's OpenSSH configuration."""

import base64
import getpass
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from provision.login import openssh
from provision.login.connection import Connection, connection_of
from provision.login.known_hosts import Line, find, label, pinned_ports
from provision.login.openssh import Answer, ConfigError
from provision.settings.model import Settings, settings_from
from provision.settings.secrets import value_of

TIMEOUT_SECONDS = 5.0
# `ssh -G` is a process of some milliseconds.
PARALLEL = 16
NO_FILES = ("none", "/dev/null")


@dataclass(frozen=True)
class Target:
    """One host to log in on. `users` and `ports` are tried in their order."""

    name: str
    address: str
    ports: tuple[int, ...]
    users: tuple[str, ...]
    known_hosts: tuple[Path, ...]
    """The operator's files, the one that is written to first; empty where ssh is told to keep none."""
    admin: str = ""
    admin_keys: tuple[bytes, ...] = ()
    """Public key blobs that will open the admin's account: offered first, and to the admin nothing else."""
    wanted_port: int | None = None
    other_ports: tuple[int, ...] = ()
    """Not tried, but what is pinned for them is this host's key too."""
    key_file: str | None = None
    """Named by the data: offered alone."""
    identities: tuple[str, ...] = ()
    certificates: tuple[str, ...] = ()
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
    """ProxyJump's hops as they are written, for messages; ssh itself goes through them, by `proxy_command`."""
    proxy_command: str | None = None
    """With %h and its kin still in it."""
    timeout: float = TIMEOUT_SECONDS
    ssh_config_file: str | None = None
    asked: str = ""
    """The name that ssh was asked about, "" where it was not."""
    global_known_hosts: tuple[Path, ...] = ()
    host_key_alias: str | None = None
    strict: str = "ask"
    """StrictHostKeyChecking: yes, no, ask or accept-new."""
    more_proofs: bool = False
    """Whether ssh may know the host's key by other ways: KnownHostsCommand, VerifyHostKeyDNS."""
    connection: Connection = field(default_factory=Connection)
    pkcs11: str = ""
    """PKCS11Provider: its keys are offered where an agent holds them."""

    def place(self, port: int) -> tuple[str, int]:
        """Address and port as known_hosts has them: an alias stands for all ports."""
        return (self.host_key_alias, 22) if self.host_key_alias else (self.address, port)

    def known_as(self, port: int) -> str:
        """The host's name in known_hosts."""
        return label(*self.place(port))

    def lines(self, port: int) -> list[Line]:
        """What known_hosts says today of the host on this port."""
        return find((*self.known_hosts, *self.global_known_hosts), self.known_as(port))

    @property
    def unpinned(self) -> bool:
        """Whether the operator wants neither a pin nor a question, as for throw-away machines (Vagrant)."""
        return not self.known_hosts and self.strict in ("no", "accept-new")

    def as_user(self, user: str) -> "Target":
        """The target with what the configuration says where this user logs in (`Match user`, %r)."""
        if not self.asked:
            return self
        return replace(self, **_of_user(openssh.ask(self.asked, self.ssh_config_file, user), user))

    def proxy(self, user: str, port: int) -> str | None:
        """The proxy command, filled in."""
        if self.proxy_command is None:
            return None
        tokens = openssh.ask(self.asked, self.ssh_config_file, user).tokens(user, port) if self.asked else {}
        fixed = {"h": self.address, "p": str(port), "r": user, "%": "%"}
        return openssh.percent(self.proxy_command, {**tokens, **fixed})

    def ssh_options(self, user: str, port: int, key_file: str | None) -> list[str]:
        """What else ssh is to be told, in its configuration's words, to log in as we do: for the audit."""
        here = self.as_user(user)
        keys = [key_file] if key_file else here.identities
        command = None if self.jumps else self.proxy(user, port)
        lines = [f"IdentityFile {_quoted(file)}" for file in keys]
        lines += [f"CertificateFile {_quoted(file)}" for file in here.certificates]
        lines += ["IdentitiesOnly yes"] if key_file or here.agent_only_identities else []
        lines += [f"IdentityAgent {_quoted(here.agent) if here.agent else 'none'}"]
        lines += [f"HostKeyAlias {self.host_key_alias}"] if self.host_key_alias else []
        lines += [f"ProxyJump {','.join(self.jumps)}"] if self.jumps else []
        lines += [f"ProxyCommand {openssh.percent_quoted(command)}"] if command else []
        return lines + here.connection.ssh_options()


def _quoted(path: str) -> str:
    """A path as ssh_config takes it: blanks and tokens are literal."""
    return '"' + openssh.percent_quoted(path) + '"'


def _of_user(options: Answer, user: str) -> dict[str, Any]:
    """What to offer, and how to connect: identities, certificates and the agent. What is not there is left out, as ssh
    does."""
    hops, command = options.one("proxyjump", "none"), options.one("proxycommand", "none")
    connection = connection_of(options, proxied=(hops, command) != ("none", "none"))
    if options.one("pubkeyauthentication", "yes") in ("no", "false") or not _by_key(options):
        nothing = {"identities": (), "certificates": (), "agent": None, "agent_only_identities": True}
        return {**nothing, "connection": connection}
    files = [options.expand(file, user) for file in options.all("identityfile") if file != "none"]
    certificates = [options.expand(file, user) for file in options.all("certificatefile") if file != "none"]
    return {
        # An agent may hold the private half of a public key.
        "identities": tuple(file for file in files if Path(file).is_file() or Path(f"{file}.pub").is_file()),
        "certificates": tuple(file for file in certificates if Path(file).is_file()),
        "agent": options.agent(user),
        "agent_only_identities": options.yes("identitiesonly"),
        "pkcs11": options.one("pkcs11provider", "none").removeprefix("none"),
        "connection": connection,
    }


def _by_key(options: Answer) -> bool:
    """Whether PreferredAuthentications has keys in it; ssh prints it only where it is set."""
    return "publickey" in options.one("preferredauthentications", "publickey").split(",")


def targets_for(
    hosts: Mapping[str, Mapping[str, Any]], override: Mapping[str, Any]
) -> tuple[dict[str, Target], dict[str, str]]:
    """The targets of hosts (name to merged data), and a sentence for each that has none."""
    targets: dict[str, Target] = {}
    failures: dict[str, str] = {}

    def one(name: str) -> None:
        try:
            targets[name] = target_for(name, hosts[name], settings_from(hosts[name]), override)
        except ValueError as why:
            failures[name] = str(why)
        except ConfigError as why:
            failures[name] = str(why)

    if hosts:
        with ThreadPoolExecutor(min(PARALLEL, len(hosts))) as pool:
            list(pool.map(one, hosts))
    return {name: targets[name] for name in hosts if name in targets}, failures


def target_for(
    name: str, data: Mapping[str, Any], settings: Settings | None, override: Mapping[str, Any] | None = None
) -> Target:
    """The target that a host's merged data describes; without settings (an ad hoc host) only `ssh_user` or the user of
    ~/.ssh/config is tried.

    `override` is what came by --ssh-user, --ssh-port or --data: it is obeyed alone.
    Raises `ValueError` for a secret that cannot be read, `ConfigError` for what ssh says of its configuration.
    """
    asked = without_brackets(str(data.get("ssh_hostname") or name.removeprefix("@ssh/")))
    config_file = data.get("ssh_config_file")
    options = openssh.ask(asked, config_file, str(data["ssh_user"]) if data.get("ssh_user") else None)
    address = without_brackets(options.one("hostname"))
    known_hosts = known_hosts_files(data.get("ssh_known_hosts_file"), options)
    key_file, alias = data.get("ssh_key"), options.one("hostkeyalias")
    users = users_to_try(data, settings, asked)
    hops, command = options.one("proxyjump", "none"), options.one("proxycommand", "none")
    return Target(
        name=name,
        address=address,
        ports=ports_to_try(data, settings, override or {}, options, known_hosts, "" if alias else address),
        users=users,
        known_hosts=known_hosts,
        admin=settings.admin_user if settings else "",
        admin_keys=tuple(base64.b64decode(key.split()[1]) for key in settings.admin_keys) if settings else (),
        wanted_port=settings.sshd_port if settings else None,
        key_file=str(Path(key_file).expanduser()) if key_file else None,
        **_of_user(options, users[0]),
        key_password=data.get("ssh_key_password"),
        password=password_for(data, settings),
        admin_password=value_of(settings.admin_password) if settings and settings.admin_password else None,
        follow="bootstrap_user" not in data and "ssh_user" not in data,
        jumps=() if hops == "none" else tuple(hops.split(",")),
        proxy_command=openssh.through(hops, config_file)
        if hops != "none"
        else None
        if command == "none"
        else command,
        timeout=seconds(options.one("connecttimeout")) * (settings.timeout_factor if settings else 1),
        ssh_config_file=config_file,
        asked=asked,
        global_known_hosts=existing_files(options, "globalknownhostsfile"),
        host_key_alias=alias or None,
        strict=STRICT.get(options.one("stricthostkeychecking"), options.one("stricthostkeychecking")),
        more_proofs=options.one("knownhostscommand", "none") != "none" or options.yes("verifyhostkeydns"),
    )


STRICT = {"true": "yes", "false": "no", "off": "no"}


def without_brackets(address: str) -> str:
    """An IPv6 address may be written as in a URL; ssh and the resolver take it bare."""
    return address[1:-1] if address.startswith("[") and address.endswith("]") else address


def seconds(connect_timeout: str) -> float:
    """ConnectTimeout, or our own where there is none: ssh would wait for the network stack, two minutes."""
    return float(connect_timeout) if connect_timeout.isdigit() and int(connect_timeout) else TIMEOUT_SECONDS


def users_to_try(data: Mapping[str, Any], settings: Settings | None, asked: str) -> tuple[str, ...]:
    """`ssh_user` alone where it is set; else the admin, then the bootstrap user (or ~/.ssh/config's, or root)."""
    if data.get("ssh_user"):
        return (str(data["ssh_user"]),)
    if settings is None:
        return (openssh.ask(asked, data.get("ssh_config_file")).one("user") or getpass.getuser(),)
    first = data.get("bootstrap_user")
    # Where the default is the operator's own name, it makes no difference whether it was configured.
    first = first or openssh.configured_user(asked, data.get("ssh_config_file")) or settings.bootstrap_user
    return tuple(dict.fromkeys((settings.admin_user, str(first))))


def ports_to_try(
    data: Mapping[str, Any],
    settings: Settings | None,
    override: Mapping[str, Any],
    options: Answer,
    known_hosts: tuple[Path, ...],
    address: str,
) -> tuple[int, ...]:
    """`ssh_port`, then `sshd_port`; without `ssh_port` also where sshd may still listen: ~/.ssh/config's port, 22. Last
    the ports that it was seen on."""
    if override.get("ssh_port"):
        return (int(override["ssh_port"]),)
    wanted = [settings.sshd_port] if settings else []
    configured = int(options.one("port", "22"))
    seen = pinned_ports(known_hosts, address) if address else []
    if data.get("ssh_port"):
        return tuple(dict.fromkeys([int(data["ssh_port"]), *wanted, *seen]))
    # sshd's usual port is a guess; ~/.ssh/config's is the operator's word.
    first = [] if wanted == [22] else wanted
    return tuple(dict.fromkeys([*first, configured, 22, *seen]))


def known_hosts_files(named: str | None, options: Answer) -> tuple[Path, ...]:
    """The operator's files, the one that is written to first."""
    if named:
        files = [str(Path(named).expanduser())]
    else:
        files = [
            options.expand(openssh.at_home(file)) for file in openssh.paths(options.one("userknownhostsfile"))
        ]
    return tuple(Path(file).absolute() for file in files if file not in NO_FILES)


def existing_files(options: Answer, keyword: str) -> tuple[Path, ...]:
    paths = (
        Path(options.expand(file)) for file in openssh.paths(options.one(keyword)) if file not in NO_FILES
    )
    return tuple(path for path in paths if path.is_file())


def password_for(data: Mapping[str, Any], settings: Settings | None) -> str | None:
    """pyinfra's own `ssh_password` (--ssh-password), or what `bootstrap_password` refers to."""
    if data.get("ssh_password"):
        return str(data["ssh_password"])
    return value_of(settings.bootstrap_password) if settings and settings.bootstrap_password else None
