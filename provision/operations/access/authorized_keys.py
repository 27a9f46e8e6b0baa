"""Public keys that no setting names: removed from the admin's file, reported in those of other accounts."""

import base64
import hashlib
import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from provision.engine.operation import Command, log, script
from provision.engine.state import HostState, Query
from provision.operations.files import File, Files

KEY = re.compile(r"((?:sk-)?(?:ssh|ecdsa)-[a-z0-9@.-]+)\s+([A-Za-z0-9+/=]+)\s*(.*)$")


@dataclass(frozen=True)
class Foreign:
    """Keys in other files than the admin's: named, and emptied where `remove`. sshd lets none of them in."""

    own: str
    remove: bool


def query(want: Foreign) -> Query:
    return Query(keys=True)


def shown(line: str) -> str:
    """A key as ssh-keygen -lf shows it: fingerprint and comment."""
    match = KEY.search(line)
    if not match:
        return f"an unreadable line ({line[:40]}...)"
    kind, blob, comment = match.groups()
    try:
        digest = hashlib.sha256(base64.b64decode(blob)).digest()
    except ValueError:
        return f"a garbled {kind} key"
    return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')} {comment or '(no comment)'}"


def foreign(have: HostState, want: Foreign) -> dict[str, list[str]]:
    """The keys that lie in other files than the admin's."""
    return {path: lines for path, lines in have.keys.items() if path != want.own}


def files_to_change(have: HostState, want: Foreign) -> Iterable[str]:
    return sorted(foreign(have, want)) if want.remove else ()


def sentences(have: HostState, want: Foreign) -> list[str]:
    """What is reported on every run as long as it lies there."""
    fate = "; it is removed" if want.remove else "; sshd does not let it in (remove_foreign_keys removes it)"
    return [
        f"a key that no setting names lies in {path}: {shown(line)}{fate}"
        for path, lines in sorted(foreign(have, want).items())
        for line in lines
    ]


def named(have: HostState, want: Files) -> Iterator[Command]:
    """Tell which keys the admin's file is about to lose."""
    for item in want.items:
        if isinstance(item, File):
            wanted = {line.split()[1] for line in item.data.decode().splitlines()}
            for line in have.keys.get(item.path, []):
                if not wanted & set(line.split()):
                    yield log(f"a key that no setting names is removed from {item.path}: {shown(line)}")


def changes(have: HostState, want: Foreign) -> Iterator[Command]:
    paths = files_to_change(have, want)
    if paths:
        yield script("\n".join(f"rm -f {shlex.quote(path)}" for path in paths))
