"""Files, directories, links and their absence, placed together after the daemon's own checker has seen them.

The candidates come as one archive on standard input, so no content, secret or not, is ever in a world-readable
temporary file or on a command line. The checker runs in a mount namespace of its own in which the candidates lie
at their real paths: `nginx -t` and `sshd -t` see the future, everybody else still sees the present. Only then is
each file moved in place by a rename.
"""

import difflib
import hashlib
import io
import posixpath
import shlex
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from pyinfra import host
from pyinfra.api.host import Host
from pyinfra.api.operation import OperationMeta

from provision.engine.operation import Command, converge, script
from provision.engine.state import Entry, Finding, HostState, Query, texts_of
from provision.pyinfra_bridge.report import Difference


@dataclass(frozen=True)
class File:
    """One file; `content` is shown nowhere. A function of the host's state is asked when the file is placed."""

    path: str
    content: "str | bytes | Callable[[HostState], str]" = field(repr=False)
    mode: int = 0o644
    owner: str = "root"
    group: str = "root"

    @property
    def data(self) -> bytes:
        if callable(self.content):
            raise TypeError(f"{self.path}: its content is not resolved yet")
        return self.content.encode() if isinstance(self.content, str) else self.content

    def resolved(self, have: HostState) -> "File":
        """With its content as it shall be on this very host."""
        return replace(self, content=self.content(have)) if callable(self.content) else self

    def fits(self, entry: Entry) -> bool:
        return entry.sha256 == hashlib.sha256(self.data).hexdigest() and (
            (entry.kind, entry.mode, entry.owner, entry.group) == ("file", self.mode, self.owner, self.group)
        )


@dataclass(frozen=True)
class Directory:
    path: str
    mode: int = 0o755
    owner: str = "root"
    group: str = "root"

    def fits(self, entry: Entry) -> bool:
        entry = entry.behind or entry  # a link to a directory elsewhere is one, and stays
        have = (entry.kind, entry.mode, entry.owner, entry.group)
        return have == ("directory", self.mode, self.owner, self.group)


@dataclass(frozen=True)
class Link:
    path: str
    target: str

    def fits(self, entry: Entry) -> bool:
        return entry.kind == "link" and entry.target == self.target


@dataclass(frozen=True)
class Absent:
    """Nothing may be at `path`; a directory goes with all that is in it."""

    path: str

    def fits(self, entry: Entry) -> bool:
        return entry.kind == "absent"


@dataclass(frozen=True)
class Mode:
    """What lies at `path`, if anything does, is root's and has this mode; its content belongs to another program."""

    path: str
    mode: int

    def fits(self, entry: Entry) -> bool:
        return entry.kind == "absent" or (entry.mode, entry.owner, entry.group) == (self.mode, "root", "root")


Item = File | Directory | Link | Mode | Absent


@dataclass(frozen=True)
class Files:
    """What shall lie where; `check` must accept it first, seeing the candidates below the paths of `within`.

    What `stale` finds (patterns as in `Query.found`) goes, unless it is an item, is in `keep`, or holds one of these.
    `needs` is what contents that are functions want to know.
    """

    items: tuple[Item, ...]
    check: str = ""
    within: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    needs: Query = field(default_factory=Query)


def query(want: Files) -> Query:
    return want.needs | Query(files={item.path for item in want.items}, found=set(want.stale))


def leftovers(have: HostState, want: Files) -> list[Item]:
    """What lies there and belongs to nothing that is wanted."""
    wanted = [*want.keep, *(item.path for item in want.items)]
    found = {path for pattern in want.stale for path in have.found[pattern]}
    return [
        Absent(path)
        for path in sorted(found)
        if not any(each == path or each.startswith(f"{path}/") for each in wanted)
    ]


def archive(files: list[File]) -> bytes:
    """The files as a tar archive, at their full paths, with owners by name.

    It holds no times, and is unpacked with the present one: systemd tells a changed unit file by its time alone.
    """
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for file in files:
            info = tarfile.TarInfo(file.path.lstrip("/"))
            info.size, info.mode = len(file.data), file.mode
            info.uname, info.gname = file.owner, file.group
            tar.addfile(info, io.BytesIO(file.data))
    return stream.getvalue()


def put_line(item: Item, root: str) -> str:
    """One item's shell line below `root` ("" is the host itself, else a copy that is being checked)."""
    path = f'"{root}"{shlex.quote(item.path)}' if root else shlex.quote(item.path)
    parent, name = posixpath.split(item.path)
    fresh = shlex.quote(f"{parent}/.{name}.new")  # a name that no *.conf or * pattern matches
    fresh = f'"{root}"{fresh}' if root else fresh
    folder = f'mkdir -p "{root}"{shlex.quote(parent)}' if root else f"mkdir -p {shlex.quote(parent)}"
    match item:
        case File():
            return f'{folder}; cp -a "$stage"{shlex.quote(item.path)} {fresh}; mv -fT {fresh} {path}'
        case Link():
            return f"{folder}; ln -sfnT {shlex.quote(item.target)} {fresh}; mv -fT {fresh} {path}"
        case Directory():
            return f"mkdir -p {path}; chown {item.owner}:{item.group} {path}; chmod {item.mode:o} {path}"
        case Mode():
            return f"chown root:root {path}; chmod {item.mode:o} {path}"
        case Absent():
            return f"rm -rf {path}"


def put_script(items: list[Item], check: str, within: tuple[str, ...]) -> str:
    """Stage, check in a private view of the file system, move in place."""
    lines = ["umask 022", "stage=$(mktemp -d /run/harvest-stage.XXXXXX)", "trap 'rm -rf \"$stage\"' EXIT"]
    lines += (
        ['base64 -d | tar -xpm --same-owner -C "$stage" 2>/dev/null']
        if any(isinstance(i, File) for i in items)
        else []
    )
    if check:
        named = "" if "\n" in check else f" ({check})"
        view = ["set -eu", "stage=$1"]
        for folder in within:
            view += [f'mkdir -p "$stage/view{folder}"; cp -a {folder}/. "$stage/view{folder}/"']
        view += [
            put_line(item, "$stage/view")
            for item in items
            if item.path.startswith(tuple(f + "/" for f in within))
        ]
        view += [f'mount --bind "$stage/view{folder}" {folder}' for folder in within]
        view += [check]
        text = "\n".join(view)
        lines += [
            f'unshare --mount --propagation private sh -c {shlex.quote(text)} check "$stage" >"$stage/said" 2>&1 || {{'
        ]
        lines += [
            '  cat "$stage/said" >&2',
            f"  echo {shlex.quote(f'refused by its own checker{named}; nothing was changed')} >&2",
        ]
        lines += ["  exit 1", "}"]
    lines += [put_line(item, "") for item in items]
    return "\n".join(lines)


def due(have: HostState, want: Files) -> list[Item]:
    """What differs."""
    resolved = [item.resolved(have) if isinstance(item, File) else item for item in want.items]
    return [item for item in resolved if not item.fits(have.files[item.path])] + leftovers(have, want)


def remarks(have: HostState, want: Files) -> list[str]:
    """A sentence for each path that is there already and changes."""
    return [
        f"{'removing' if isinstance(item, Absent) else 'changing'} {item.path}"
        for item in due(have, want)
        if item.path not in have.files or have.files[item.path].kind != "absent"
    ]


def changes(have: HostState, want: Files) -> Iterator[Command]:
    """One command for all that differs, none where nothing does."""
    items = due(have, want)
    if items:
        files = [item for item in items if isinstance(item, File)]
        yield script(put_script(items, want.check, want.within), archive(files) if files else b"")


def plan(have: HostState, want: Files) -> Iterator[str]:
    """What is done to each path, and what about it differs."""
    for item in due(have, want):
        entry = have.files.get(item.path)
        if isinstance(item, Absent):
            yield f"remove {item.path}"
        elif entry is None or entry.kind == "absent":
            yield f"add {item.path}"
        else:
            yield f"change {item.path} ({', '.join(done for done, _, _ in _parts(item, entry))})"


def differences(have: HostState, want: Files) -> Iterator[Difference]:
    """The same as data; of contents only that they differ."""
    for item, sentence in zip(due(have, want), plan(have, want), strict=True):
        entry = have.files.get(item.path) or Entry(kind="absent")
        if isinstance(item, Absent):
            pairs = [("absent", "there")]
        elif entry.kind == "absent":
            pairs = [("there", "absent")]
        else:
            pairs = [(expected, found) for _, expected, found in _parts(item, entry)]
        expected, found = (", ".join(words) for words in zip(*pairs, strict=True))
        since = 0.0 if entry.changed == float("inf") else entry.changed
        yield Difference(sentence, item.path, expected, found, since)


def _parts(item: Item, entry: Entry) -> Iterator[tuple[str, str, str]]:
    """(what is done, what is wanted, what is found) of each property that differs."""
    if isinstance(item, Link):
        yield f"link to {item.target}", f"link to {item.target}", f"{entry.kind} {entry.target}".rstrip()
        return
    kind = {File: "file", Directory: "directory"}.get(type(item), entry.kind)
    if entry.kind != kind:
        yield f"{entry.kind} to {kind}", kind, entry.kind
    if isinstance(item, File) and entry.sha256 != hashlib.sha256(item.data).hexdigest():
        yield "content", "the content of the settings", "another content"
    if not isinstance(item, Absent) and entry.mode != item.mode:
        yield f"mode {entry.mode:o} to {item.mode:o}", f"mode {item.mode:o}", f"mode {entry.mode:o}"
    wanted = "root:root" if isinstance(item, Mode | Absent) else f"{item.owner}:{item.group}"
    if (found := f"{entry.owner}:{entry.group}") != wanted:
        yield f"owner {found} to {wanted}", f"owner {wanted}", f"owner {found}"


def public(item: Item, entry: Entry | None) -> bool:
    """Whether everybody on the host may read the file, as it is and as it shall be: else --diff does not show it."""
    readable = entry is None or entry.kind == "absent" or (entry.kind == "file" and bool(entry.mode & 0o004))
    return isinstance(item, File) and bool(item.mode & 0o004) and readable


def diff(host: Host, have: HostState, want: Files) -> Iterator[str]:
    """A unified diff of each file that differs; of one that not everybody may read, only that it does."""
    files = [
        item for item in due(have, want) if isinstance(item, File) and not item.fits(have.files[item.path])
    ]
    shown = [file for file in files if public(file, have.files.get(file.path))]
    before = texts_of(host, [file.path for file in shown if have.files[file.path].kind == "file"])
    for file in files:
        if file not in shown:
            yield f"{file.path}: not shown, since not everybody may read it"
            continue
        old, new = before.get(file.path, ""), file.data.decode(errors="replace")
        name = file.path if file.path in before else "/dev/null"
        lines = difflib.unified_diff(old.splitlines(), new.splitlines(), name, file.path, lineterm="")
        yield from lines


def after(have: HostState, placed: Files) -> HostState:
    """The host as it will be once the files are placed: what differs now is then newer than any start."""
    late = {
        item.path: have.files[item.path].model_copy(update={"changed": float("inf")})
        for item in (item.resolved(have) if isinstance(item, File) else item for item in placed.items)
        if not item.fits(have.files[item.path])
    }
    reload = any(path.startswith("/etc/systemd/") for path in late)
    units = {
        name: unit.model_copy(update={"needs_daemon_reload": unit.needs_daemon_reload or reload})
        for name, unit in have.units.items()
    }
    # AIDE's baseline will have to follow.
    own = [Finding(what="changed", path=path, ours=True) for path in late]
    integrity = {
        path: found.model_copy(update={"findings": [*found.findings, *own]})
        for path, found in have.integrity.items()
    }
    return have.model_copy(update={"files": {**have.files, **late}, "units": units, "integrity": integrity})


_put = converge(query, changes, remarks, plan=plan, diff=diff, after=after, differences=differences)
_managed: dict[str, dict[str, Item]] = {}
"""By host name and path."""


def put(name: str, want: Files, **pyinfra_arguments: Any) -> OperationMeta:
    """The operation."""
    manage(*want.items)
    return _put(name, want, **pyinfra_arguments)


def manage(*items: Item) -> None:
    """Remember what lies where by the host's settings (`managed`)."""
    _managed.setdefault(host.name, {}).update({item.path: item for item in items})


def managed() -> tuple[Item, ...]:
    """All items that the host's operations were asked for until now."""
    return tuple(_managed.get(host.name, {}).values())
