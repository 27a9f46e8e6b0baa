"""Who can log in on a host today: the admin, else the bootstrap user, over a pinned host key.

`log_in` proves a login by running a command as root through it, and keeps the connection: pyinfra works on over it
(provision/pyinfra_bridge/logins.py), so that a run costs one connection and one authentication per host.
"""

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from pyinfra.connectors.ssh_util import _patch_paramiko_sk_key_support

from provision.login import messages as words
from provision.login.auth import Refused, authenticate, prove
from provision.login.keys import keys_for
from provision.login.reach import Link, NoLogin, connect, say
from provision.login.target import Target

PARALLEL = 32

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
    _patch_paramiko_sk_key_support()
    users, attempts, notes = list(target.users), [], []
    port = target.ports[0]
    for user in users:  # grows when the host names somebody else
        keys, left_out = keys_for(target, user)
        notes += [note for note in left_out if note not in notes]
        link = connect(target.as_user(user), user)
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
                if target.admin in target.users and user != target.admin:
                    say(target.name, words.as_bootstrap(user, target.admin))
                return Login(user, link, result.key_file, password if user != "root" else None, proof.shell)
            attempts.append(words.Attempt(user, proof.why))
            if proof.named and target.follow and proof.named not in users:
                users.append(proof.named)
        finally:
            if not keep:
                link.close()
    raise NoLogin(words.no_login(target.address, port, attempts, notes))


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
