"""What the frontend serves as files, written to disk at release time so that nginx can serve it without Python.

/opt/harvest/releases/<id>/static-<hash of lock and Python>; /opt/harvest/static leads to the live release's
The names of Dash's files carry the versions and times of the installed packages: they are made where HARVEST runs.
"""

import posixpath
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from provision.engine.operation import Command, converge, script
from provision.engine.state import HostState, Query
from provision.engine.templates import shell
from provision.operations.app.release import PYTHONS, Release, moment


@dataclass(frozen=True)
class Static:
    """`release`'s files for browsers; `user` is who runs its code."""

    release: Release
    user: str

    def folder(self, python: str) -> str:
        """Below the release, relative to its root."""
        return f"releases/{self.release.source.id}/static-{self.release.venv(python).rsplit('/', 1)[1]}"


def _query(want: Static) -> Query:
    root = want.release.root
    return Query(files={f"{root}/{want.folder(python)}" for python in PYTHONS})


def export_script(release: str, folder: str, user: str) -> str:
    """Let HARVEST write its files as its own user, then make them root's. One that cannot gets an empty folder.

    nginx makes a file's ETag of its time: it is the same on each host.
    """
    return shell(
        "export-static", user=user, release=release, folder=folder, moment=moment(posixpath.basename(release))
    )


def changes(have: HostState, want: Static) -> Iterator[Command]:
    root, folder = want.release.root, want.folder(have.system.python)
    if have.files[f"{root}/{folder}"].kind == "absent":
        yield script(export_script(want.release.folder, f"{root}/{folder}", shlex.quote(want.user)))


export = converge(
    _query, changes, plan=lambda have, want: [f"export static files of release {want.release.source.id}"]
)
