"""A tree of files as a content-addressed archive: the same files give the same bytes on any controller."""

import gzip
import hashlib
import io
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from provision.operations.app.git import Blob

SKIPPED = {
    "__pycache__",
    ".pytest_cache",
    ".mypy_cache",
    ".ruff_cache",
    "node_modules",
    ".git",
    ".venv",
    "venv",
}
NATIVE = "harvest/__main__.py"
"""The command line with which an application migrates, sweeps, adds users and writes its static files: ours has it."""


@dataclass(frozen=True)
class Artifact:
    """`id` is the first 12 hex digits of the SHA-256 over `tar`, and over the lock where that is no part of it."""

    id: str
    tar: bytes = field(repr=False)
    requirements: str = field(default="", repr=False)
    """The lock file with hashes."""
    files: frozenset[str] = field(default=frozenset(), repr=False)
    """The paths of its files."""
    origin: dict[str, str] = field(default_factory=dict, compare=False)
    """Where it is from, for the release's record: kind, and url, ref, commit, requirements where it has them."""

    @property
    def native(self) -> bool:
        """Whether it has the embedded application's command line."""
        return NATIVE in self.files

    @property
    def archive(self) -> bytes:
        """tar.gz, made only where it is sent: that takes longer than all else of a run without changes."""
        return gzip.compress(self.tar, compresslevel=6, mtime=0)


def tar_of(blobs: Iterable[Blob], folders: Iterable[str] = ()) -> bytes:
    """A tar of `blobs` and empty `folders`, owned by root, without times, in sorted order."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for folder in sorted(folders):
            info = tarfile.TarInfo(folder)
            info.type, info.mode = tarfile.DIRTYPE, 0o755
            info.uname = info.gname = "root"
            tar.addfile(info)
        for blob in sorted(blobs, key=lambda each: each.path.split("/")):
            info = tarfile.TarInfo(blob.path)
            info.uname = info.gname = "root"
            if blob.mode == "120000":
                info.type, info.linkname, info.mode = tarfile.SYMTYPE, blob.data.decode(), 0o777
                tar.addfile(info)
                continue
            info.size = len(blob.data)
            info.mode = 0o755 if blob.mode == "100755" else 0o644
            tar.addfile(info, io.BytesIO(blob.data))
    return stream.getvalue()


def blobs_of(folder: Path, *, links: bool = False) -> Iterable[Blob]:
    """`folder`'s files, in git's terms; caches and environments left out, links too unless asked for."""
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if SKIPPED & set(inside.parts) or path.suffix == ".pyc":
            continue
        if path.is_symlink():
            if links:
                yield Blob(inside.as_posix(), "120000", str(path.readlink()).encode())
        elif path.is_file():
            mode = "100755" if path.stat().st_mode & 0o100 else "100644"
            yield Blob(inside.as_posix(), mode, path.read_bytes())


def identity(*parts: bytes) -> str:
    """The first 12 hex digits of the SHA-256 over `parts`."""
    return hashlib.sha256(b"".join(parts)).hexdigest()[:12]


@cache
def pack(folder: Path) -> Artifact:
    """An application's own folder, whose lock is its requirements.txt, if it has one."""
    blobs = list(blobs_of(folder))
    data = tar_of(blobs)
    lock = folder / "requirements.txt"
    text = lock.read_text() if lock.is_file() else ""
    files = frozenset(blob.path for blob in blobs)
    return Artifact(identity(data), data, text, files, {"kind": "embedded"})
