"""Commands that apply files (systemd-sysusers and the like): run once, and again when one of the files has changed."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from provision.engine.operation import Command, converge, script
from provision.engine.state import HostState, Query
from provision.operations import stamps


@dataclass(frozen=True)
class Script:
    """`command` has run since the last change of `files`; `stamp` names the memory of it."""

    stamp: str
    command: str
    files: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        return f"{stamps.KEPT}/{self.stamp}"


def is_due(have: HostState, want: Script) -> bool:
    """Whether the command has not run, or one of the files changed since it did."""
    stamp = have.files[want.path]
    if stamp.kind == "absent":
        return True
    if noted := stamps.read(have.notes.get(want.path, "")):
        return not all(stamps.same(have.files[path], noted.get(path)) for path in want.files)
    # A stamp of an earlier release: merely touched.
    return any(have.files[path].changed > stamps.sane(have, stamp.changed) for path in want.files)


def changes(have: HostState, want: Script) -> Iterator[Command]:
    if is_due(have, want):
        path = shlex.quote(want.path)
        # The stamp is moved in place only where the command came to its end.
        note = stamps.write(want.files, f"{path}.new")
        yield script(f"mkdir -p {stamps.KEPT}; {note}\n{want.command}\nmv -f {path}.new {path}")


def plan(have: HostState, want: Script) -> Iterator[str]:
    missing = have.files[want.path].kind == "absent"
    why = "not done on this host yet" if missing else f"{', '.join(want.files)} changed since"
    yield f"apply {want.stamp}: {why}"


run = converge(lambda want: Query(files={want.path, *want.files}, notes={want.path}), changes, plan=plan)
