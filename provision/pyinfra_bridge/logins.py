"""Hand our logins to pyinfra: its SSH connector uses the connection that is already open.

pyinfra 3.10 has no hook for this, so its connector's `connect` is replaced; tests/host/test_login.py notices when a
new pyinfra no longer goes through it. What it buys: one connection a run instead of two, TCP_NODELAY, a host key
checked by our rules, and passwords that never stand in host data, which `debug-inventory` prints.

sudo's password goes to sudo's standard input. pyinfra's own way puts it on the host's command line, where `ps` shows it
to everybody, and an executable file beside it into /tmp.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import paramiko
from pyinfra.api.exceptions import ConnectError
from pyinfra.connectors.ssh import SSHConnector
from pyinfra.connectors.ssh_util import _patch_paramiko_sk_key_support
from pyinfra.connectors.sshuserclient import SSHClient

from provision.login.known_hosts import HostKey, pin, pinned
from provision.login.probe import Login, log_in
from provision.login.reach import NoLogin
from provision.login.shells import is_posix, wrapped
from provision.login.target import TIMEOUT_SECONDS, Target

if TYPE_CHECKING:
    from pyinfra.api.host import Host

_targets: dict[str, Target] = {}
_logins: dict[str, Login] = {}
_former: list[Login] = []
_pyinfras_own = SSHConnector.connect
# Keys on security tokens (sk-*), for all logins of this process: paramiko knows none by itself.
_patch_paramiko_sk_key_support()


SUDO = "sudo -H -n sh -c "
"""How pyinfra's commands begin that are to run as root without a password."""
READY, INPUT = "harvest: root now", "harvest: the command reads on from here"
# Where sudo did not ask (the right may have changed a moment ago), the password's line is still there to be skipped.
SKIP = f"""while read -r line && [ "$line" != "{INPUT}" ]; do :; done"""
BEGIN = f"""sh -c 'echo "{READY}" >&2; {SKIP}; exec "$@"' harvest-sudo"""
SUDO_SECONDS = 30.0
"""How long sudo may take to ask and to check a password (PAM may ask elsewhere); more with `timeout_factor`."""


class Client(SSHClient):
    """A connection of a user with the login shell `shell`."""

    def __init__(self, shell: str = "") -> None:
        super().__init__()
        self._posix = is_posix(shell)

    def exec_command(self, command: str, *words: Any, **options: Any) -> Any:
        return super().exec_command(command if self._posix else wrapped(command), *words, **options)


class SudoClient(Client):
    """A connection on which sudo asks for a password, and gets it."""

    def __init__(self, password: str, shell: str = "", sudo_s: float = SUDO_SECONDS) -> None:
        super().__init__(shell)
        self._sudo_password, self._sudo_s = password, sudo_s

    def exec_command(self, command: str, *words: Any, **options: Any) -> Any:
        if not command.startswith(SUDO):
            return super().exec_command(command, *words, **options)
        asking = f"sudo -H -k -S -p '' {BEGIN} sh -c {command.removeprefix(SUDO)}"
        stdin, stdout, stderr = super().exec_command(asking, *words, **options)
        stdin.write(f"{self._sudo_password}\n")
        stdin.flush()
        # sudo-rs reads on beyond the line, so what follows waits until it has done with it.
        stderr.channel.settimeout(self._sudo_s)
        try:
            while (line := stderr.readline()) and line.strip() != READY:
                pass
        except TimeoutError:
            raise TimeoutError(
                f"sudo did not take the password within {self._sudo_s:g} s; where the host is that slow, set "
                "timeout_factor"
            ) from None
        stderr.channel.settimeout(None)
        stdin.write(f"{INPUT}\n")
        stdin.flush()
        return stdin, stdout, stderr


def register_logins(targets: Mapping[str, Target], logins: Mapping[str, Login]) -> None:
    """From now on pyinfra connects to these hosts by `logins`; to those without one, when it first needs them."""
    _targets.update(targets)
    _logins.update(logins)
    SSHConnector.connect = _connect  # type: ignore[method-assign]


def _connect(self: SSHConnector) -> None:
    name = self.host.name
    if name not in _targets:
        _pyinfras_own(self)
        return
    login = _logins.get(name)
    if login is None or not login.alive:  # outside --limit, or after a reboot
        try:
            login = _logins[name] = log_in(_targets[name])
        except NoLogin as why:
            raise ConnectError(str(why)) from None
    _work_over(self, login)


def _work_over(connector: SSHConnector, login: Login) -> None:
    client = Client(login.shell)
    if login.sudo_password:
        slow = max(login.link.target.timeout / TIMEOUT_SECONDS, 1.0)
        client = SudoClient(login.sudo_password, login.shell, SUDO_SECONDS * slow)
    client._transport = login.link.transport  # type: ignore[attr-defined]
    connector.client = client


def learn(login: Login) -> None:
    """Pin the host's ed25519 key, which our sshd shows alone, where another of its keys is pinned. The host tells it
    over a connection that the pinned key proves, as OpenSSH's own UpdateHostKeys has it."""
    target, port = login.link.target, login.link.port
    if not target.known_hosts or any(line.key.type == "ssh-ed25519" for line in pinned(target.lines(port))):
        return
    try:
        channel = login.link.transport.open_session(timeout=target.timeout)
        channel.settimeout(target.timeout)
        channel.exec_command("cat /etc/ssh/ssh_host_ed25519_key.pub")
        words = channel.makefile().read().decode(errors="replace").split()
        channel.close()
    except (paramiko.SSHException, EOFError, OSError):  # the fresh login tells what is wrong
        return
    if words[:1] == ["ssh-ed25519"]:
        pin(target.known_hosts[0], target.known_as(port), HostKey(*words[:2]))


def probe_login(host: "Host", user: str, port: int) -> str | None:
    """Log in on a host afresh, as one user on one port, and hang up; None, or the sentence why not.

    For a guard that wants to know whether a change lets the admin in. A key pinned on another port is pinned for
    this one if it is the same.
    """
    target = _targets.get(host.name)
    if target is None:
        return f"no login of {host.name} is known: its inventory does not end with resolve(globals())"
    login = _logins.get(host.name)
    if login is not None:
        learn(login)
    known = (*target.ports, *([login.link.port] if login else []))
    fresh = replace(target, users=(user,), ports=(port,), wanted_port=port, other_ports=known, follow=False)
    try:
        proof = log_in(fresh)
    except NoLogin as why:
        return str(why)
    if login is None or login.user in (user, "root"):
        proof.link.close()
        return None
    # Who was the admin until now has no sudo any more. His connection stays open: the host's lock hangs on it.
    _former.append(login)
    _logins[host.name] = proof
    _work_over(host.connector, proof)  # type: ignore[arg-type]
    return None
