"""Hand our logins to pyinfra: its SSH connector uses the connection that is already open.

pyinfra 3.10 has no hook for this, so its connector's `connect` is replaced; tests/host/test_login.py notices when a
new pyinfra no longer goes through it. What it buys: one connection a run instead of two, TCP_NODELAY, a host key
checked by our rules, and passwords that never stand in host data, which `debug-inventory` prints.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from pyinfra.api.exceptions import ConnectError
from pyinfra.connectors.ssh import SSHConnector
from pyinfra.connectors.sshuserclient import SSHClient

from provision.login import Login, log_in
from provision.login_reach import NoLogin
from provision.login_target import Target

if TYPE_CHECKING:
    from pyinfra.api.host import Host

_targets: dict[str, Target] = {}
_logins: dict[str, Login] = {}
_pyinfras_own = SSHConnector.connect


def adopt(targets: Mapping[str, Target], logins: Mapping[str, Login]) -> None:
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
    self.client = SSHClient()
    self.client._transport = login.link.transport  # type: ignore[attr-defined]
    if login.sudo_password:
        # Where pyinfra keeps a sudo password that it asked for itself.
        self.host.connector_data["prompted_sudo_password"] = login.sudo_password


def knock(host: "Host", user: str, port: int) -> str | None:
    """Log in on a host afresh, as one user on one port, and hang up; None, or the sentence why not.

    For a guard that wants to know whether a change lets the admin in. A key pinned on another port is pinned for
    this one if it is the same.
    """
    target = _targets.get(host.name)
    if target is None:
        return f"no login of {host.name} is known: its inventory does not end with settle(globals())"
    known = (*target.ports, *([_logins[host.name].link.port] if host.name in _logins else []))
    fresh = replace(target, users=(user,), ports=(port,), wanted_port=port, other_ports=known, follow=False)
    try:
        log_in(fresh).link.close()
    except NoLogin as why:
        return str(why)
    return None
