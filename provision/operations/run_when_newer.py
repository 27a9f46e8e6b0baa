"""Files that something reads only when told: sysctl and the like. Told once, and again when a file is newer."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from provision.engine.operation import Command, converge, script
from provision.engine.state import HostState, Query

STAMPS = "/var/lib/harvest-provision"
"""Not in /run: at boot the host reads the files by itself."""


@dataclass(frozen=True)
class Applied:
    """`command` has run since the last change of `files`; `stamp` names the memory of it."""

    stamp: str
    command: str
    files: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        return f"{STAMPS}/{self.stamp}"


def changes(have: HostState, want: Applied) -> Iterator[Command]:
    stamp = have.files[want.path]
    if stamp.kind == "absent" or any(have.files[path].changed > stamp.changed for path in want.files):
        path = shlex.quote(want.path)
        # The stamp is moved in place only where the command came to its end.
        yield script(f"mkdir -p {STAMPS}; touch {path}.new\n{want.command}\nmv -f {path}.new {path}")


def plan(have: HostState, want: Applied) -> Iterator[str]:
    stamp = have.files[want.path]
    newer = [path for path in want.files if have.files[path].changed > stamp.changed]
    why = "not done on this host yet" if stamp.kind == "absent" else f"{', '.join(newer)} changed since"
    yield f"apply {want.stamp}: {why}"


apply = converge(lambda want: Query(files={want.path, *want.files}), changes, plan=plan)
