"""The package index that HARVEST's environment comes from can be asked: found out before anything changes."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from provision.engine.operation import Command, converge, script
from provision.engine.state import HostState
from provision.operations.app import release
from provision.remote import source


@dataclass(frozen=True)
class Index:
    """The index that `release` needs shows a certificate that the host, or one of `authorities` (PEM files), signed."""

    release: release.Release
    authorities: tuple[Path, ...]


def changes(have: HostState, want: Index) -> Iterator[Command]:
    if release.venv_is_due(have, want.release):
        pem = b"\n".join(path.read_bytes() for path in want.authorities)
        yield script(f"base64 -d | python3 -c {shlex.quote(source('index_probe'))}", pem or b"\n")


require_trust = converge(
    lambda want: release.query(want.release),
    changes,
    plan=lambda have, want: ["ask the package index, whose certificate must be trusted"],
)
