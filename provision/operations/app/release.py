"""HARVEST's code and its virtual environment, built next to what runs; switch.py makes a release live.

/opt/harvest/releases/<id>/harvest    source, root's, read-only for the service
/opt/harvest/releases/<id>/venv       -> ../../venvs/<hash of lock and Python>

Both hold a file .complete, the youngest in them: a newer file was edited by hand, and the folder is rebuilt. Its text
is the folder's digest (remote/tree_digest.py).
"""

import hashlib
import posixpath
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from provision.engine.operation import Command, converge, log, script
from provision.engine.state import HostState, Query
from provision.engine.templates import shell
from provision.operations.app.artifact import Artifact
from provision.remote import source

UV_LOCK = Path(__file__).with_name("uv.txt").read_text()
MB_NEEDED = 1024
"""Free disk that a release with a new virtual environment may take, MiB."""


@dataclass(frozen=True)
class Release:
    """One release below `root`; `requirements` is a pip lock file with hashes.

    Virtual environments lie below `shared`: instances with the same lock have one together.
    """

    root: str
    source: Artifact
    requirements: str = field(repr=False)
    shared: str = "/opt/harvest"

    def venv(self, python: str) -> str:
        """The environment's folder: another lock or another Python is another environment."""
        digest = hashlib.sha256(f"{python}\n{self.requirements}".encode()).hexdigest()
        return f"{self.shared}/venvs/{digest[:12]}"

    @property
    def folder(self) -> str:
        return f"{self.root}/releases/{self.source.id}"

    @property
    def marker(self) -> str:
        """In the source: it is all there."""
        return f"{self.folder}/harvest/.complete"


def _first_links(want: Release) -> dict[str, str]:
    """The links into the live release as a first deploy makes them; later ones are for switch.py."""
    return {f"{want.root}/{name}": f"releases/{want.source.id}/{name}" for name in ("harvest", "venv")}


def query(want: Release) -> Query:
    markers = {want.marker, *(f"{want.venv(python)}/.complete" for python in PYTHONS)}
    files = {*_first_links(want), f"{want.folder}/venv", *markers}
    return Query(files=files, edited=markers, foreign={want.root, want.shared})


PYTHONS = ("3.10", "3.11", "3.12", "3.13", "3.14")


def moment(name: str) -> int:
    """A time for the files of what is called `name`, in seconds since 1970: between 2001 and 2010, by its hash."""
    return 1_000_000_000 + int(hashlib.sha256(name.encode()).hexdigest()[:7], 16)


def build_script(venv: str, uv: str, requirements: str) -> str:
    """Build a virtual environment from its lock; a half-built one is deleted first.

    uv comes from the package index with its hash, run by the pip wheel that Debian ships for ensurepip, so that
    neither python3-venv nor a compiler is needed. It compiles bytecode: the services start faster and could not
    write it themselves.
    """
    return (
        shell(
            "build-venv",
            uv=uv,
            uv_lock=UV_LOCK,
            venv=venv,
            requirements=requirements,
            moment=moment(posixpath.basename(venv)),
            mark=_mark(f"{venv}/.complete"),
        )
        + "\n"
    )


AGAIN = shell("build-venv-again")


def _mark(marker: str) -> str:
    """Make the youngest file; its folder is as young as the first touch, which adds it.

    It holds the folder's digest, with which the audit compares what lies there.
    """
    digest = f"digest=$(python3 - {posixpath.dirname(marker)} <<'PROGRAM'\n{source('tree_digest')}PROGRAM\n)"
    return f"{digest}\nprintf '%s\\n' \"$digest\" >{marker}; touch {marker}"


def _is_due(have: HostState, marker: str) -> bool:
    """Whether what `marker` stands for is missing, or was edited."""
    return have.files[marker].kind == "absent" or bool(have.edited.get(marker))


def venv_is_due(have: HostState, want: Release) -> bool:
    return _is_due(have, f"{want.venv(have.system.python)}/.complete")


def _build(have: HostState, want: Release, then: str) -> Command:
    """Put the build script on the host and go on with `then`, in which $build and $unit are known."""
    venv = want.venv(have.system.python)
    uv = f"{want.root}/tools/uv-{hashlib.sha256(UV_LOCK.encode()).hexdigest()[:12]}"
    name = f"harvest-venv-{venv.rsplit('/', 1)[1]}"
    head = f"build={want.root}/tools/{name}.sh unit={name}.service\numask 022; mkdir -p {want.root}/tools\n"
    return script(head + "base64 -d >$build\n" + then, build_script(venv, uv, want.requirements).encode())


def space_changes(have: HostState, want: Release) -> Iterator[Command]:
    """Refuse, before anything is changed, a release that the disk cannot take."""
    for why in space_refusals(have, want):
        yield script(f"echo '{why}' >&2; exit 1")


def space_refusals(have: HostState, want: Release) -> Iterator[str]:
    """Why the disk cannot take it."""
    due = venv_is_due(have, want) or _is_due(have, want.marker)
    if due and have.system.free_mb < MB_NEEDED:
        yield f"only {have.system.free_mb} MiB are free below /opt; a release needs {MB_NEEDED}. Nothing was changed."


def prebuild_changes(have: HostState, want: Release) -> Iterator[Command]:
    """Start the build in the background while apt goes on; `changes` waits for it."""
    marker = f"{want.venv(have.system.python)}/.complete"
    yield from _words(have, marker)
    if venv_is_due(have, want):
        start = f"rm -f {marker}; systemd-run -q --collect --unit=$unit sh $build"
        yield _build(have, want, f"systemctl is-active -q $unit || {{ {start}; }}")


def _words(have: HostState, marker: str) -> Iterator[Command]:
    """Tell what was edited by hand."""
    if found := have.edited.get(marker):
        yield log(f"edited by hand, rebuilding: {_some(found)}")


def _some(paths: list[str]) -> str:
    more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
    return ", ".join(sorted(paths)[:3]) + more


def _owned(have: HostState, folder: str) -> Iterator[Command]:
    """Everything is owned by root, and only root can write to it."""
    if found := have.foreign.get(folder):
        yield log(f"owner or mode changed by hand, restoring: {_some(found)}")
        yield script(
            f"find {folder} -xdev ( ! -user root -o ! -group root ) -exec chown -h root:root {{}} +\n"
            f"find {folder} -xdev ! -type l ( -perm /6022 -o ! -perm -444 -o -type d ! -perm -111 )"
            " -exec chmod ug-s,go-w,a+rX {} +".replace("(", "'('").replace(")", "')'")
        )


def ownership_changes(have: HostState, want: Release) -> Iterator[Command]:
    """After `changes`, which waits for the build: before that, files come and go."""
    for folder in sorted({want.root, want.shared}):
        yield from _owned(have, folder)


def changes(have: HostState, want: Release) -> Iterator[Command]:
    venv = want.venv(have.system.python)
    if venv_is_due(have, want):
        # What failed in the background is tried again here, where its words are seen.
        wait = "while systemctl is-active -q $unit; do sleep 0.2; done"
        yield _build(have, want, f"{wait}\n[ -e {venv}/.complete ] || {{\n{AGAIN}\n}}\nrm -f $build")
    if _is_due(have, want.marker):
        yield from _words(have, want.marker)
        part, old, source = (shlex.quote(f"{want.folder}/{n}") for n in (".harvest.part", ".old", "harvest"))
        yield script(
            f"umask 022; rm -rf {part} {old}; mkdir -p {part}; base64 -d | tar -xzpm --no-same-owner -C {part}\n"
            f"find {part} -exec touch -h -d @{moment(want.source.id)} {{}} +\n{_mark(f'{part}/.complete')}\n"
            f"[ ! -e {source} ] || mv -T {source} {old}\nmv -T {part} {source}; rm -rf {old}",
            want.source.archive,
        )
    target = posixpath.relpath(venv, want.folder)
    if have.files[f"{want.folder}/venv"].target != target:
        yield script(_link(f"{want.folder}/venv", target))
    for path, first in _first_links(want).items():
        if have.files[path].kind == "absent":
            yield script(_link(path, first))


def _link(path: str, target: str) -> str:
    """Point `path` at `target` in one step (rename(2)), never without a link in between."""
    return f"ln -sfnT {target} {path}.new; mv -fT {path}.new {path}"


def prebuild_plan(have: HostState, want: Release) -> Iterator[str]:
    if venv_is_due(have, want):
        yield f"build the environment {want.venv(have.system.python)} in the background"


def plan(have: HostState, want: Release) -> Iterator[str]:
    if _is_due(have, want.marker):
        yield f"install release {want.source.id}"


require_disk_space = converge(query, space_changes, refusals=space_refusals)
prebuild = converge(query, prebuild_changes, plan=prebuild_plan)
install = converge(query, changes, plan=plan)
fix_ownership = converge(query, ownership_changes)
