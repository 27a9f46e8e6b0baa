"""The operator's known_hosts: what is pinned for a host, and the line more at first sight.

`ssh-keygen -F` looks hosts up: hashed names, patterns and markers are its own business (sshd(8), "SSH_KNOWN_HOSTS FILE
FORMAT").
"""

import base64
import binascii
import fcntl
import hashlib
import os
import re
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from provision.login.openssh import executable


@dataclass(frozen=True)
class HostKey:
    """A public host key: its type and its base64."""

    type: str
    base64: str

    @property
    def fingerprint(self) -> str:
        """As ssh-keygen -l prints it."""
        try:
            digest = hashlib.sha256(base64.b64decode(self.base64)).digest()
        except binascii.Error:
            return "(unreadable)"
        return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


@dataclass(frozen=True)
class Line:
    """One key of a known_hosts file; `marker` is "", "@revoked" or "@cert-authority"."""

    file: Path
    marker: str
    names: str
    key: HostKey


def label(address: str, port: int) -> str:
    """How known_hosts calls an address and port."""
    return address if port == 22 else f"[{address}]:{port}"


def find(files: Iterable[Path], name: str) -> list[Line]:
    """The lines about a host, as ssh-keygen finds them. A file that cannot be read holds none: `pin` cannot write it
    either, so no host is trusted for it. Raises `ConfigError` where there is no ssh-keygen."""
    lines = []
    for file in files:
        if not file.is_file():
            continue
        command = [executable("ssh-keygen"), "-F", name, "-f", str(file)]
        text = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True).stdout
        for words in (line.split() for line in text.decode(errors="replace").splitlines()):
            marker = words.pop(0) if words and words[0].startswith("@") else ""
            if len(words) >= 3 and words[0] != "#":
                lines.append(Line(file, marker, words[0], HostKey(words[1], words[2])))
    return lines


def pinned(lines: Iterable[Line]) -> list[Line]:
    """The keys among what was found; authorities are not."""
    return [line for line in lines if not line.marker]


def authorities(lines: Iterable[Line]) -> list[Line]:
    """The certificate authorities among what was found."""
    return [line for line in lines if line.marker == "@cert-authority"]


def revoked(lines: Iterable[Line], key: HostKey) -> bool:
    """Whether the operator marked this key as @revoked."""
    return any(line.marker == "@revoked" and line.key == key for line in lines)


def pinned_ports(files: Iterable[Path], address: str) -> list[int]:
    """The ports other than 22 that a host was seen on, from names that are not hashed: ssh-keygen finds no port that it
    is not asked for."""
    entry = re.compile(rf"(?m)^(?:[^\s#@|]*,)?\[{re.escape(address)}\]:(\d{{1,5}})(?=[\s,])")
    texts = [
        file.read_text(errors="replace") for file in files if file.is_file() and os.access(file, os.R_OK)
    ]
    return list(dict.fromkeys(int(port) for text in texts for port in entry.findall(text)))


def key_order(pins: Sequence[Line], offered: Sequence[str]) -> list[str]:
    """Host key algorithms, those of the pinned keys first, so that the server shows a key that can be compared."""
    types = {line.key.type for line in pins}
    # An RSA key is "ssh-rsa" in known_hosts; its signatures are rsa-sha2-*. SHA-1 is not offered at all.
    safe = [name for name in offered if name != "ssh-rsa"]
    first = [name for name in safe if name in types or (name.startswith("rsa-") and "ssh-rsa" in types)]
    return first + [name for name in safe if name not in first]


def pin(file: Path, name: str, key: HostKey) -> None:
    """Add a line, making file (0600) and directory (0700) where they are missing; safe beside other writers."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    line = f"{name} {key.type} {key.base64}\n".encode()
    with os.fdopen(os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "rb+") as known:
        fcntl.lockf(known, fcntl.LOCK_EX)
        text = known.read()
        if line not in text.splitlines(keepends=True):
            known.write(b"\n" + line if text and not text.endswith(b"\n") else line)
