"""Who can log in on a host today: the admin, else the bootstrap user, over a pinned host key.

`log_in` proves a login by running a command as root through it, and keeps the connection: pyinfra works on over it
(provision/pyinfra_bridge/logins.py), so that a run costs one connection and one authentication per host.
"""

import logging
import socket
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from typing import Any

from provision.login import messages as words
from provision.login.auth import Refused, authenticate, prove
from provision.login.keys import keys_for
from provision.login.known_hosts import pinned
from provision.login.reach import Link, NoLogin, connect, say
from provision.login.target import Target

PARALLEL = 32
HEARTBEAT_S = 5
"""How often the host hears from a run that is busy elsewhere: its lock counts on it (provision/remote/lock.py)."""
LIMITED_S = 30.0
FIRST_BAN_S = 600

# Else Python prints paramiko's tracebacks where the operator wants one sentence.
logging.getLogger("paramiko").addHandler(logging.NullHandler())


@dataclass
class Login:
    """A login that works, with its connection."""

    user: str
    link: Link
    key_file: str | None = None
    sudo_password: str | None = field(default=None, repr=False)
    shell: str = ""
    """The user's login shell, which every command passes through."""

    @property
    def alive(self) -> bool:
        """Whether the connection still stands."""
        return self.link.transport.is_active() and self.link.transport.is_authenticated()

    def data(self) -> dict[str, Any]:
        """What pyinfra, and `ssh` in the audit, need to connect the same way: plain values, no secrets."""
        target = self.link.target
        data: dict[str, Any] = {
            "ssh_user": self.user,
            "ssh_hostname": target.address,
            "ssh_port": self.link.port,
            "ssh_known_hosts_file": self.link.known_hosts_file(),
            "ssh_strict_host_key_checking": "no" if target.unpinned else "yes",
            "ssh_options": target.ssh_options(self.user, self.link.port, self.key_file),
            "_sudo": self.user != "root",
        }
        if self.key_file:
            data["ssh_key"] = self.key_file
        if target.jumps:
            data["ssh_proxy_jump"] = ",".join(target.jumps)
        return data


def log_in(target: Target) -> Login:
    """Log in as the first user who is let in and can act as root.

    Raises `NoLogin` with one sentence that tells what was tried and what to type next.
    """
    attempts: list[words.Attempt] = []
    # Before the host is asked: a passphrase must not use up its patience.
    offers = {user: keys_for(target, user) for user in target.users}
    first = _connected(target, target.users[0])
    users = in_order(target.users, target.admin, first.transport.remote_version)
    notes: list[str] = []
    port = target.ports[0]
    for turn, user in enumerate(users):  # grows when the host names somebody else
        keys, left_out = offers.get(user) or keys_for(target, user)
        notes += [note for note in left_out if note not in notes]
        link = _connected(target, user, reachable=True) if attempts else first
        port, keep = link.port, False
        # The port that answered once is not searched for again.
        target = replace(target, ports=(port,), other_ports=(*target.other_ports, *target.ports))
        try:
            result = authenticate(link, user, keys)
            notes += [note for note in result.notes if note not in notes]
            if isinstance(result, Refused):
                attempts.append(result.attempt)
                continue
            password = target.admin_password if user == target.admin else target.password
            proof = prove(link, password)
            if proof.root:
                keep = True
                link.transport.set_keepalive(HEARTBEAT_S)
                if target.admin in target.users and user != target.admin:
                    say(target.name, words.as_bootstrap(user, target.admin))
                return Login(user, link, result.key_file, password if user != "root" else None, proof.shell)
            attempts.append(words.Attempt(user, proof.why))
            if proof.named and target.follow and proof.named not in users:
                users.insert(turn + 1, proof.named)  # before an admin whom the host does not know
        finally:
            if not keep:
                link.close()
    # The admin first, in whatever order they were asked: the command to try is about the last.
    attempts.sort(key=lambda attempt: attempt.user != target.admin)
    raise NoLogin(words.no_login(target.address, port, attempts, notes))


def in_order(users: Sequence[str], admin: str, version: str) -> list[str]:
    """The users in the order in which they are asked. A user that the host does not know, or no longer lets in, is a
    failed login there, so the one comes first who fits: the admin where sshd hides the distribution's name, as ours
    does (DebianBanner), the bootstrap user where it names it, as a fresh host's does."""
    fresh = " " in version.strip()
    return sorted(users, key=lambda user: (user == admin) is fresh)


def log_in_all(targets: list[Target]) -> tuple[dict[str, Login], dict[str, str]]:
    """Log in on all hosts at once; returns the logins, and the sentences of the hosts where it failed."""
    logins: dict[str, Login] = {}
    failures: dict[str, str] = {}

    def one(target: Target) -> None:
        try:
            logins[target.name] = log_in(target)
        except NoLogin as why:
            failures[target.name] = str(why)

    if targets:
        with ThreadPoolExecutor(min(PARALLEL, len(targets))) as pool:
            list(pool.map(one, targets))
    return logins, failures


def _connected(target: Target, user: str, *, reachable: bool = False) -> Link:
    """A connection to the host. One that was `reachable` in this run, or is pinned, may limit us for a moment: that is
    waited for; or it may have banned us: that is said. Raises `NoLogin`."""
    known = reachable or any(pinned(target.lines(port)) for port in target.ports)
    deadline = time.monotonic() + LIMITED_S
    said = False
    while True:
        try:
            return connect(target.as_user(user), user)
        except NoLogin as why:
            if known and words.is_refusing(str(why)):
                raise NoLogin(str(why) + words.maybe_banned(source(target), _first_ban_ends())) from None
            if not (known and words.is_limiting(str(why))) or time.monotonic() > deadline:
                raise
        if not said:
            say(target.name, words.waits_for_sshd(LIMITED_S))
        said = True
        time.sleep(2)


def _first_ban_ends() -> str:
    return time.strftime("%H:%M UTC", time.gmtime(time.time() + FIRST_BAN_S + 60))


def source(target: Target) -> str:
    """Our address as the host sees it; "" where something between may change it. No packet is sent."""
    if target.jumps or target.proxy_command:
        return ""
    try:
        way = target.connection
        family, kind, protocol, _, place = socket.getaddrinfo(
            target.address, 9, way.family, socket.SOCK_DGRAM
        )[0]
        with socket.socket(family, kind, protocol) as asking:
            if way.source:
                asking.bind((way.source, 0))
            asking.connect(place)
            ours = str(asking.getsockname()[0])
        translated = ip_address(ours).is_private and not ip_address(place[0]).is_private
    except (OSError, ValueError):
        return ""
    return "" if translated else ours
