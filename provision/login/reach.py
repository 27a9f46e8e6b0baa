"""From an address to an SSH connection whose host key is the right one; nobody is logged in yet."""

import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import paramiko

from provision.login import messages as words
from provision.login.connection import in_revoked_file, open_socket, restrict
from provision.login.known_hosts import (
    HostKey,
    Line,
    authorities,
    key_order,
    pin,
    pinned,
    pinned_ports,
    revoked,
)
from provision.login.openssh import NoLogin as NoLogin
from provision.login.openssh import proves
from provision.login.proxy import NOT_THERE, Proxy
from provision.login.target import Target

KEEPALIVE_SECONDS = 15
# A connection that a firewall swallowed is noticed after this; pyinfra itself would wait for ever.
DEAD_MILLISECONDS = 60_000


class _NoAnswer(NoLogin):
    """What answers does not come as far as its host key."""


class _NotHere(Exception):
    """Nothing answers on this port; another may."""


@dataclass
class Link:
    """An SSH connection to a host, and the proxy command that it goes through."""

    target: Target
    port: int
    transport: paramiko.Transport = field(repr=False)
    proxy: Proxy | None = field(default=None, repr=False)

    def close(self) -> None:
        """Hang up, the way through jump hosts included."""
        self.transport.close()
        if self.proxy:
            self.proxy.close()

    def known_hosts_file(self) -> str:
        """The file that pins this host's key, for ssh's own connections."""
        shown = _shown(self.transport)
        files = [line.file for line in pinned(self.target.lines(self.port)) if line.key == shown]
        return str([*files, *self.target.known_hosts, Path("/dev/null")][0])


def connect(target: Target, user: str) -> Link:
    """Open the first port that answers and check the host key. Raises `NoLogin`."""
    failures = []
    for port in target.ports:
        try:
            return _open(target, port, user)
        except _NotHere as failure:
            failures.append((port, str(failure)))
    raise NoLogin(words.unreachable(target.address, failures, ",".join(target.jumps)))


def _open(target: Target, port: int, user: str) -> Link:
    command = target.proxy(user, port)
    if command is None:
        return Link(target, port, handshake(target, port, user, _socket(target, port)))
    proxy = Proxy(command)
    try:
        link = Link(target, port, handshake(target, port, user, proxy.socket), proxy)
    except _NoAnswer:
        said = proxy.said()
        proxy.close()
        if any(sign in said.lower() for sign in NOT_THERE):
            raise _NotHere(f"cannot be reached ({said})") from None
        if not said:
            raise
        raise NoLogin(words.proxy_failed(target.address, ",".join(target.jumps), command, said)) from None
    except NoLogin:
        proxy.close()
        raise
    for line in proxy.pinned():
        say(target.name, words.jump_first_sight(line))
    return link


def _socket(target: Target, port: int) -> Any:
    try:
        link = open_socket(target.address, port, target.connection, target.timeout)
    except socket.gaierror as error:
        raise NoLogin(words.no_such_name(target.address, error.strerror or str(error))) from None
    except UnicodeError:
        raise NoLogin(words.no_such_name(target.address, "not a DNS name")) from None
    except TimeoutError:
        raise _NotHere(f"did not answer within {target.timeout:g} s") from None
    except ConnectionRefusedError:
        raise _NotHere("is closed") from None
    except OSError as error:
        raise _NotHere(f"failed ({error.strerror or error})") from None
    no_delay(link)
    return link


def no_delay(link: Any) -> None:
    """Without this each command waits 40 ms for the network stack: paramiko leaves Nagle's algorithm on."""
    if isinstance(link, socket.socket):
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, DEAD_MILLISECONDS)


def handshake(target: Target, port: int, user: str, link: Any) -> paramiko.Transport:
    """Agree on keys over an open socket; the host proves its key. Raises `NoLogin`."""
    known = target.lines(port)
    transport = paramiko.Transport(link)
    transport.banner_timeout = transport.auth_timeout = max(target.timeout, 15.0)
    security = transport.get_security_options()
    try:
        restrict(security, target.connection)
        security.key_types = key_order(pinned(known), list(security.key_types))
        transport.start_client(timeout=max(target.timeout, 15.0))
        check(target, port, _shown(transport), user, known)
    except (paramiko.SSHException, EOFError, OSError) as error:
        transport.close()
        raise _NoAnswer(words.no_ssh(target.address, port, str(error) or type(error).__name__)) from None
    except NoLogin:
        transport.close()
        raise
    transport.set_keepalive(KEEPALIVE_SECONDS)
    return transport


def check(
    target: Target, port: int, shown: HostKey, user: str = "", found: Sequence[Line] | None = None
) -> None:
    """Refuse a key that is not the pinned one; pin at first sight. Raises `NoLogin`.

    `found` is what known_hosts says of the host.
    """
    lines = target.lines(port) if found is None else found
    place = target.place(port)
    if revoked(lines, shown) or any(in_revoked_file(file, shown) for file in target.connection.revoked_keys):
        raise NoLogin(words.revoked(*place, shown))
    known = [(line.key, line.file) for line in pinned(lines)]
    if any(key == shown for key, _ in known):
        return
    vouched = _vouched(target, port, shown, user, lines)
    if known and not vouched:
        raise NoLogin(words.changed(*place, shown, known))
    moved = vouched or _moved(target, port, shown)
    if target.unpinned:
        say(target.name, words.unpinned(*place, shown, target.strict))
        return
    if not moved and target.strict == "yes":
        raise NoLogin(words.strict(*place, shown, target.address, port, authorities(lines) != []))
    if not target.known_hosts:
        if vouched:
            return
        raise NoLogin(words.nowhere_to_pin(*place))
    try:
        pin(target.known_hosts[0], target.known_as(port), shown)
    except OSError as error:
        raise NoLogin(words.cannot_pin(target.known_hosts[0], error.strerror or str(error))) from None
    if not moved:
        say(target.name, words.first_sight(*place, shown, target.known_hosts[0]))


def _vouched(target: Target, port: int, shown: HostKey, user: str, lines: Sequence[Line]) -> bool:
    """Whether ssh accepts the key by something other than a pin: paramiko has no host certificates. Once accepted it
    is pinned, so that ssh is not asked in every run."""
    if not target.asked or not (authorities(lines) or target.more_proofs):
        return False
    named = str(target.known_hosts[0]) if len(target.known_hosts) == 1 else None
    return proves(target.asked, target.ssh_config_file, user, port, named, shown.fingerprint)


def _moved(target: Target, port: int, shown: HostKey) -> bool:
    """Whether the host showed this key on another port. Raises `NoLogin` where it showed another one there and the
    settings ask for this port."""
    if target.host_key_alias:
        return False
    files = target.known_hosts
    others = {22, *target.ports, *target.other_ports, *pinned_ports(files, target.address)} - {port}
    elsewhere = [(line.key, line.file) for other in sorted(others) for line in pinned(target.lines(other))]
    if any(key == shown for key, _ in elsewhere):
        return True
    # The port that the settings ask for belongs to the same sshd, so it has the same key. A port of ~/.ssh/config may
    # be forwarded to another machine.
    if elsewhere and port == target.wanted_port:
        raise NoLogin(words.other_port(target.address, port, shown, elsewhere))
    return False


def _shown(transport: paramiko.Transport) -> HostKey:
    key = transport.get_remote_server_key()
    return HostKey(key.get_name(), key.get_base64())


def say(name: str, sentence: str) -> None:
    """Tell the operator; stdout belongs to --json."""
    print(f"host {name}: {sentence}", file=sys.stderr, flush=True)
