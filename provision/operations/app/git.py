"""A git repository on the controller: a bare mirror in the user's cache folder, of which one commit is read.

Fetched with the operator's own git, credentials and SSH configuration; the hosts need none of them.
"""

import difflib
import fcntl
import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

FETCH_S = 600.0
"""How long a fetch may take, in seconds."""
COMMIT = re.compile(r"[0-9a-f]{7,40}")


class SourceError(ValueError):
    """Why a source cannot be deployed, in one sentence."""


@dataclass(frozen=True)
class Blob:
    """One file of a tree: its path, git's mode ("100644", "100755", "120000" for a link), its content."""

    path: str
    mode: str
    data: bytes


def shown(url: str) -> str:
    """The URL without a user's name in https, which may be a token."""
    return re.sub(r"^(https?://)[^/@]*@", r"\1", url)


def mirror(url: str) -> Path:
    """Where `url` is mirrored."""
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    name = hashlib.sha256(url.encode()).hexdigest()[:16]
    return Path(cache).expanduser() / "harvest-provision" / "git" / f"{name}.git"


def resolve(url: str, ref: str) -> str:
    """The commit that `ref` is now: a tag's, a branch's, or that commit itself. Raises SourceError."""
    with _locked(mirror(url)) as folder:
        if re.fullmatch(r"[0-9a-f]{40}", ref) and _commit(folder, ref):
            return ref  # it is here already, and cannot change
        _fetch(folder, url)
        found = {kind: _commit(folder, f"refs/{kind}/{ref}") for kind in ("tags", "heads")}
        if found["tags"] and found["heads"] and found["tags"] != found["heads"]:
            raise SourceError(
                f'"{ref}" is both a tag and a branch of {shown(url)}; name the commit: {found["tags"][:12]} (tag) or '
                f"{found['heads'][:12]} (branch)"
            )
        commit = found["tags"] or found["heads"]
        if not commit and COMMIT.fullmatch(ref):
            commit = _commit(folder, ref)
        if not commit:
            raise SourceError(f'{shown(url)} has no tag, branch or commit "{ref}"; {_near(folder, ref)}')
        return commit


def tree(url: str, commit: str) -> Iterator[Blob]:
    """Every file of a commit that `resolve` gave, byte for byte as it was committed. Raises SourceError."""
    folder = mirror(url)
    entries = []
    for line in _git(folder, "ls-tree", "-r", "-z", "--full-tree", commit).decode().split("\0")[:-1]:
        head, _, path = line.partition("\t")
        mode, kind, name = head.split()
        if kind == "commit":
            raise SourceError(
                f"{shown(url)} at {commit[:12]} has a submodule, {path}; a release holds one repository's files alone"
            )
        entries.append((path, mode, name))
    said = _git(folder, "cat-file", "--batch", given="".join(f"{name}\n" for _, _, name in entries).encode())
    at = 0
    for path, mode, _ in entries:
        end = said.index(b"\n", at)
        size = int(said[at:end].split()[2])
        yield Blob(path, mode, said[end + 1 : end + 1 + size])
        at = end + 1 + size + 1


def kept(folder: Path) -> set[str] | None:
    """The files of a working copy that git knows or would add; None where `folder` is no working copy's top."""
    if not (folder / ".git").exists():
        return None
    words = ("ls-files", "--cached", "--others", "--exclude-standard", "-z")
    return set(_git(folder / ".git", "--work-tree", str(folder), *words).decode().split("\0")[:-1])


@contextmanager
def _locked(folder: Path) -> Iterator[Path]:
    """One run at a time fetches into a mirror."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = open(folder.with_suffix(".lock"), "w")  # noqa: SIM115
    except OSError as why:
        raise SourceError(f"the mirror {folder} cannot be written ({why.strerror})") from None
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder


def _fetch(folder: Path, url: str) -> None:
    """Bring all branches and tags; what is gone there goes here. The ref never reaches git's command line."""
    _git(folder, "init", "--quiet", "--bare", why=url)
    refs = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
    words = ("--quiet", "--prune", "--no-recurse-submodules", "--no-write-fetch-head", "--end-of-options")
    _git(folder, "fetch", *words, url, *refs, why=url)


def _commit(folder: Path, name: str) -> str:
    """The full commit behind a name, "" where there is none."""
    if not folder.is_dir():
        return ""
    words = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    return _git(folder, *words, must=False).decode().strip()


def _near(folder: Path, ref: str) -> str:
    """What there is instead."""
    words = ("for-each-ref", "--format=%(refname:lstrip=2)", "--sort=-creatordate", "refs/heads", "refs/tags")
    names = _git(folder, *words).decode().split()
    near = difflib.get_close_matches(ref, names, n=1)
    listed = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
    return f"did you mean {near[0]}?" if near else f"there are: {listed}" if names else "it is empty"


def environment() -> dict[str, str]:
    """The operator's own, but for a repository's that git itself set, and for questions that nobody would see."""
    inherited = {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR"}
    mine = {key: value for key, value in os.environ.items() if key not in inherited}
    mine |= {"LC_ALL": "C", "GIT_LFS_SKIP_SMUDGE": "1"}
    if not _terminal():
        mine |= {"GIT_TERMINAL_PROMPT": "0"}
        mine.setdefault("GIT_SSH_COMMAND", "ssh -o BatchMode=yes")
    return mine


def _terminal() -> bool:
    return bool(sys.stdin and sys.stdin.isatty() and sys.stderr and sys.stderr.isatty())


def _git(folder: Path, *words: str, given: bytes | None = None, must: bool = True, why: str = "") -> bytes:
    """Run git on a mirror; what it prints. With `must`, raises SourceError in git's own words about `why`."""
    command = ["git", "--git-dir", str(folder), *words]
    source = {"input": given} if given is not None else {}
    if given is None and not _terminal():
        source = {"stdin": subprocess.DEVNULL}  # type: ignore[dict-item]
    try:
        done = subprocess.run(command, capture_output=True, timeout=FETCH_S, env=environment(), **source)  # type: ignore[call-overload]
    except FileNotFoundError:
        raise SourceError("git is not installed on this machine; a source from git needs it") from None
    except subprocess.TimeoutExpired:
        raise SourceError(f"{shown(why) or folder} did not answer within {FETCH_S:.0f} s") from None
    if done.returncode and must:
        said = done.stderr.decode(errors="replace").replace(why, shown(why)) if why else done.stderr.decode()
        lines = [line.strip() for line in said.splitlines() if line.strip()]
        told = next((line for line in lines if line.startswith(("fatal:", "ERROR:", "remote:"))), "")
        told = told or (lines[-1] if lines else f"exit code {done.returncode}")
        raise SourceError(
            f"{shown(why) or folder} cannot be read: {told.removeprefix('fatal: ').rstrip('.')}"
        )
    return bytes(done.stdout) if not done.returncode else b""
