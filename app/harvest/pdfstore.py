"""PDF files on disk, named by their content: PDF_DIR/<first two digits>/<sha256>.pdf. Written once, never changed."""

from __future__ import annotations

import hashlib
import itertools
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harvest.pdfcheck import MAGIC_WITHIN, NotAPdf, count_pages, has_magic

CHUNK = 1 << 20
SWEEP_SECONDS = 3600


@dataclass(frozen=True)
class Stored:
    """A file that is safely on disk. `size` in bytes."""

    sha256: str
    size: int
    pages: int


class TooLarge(ValueError):
    """More bytes came than are allowed."""


def path_of(folder: str, sha256: str) -> Path:
    return Path(folder) / sha256[:2] / f"{sha256}.pdf"


def sweep(folder: str, state: str, wanted: set[str]) -> int:
    """Delete the PDFs that no paper has any more, and what broken-off uploads and imports left; returns how many.

    `wanted` are the SHA-256 that papers have. What is younger than an hour stays: it may be on its way in.
    """
    gone = 0
    found = (Path(folder).glob("??/*.pdf"), Path(folder).glob(".incoming-*"), Path(state).glob(".import-*/*"))
    for path in itertools.chain(*found):
        if path.stem not in wanted and path.stat().st_mtime < time.time() - SWEEP_SECONDS:
            path.unlink()
            if path.parent.name.startswith(".import-"):
                path.parent.rmdir()
            gone += 1
    return gone


def _first(read: Callable[[int], bytes]) -> bytes:
    """So much that a PDF has begun, however small the pieces are in which it comes."""
    made = b""
    while len(made) < MAGIC_WITHIN and (piece := read(MAGIC_WITHIN - len(made))):
        made += piece
    return made


def store(folder: str, read: Callable[[int], bytes], limit: int) -> Stored:
    """Keep the bytes that `read(n)` gives if they are a PDF.

    Raises NotAPdf, TooLarge or OSError; then nothing stays on disk.
    """
    Path(folder).mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".incoming-", suffix=".pdf", dir=folder)
    draft = Path(name)
    try:
        digest, size = hashlib.sha256(), 0
        with os.fdopen(handle, "wb") as file:
            chunk = _first(read)
            if not chunk:
                raise NotAPdf("The file is empty.")
            if not has_magic(chunk):
                raise NotAPdf("The file is not a PDF: no %PDF- in its first 1,024 bytes.")
            while chunk:
                size += len(chunk)
                if size > limit:
                    raise TooLarge
                digest.update(chunk)
                file.write(chunk)
                chunk = read(CHUNK)
            file.flush()
            os.fsync(file.fileno())
        pages = count_pages(draft)
        target = path_of(folder, digest.hexdigest())
        target.parent.mkdir(exist_ok=True)
        draft.chmod(0o640)
        draft.rename(target)  # its time is now, also where the same file lay before: a sweep lets it be
        return Stored(digest.hexdigest(), size, pages)
    finally:
        draft.unlink(missing_ok=True)
