"""The operator's known_hosts: what is pinned for a host, and the line more at first sight.

Format: sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT". pyinfra 3.10 and paramiko give up a whole file for one line that they
cannot read and take another key type for a changed key, hence a reader of our own.
"""

import base64
import binascii
import fcntl
import hashlib
import hmac
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path


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


def read(files: Iterable[Path]) -> list[Line]:
    """All lines that hold a key; a line that is none is passed over.

    A file that cannot be read holds none: `pin` cannot write it either, so no host is trusted for it.
    """
    lines = []
    for file in files:
        try:
            text = file.read_text(errors="replace")
        except OSError:
            continue
        for words in (line.split() for line in text.splitlines() if not line.lstrip().startswith("#")):
            marker = words.pop(0) if words and words[0].startswith("@") else ""
            if len(words) >= 3:
                lines.append(Line(file, marker, words[0], HostKey(words[1], words[2])))
    return lines


def names_match(names: str, wanted: str) -> bool:
    """Whether the first field of a line is about a host: hashed, plain, with wildcards or negated."""
    if names.startswith("|1|"):
        return _hashed_match(names, wanted)
    patterns = names.split(",")
    # fnmatch would take "[host]:2222" for a set of characters.
    if any(_pattern_match(pattern[1:], wanted) for pattern in patterns if pattern.startswith("!")):
        return False
    return any(_pattern_match(pattern, wanted) for pattern in patterns)


def _pattern_match(pattern: str, wanted: str) -> bool:
    return fnmatchcase(wanted.lower(), pattern.lower().replace("[", "[[]"))


def _hashed_match(field: str, wanted: str) -> bool:
    try:
        salt, digest = (base64.b64decode(part) for part in field[3:].split("|"))
    except ValueError:
        return False
    return hmac.compare_digest(hmac.new(salt, wanted.encode(), hashlib.sha1).digest(), digest)


def pinned(lines: Iterable[Line], address: str, port: int) -> list[Line]:
    """The keys pinned for a host (certificate authorities are not: paramiko has no host certificates)."""
    wanted = label(address, port)
    return [line for line in lines if not line.marker and names_match(line.names, wanted)]


def revoked(lines: Iterable[Line], address: str, port: int, key: HostKey) -> bool:
    """Whether the operator marked this key as @revoked."""
    wanted = label(address, port)
    return any(
        line.marker == "@revoked" and line.key == key and names_match(line.names, wanted) for line in lines
    )


def pinned_ports(lines: Iterable[Line], address: str) -> list[int]:
    """The ports other than 22 that a host was seen on, from lines that are not hashed."""
    entry = re.compile(rf"\[{re.escape(address)}\]:(\d{{1,5}})")
    found = (entry.fullmatch(name) for line in lines if not line.marker for name in line.names.split(","))
    return list(dict.fromkeys(int(match[1]) for match in found if match))


def key_order(pins: Sequence[Line], offered: Sequence[str]) -> list[str]:
    """Host key algorithms, those of the pinned keys first, so that the server shows a key that can be compared."""
    types = {line.key.type for line in pins}
    # An RSA key is "ssh-rsa" in known_hosts; its signatures are rsa-sha2-*. SHA-1 is not offered at all.
    safe = [name for name in offered if name != "ssh-rsa"]
    first = [name for name in safe if name in types or (name.startswith("rsa-") and "ssh-rsa" in types)]
    return first + [name for name in safe if name not in first]


def pin(file: Path, address: str, port: int, key: HostKey) -> None:
    """Add a line, making file (0600) and directory (0700) where they are missing; safe beside other writers."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    line = f"{label(address, port)} {key.type} {key.base64}\n"
    with os.fdopen(os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "r+") as known:
        fcntl.lockf(known, fcntl.LOCK_EX)
        text = known.read()
        if line not in text.splitlines(keepends=True):
            known.write("\n" + line if text and not text.endswith("\n") else line)
