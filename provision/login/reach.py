"""From an address to an SSH connection whose host key is the right one; nobody is logged in yet."""

import socket
import sys
from dataclasses import dataclass, field
from typing import Any

import paramiko

from provision.login import messages as words
from provision.login.known_hosts import HostKey, key_order, pin, pinned, pinned_ports, revoked
from provision.login.target import Target

KEEPALIVE_SECONDS = 15
# A connection that a firewall swallowed is noticed after this; pyinfra itself would wait for ever.
DEAD_MILLISECONDS = 60_000


class NoLogin(Exception):
    """Why nobody could log in: a sentence without the host's name."""


class _NotHere(Exception):
    """Nothing answers on this port; another may."""


@dataclass
class Link:
    """An SSH connection to a host, and the one to the jump host that it goes through."""

    target: Target
    port: int
    transport: paramiko.Transport = field(repr=False)
    via: "Link | None" = field(default=None, repr=False)

    def close(self) -> None:
        """Hang up, jump hosts included."""
        self.transport.close()
        if self.via:
            self.via.close()

    def known_hosts_file(self) -> str:
        """The file that pins this host's key, for ssh's own connections."""
        shown = _shown(self.transport)
        pins = pinned(self.target.lines(), self.target.address, self.port)
        return str(next((line.file for line in pins if line.key == shown), self.target.known_hosts[0]))


def connect(target: Target, via: Link | None = None) -> Link:
    """Open the first port that answers and check the host key. Raises `NoLogin`."""
    failures = []
    for port in target.ports:
        try:
            return Link(target, port, handshake(target, port, _socket(target, port, via)), via)
        except _NotHere as failure:
            failures.append((port, str(failure)))
    raise NoLogin(words.unreachable(target.address, failures, ",".join(target.jumps)))


def _socket(target: Target, port: int, via: Link | None) -> Any:
    if target.proxy_command:
        return paramiko.ProxyCommand(target.proxy_command)
    try:
        if via is not None:
            place, origin = (target.address, port), ("127.0.0.1", 0)
            return via.transport.open_channel("direct-tcpip", place, origin, timeout=target.timeout)
        link = socket.create_connection((target.address, port), timeout=target.timeout)
    except socket.gaierror as error:
        raise NoLogin(words.no_such_name(target.address, error.strerror or str(error))) from None
    except UnicodeError:
        raise NoLogin(words.no_such_name(target.address, "not a DNS name")) from None
    except TimeoutError:
        raise _NotHere(f"did not answer within {target.timeout:g} s") from None
    except ConnectionRefusedError:
        raise _NotHere("is closed") from None
    except paramiko.ChannelException as error:
        raise _NotHere(f"is closed to the jump host ({error.text})") from None
    except OSError as error:
        raise _NotHere(f"failed ({error.strerror or error})") from None
    except paramiko.SSHException:
        raise _NotHere(f"did not answer the jump host within {target.timeout:g} s") from None
    no_delay(link)
    return link


def no_delay(link: Any) -> None:
    """Without this each command waits 40 ms for the network stack: paramiko leaves Nagle's algorithm on."""
    if isinstance(link, socket.socket):
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, DEAD_MILLISECONDS)


def handshake(target: Target, port: int, link: Any) -> paramiko.Transport:
    """Agree on keys over an open socket; the host proves its key. Raises `NoLogin`."""
    known = pinned(target.lines(), target.address, port)
    transport = paramiko.Transport(link)
    transport.banner_timeout = transport.auth_timeout = max(target.timeout, 15.0)
    security = transport.get_security_options()
    security.key_types = key_order(known, list(security.key_types))
    try:
        transport.start_client(timeout=max(target.timeout, 15.0))
        check(target, port, _shown(transport))
    except (paramiko.SSHException, EOFError, OSError) as error:
        transport.close()
        raise NoLogin(words.no_ssh(target.address, port, str(error) or type(error).__name__)) from None
    except NoLogin:
        transport.close()
        raise
    transport.set_keepalive(KEEPALIVE_SECONDS)
    return transport


def check(target: Target, port: int, shown: HostKey) -> None:
    """Refuse a key that is not the pinned one; pin at first sight. Raises `NoLogin`."""
    lines = target.lines()
    if revoked(lines, target.address, port, shown):
        raise NoLogin(words.revoked(target.address, port, shown))
    known = [(line.key, line.file) for line in pinned(lines, target.address, port)]
    if any(key == shown for key, _ in known):
        return
    if known:
        raise NoLogin(words.changed(target.address, port, shown, known))
    others = {22, *target.ports, *target.other_ports, *pinned_ports(lines, target.address)} - {port}
    elsewhere = [
        (line.key, line.file) for other in sorted(others) for line in pinned(lines, target.address, other)
    ]
    moved = any(key == shown for key, _ in elsewhere)
    # The port that the settings ask for belongs to the same sshd, so it has the same key. A port of ~/.ssh/config may
    # be forwarded to another machine.
    if elsewhere and not moved and port == target.wanted_port:
        raise NoLogin(words.other_port(target.address, port, shown, elsewhere))
    try:
        pin(target.known_hosts[0], target.address, port, shown)
    except OSError as error:
        raise NoLogin(words.cannot_pin(target.known_hosts[0], error.strerror or str(error))) from None
    if not moved:
        say(target.name, words.first_sight(target.address, port, shown, target.known_hosts[0]))


def _shown(transport: paramiko.Transport) -> HostKey:
    key = transport.get_remote_server_key()
    return HostKey(key.get_name(), key.get_base64())


def say(name: str, sentence: str) -> None:
    """Tell the operator; stdout belongs to --json."""
    print(f"host {name}: {sentence}", file=sys.stderr, flush=True)
