"""How the operator's OpenSSH configuration wants a connection made (ssh_config(5)): address family, source address,
algorithms, revoked host keys.

What we cannot do as ssh does is refused by name: a connection that goes another way than ssh's is a wrong one.
"""

import base64
import binascii
import socket
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import paramiko

from provision.login.known_hosts import HostKey
from provision.login.openssh import Answer, ConfigError, NoLogin, executable, paths

FAMILIES = {"inet": socket.AF_INET, "inet6": socket.AF_INET6}
ALGORITHMS = {
    "KexAlgorithms": "kex",
    "HostKeyAlgorithms": "key_types",
    "Ciphers": "ciphers",
    "MACs": "digests",
}
"""The keyword, and what paramiko calls it."""
OF_CERTIFICATES = "-cert-v01@openssh.com"
SAME = {"curve25519-sha256": "curve25519-sha256@libssh.org"}
"""One algorithm under two names; paramiko knows it by the second."""
KRL = b"SSHKRL\n\0"
"""How a key revocation list in OpenSSH's binary format begins; any other file is a list of public keys."""


@dataclass(frozen=True)
class Connection:
    """What counts for each connection to a host; behind a proxy command only algorithms and revoked keys do."""

    family: int = socket.AF_UNSPEC
    source: str = ""
    """BindAddress: the address, or its name, that connections come from."""
    algorithms: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """By keyword, the names that ssh would offer."""
    revoked_keys: tuple[Path, ...] = ()

    def ssh_options(self) -> list[str]:
        """The way and the revoked keys in the configuration's words, for ssh in the audit."""
        lines = [f"AddressFamily {name}" for name, family in FAMILIES.items() if family == self.family]
        lines += [f"BindAddress {self.source}"] if self.source else []
        return lines + [f'RevokedHostKeys "{file}"' for file in self.revoked_keys]


def connection_of(options: Answer, *, proxied: bool) -> Connection:
    """What the configuration says. Raises `ConfigError` for what only ssh itself can do."""
    if (interface := options.one("bindinterface")) and not proxied:
        raise ConfigError(
            f"BindInterface {interface} of your ssh configuration is not supported; "
            "write BindAddress with that interface's address instead"
        )
    if options.yes("proxyusefdpass") and options.one("proxycommand", "none") != "none":
        raise ConfigError(
            "ProxyUseFdpass of your ssh configuration is not supported; "
            "write a ProxyCommand that passes the connection on itself, without nc -F"
        )
    revoked = [options.expand(file) for file in paths(options.one("revokedhostkeys")) if file != "none"]
    lists = {keyword: options.one(keyword.lower()) for keyword in ALGORITHMS}
    return Connection(
        FAMILIES.get(options.one("addressfamily"), socket.AF_UNSPEC),
        options.one("bindaddress"),
        tuple((keyword, tuple(names.split(","))) for keyword, names in lists.items() if names),
        tuple(map(Path, revoked)),
    )


def restrict(security: paramiko.transport.SecurityOptions, wanted: Connection) -> None:
    """Offer the host no algorithm that ssh would not. Raises `ConfigError` where none is left."""
    for keyword, allowed in wanted.algorithms:
        offered = getattr(security, ALGORITHMS[keyword])
        left = allowed_of(offered, allowed)
        if not left:
            raise ConfigError(
                f"{keyword} {','.join(allowed)} of your ssh configuration leaves none that this tool can use; "
                f"add one of {', '.join(offered)}"
            )
        setattr(security, ALGORITHMS[keyword], left)


def allowed_of(offered: Sequence[str], allowed: Sequence[str]) -> list[str]:
    """Those of `offered` that ssh would use too. A host key that is shown by a certificate is looked at without it."""
    names = {SAME.get(name, name).removesuffix(OF_CERTIFICATES) for name in allowed}
    return [name for name in offered if name in names]


def open_socket(address: str, port: int, wanted: Connection, timeout_s: float) -> socket.socket:
    """A TCP connection to the first address that answers. Raises `OSError`; `NoLogin` for BindAddress."""
    places = socket.getaddrinfo(address, port, wanted.family, socket.SOCK_STREAM)
    failure: OSError | None = None
    for family, kind, protocol, _, place in places:
        link = socket.socket(family, kind, protocol)
        try:
            link.settimeout(timeout_s)
            if wanted.source and not _bind(link, wanted.source):
                link.close()
                continue
            link.connect(place)
            return link
        except OSError as error:
            link.close()
            failure = error
    raise failure or _no_source(wanted.source, f"the host has no address of that kind: {places[0][4][0]}")


def _bind(link: socket.socket, source: str) -> bool:
    """Bind to BindAddress; False where it has no address of this socket's family. Raises `NoLogin`."""
    try:
        found = socket.getaddrinfo(source, 0, link.family, socket.SOCK_STREAM)
    except socket.gaierror:
        return False
    try:
        link.bind(found[0][4])
    except OSError as error:
        raise _no_source(source, error.strerror or str(error)) from None
    return True


def _no_source(source: str, why: str) -> NoLogin:
    return NoLogin(
        f"BindAddress {source} of your ssh configuration cannot be used ({why}); "
        "correct it, then try: ip -brief address"
    )


def in_revoked_file(file: Path, key: HostKey) -> bool:
    """Whether a file of RevokedHostKeys names this key. Raises `NoLogin` where it cannot be read: ssh then trusts no
    host at all."""
    try:
        data = file.read_bytes()
    except OSError as error:
        raise NoLogin(
            f"RevokedHostKeys {file} of your ssh configuration cannot be read ({error.strerror}), so no host key is "
            f"trusted; correct it, then try: ls -l {file}"
        ) from None
    if not data.startswith(KRL):
        return any(_blob(line) == _blob(key.base64) for line in data.decode(errors="replace").split())
    command = [executable("ssh-keygen"), "-Q", "-f", str(file), "/dev/stdin"]
    text = f"{key.type} {key.base64}\n".encode()
    return subprocess.run(command, input=text, capture_output=True).returncode != 0


def _blob(text: str) -> Any:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
