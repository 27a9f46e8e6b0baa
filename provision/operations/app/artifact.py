"""A folder as a content-addressed archive: the same files give the same bytes on any controller."""

import gzip
import hashlib
import io
import tarfile
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

SKIPPED = {"__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", "node_modules"}


@dataclass(frozen=True)
class Artifact:
    """`id` is the first 12 hex digits of the SHA-256 over `tar`."""

    id: str
    tar: bytes = field(repr=False)
    origin: dict[str, str] = field(default_factory=lambda: {"kind": "embedded"}, compare=False)
    """Where the files come from, for the release's record."""

    @property
    def archive(self) -> bytes:
        """tar.gz, made only where it is sent: that takes longer than all else of a run without changes."""
        return gzip.compress(self.tar, compresslevel=6, mtime=0)


@cache
def pack(folder: Path) -> Artifact:
    """`folder`'s files with their executable bits, owned by root, without times, in sorted order."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path in sorted(folder.rglob("*")):
            inside = path.relative_to(folder)
            if (
                SKIPPED & set(inside.parts)
                or not path.is_file()
                or path.is_symlink()
                or path.suffix == ".pyc"
            ):
                continue
            info = tarfile.TarInfo(inside.as_posix())
            info.size = path.stat().st_size
            info.mode = 0o755 if path.stat().st_mode & 0o100 else 0o644
            info.uname = info.gname = "root"
            tar.addfile(info, io.BytesIO(path.read_bytes()))
    data = stream.getvalue()
    return Artifact(hashlib.sha256(data).hexdigest()[:12], data)
