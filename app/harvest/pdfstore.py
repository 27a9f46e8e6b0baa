"""PDF files on disk, named by their content: PDF_DIR/<first two digits>/<sha256>.pdf. Written once, never changed."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harvest.pdfcheck import NotAPdf, count_pages, has_magic

CHUNK = 1 << 20


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
            while chunk := read(CHUNK):
                if size == 0 and not has_magic(chunk):
                    raise NotAPdf("The file is not a PDF: it does not begin with %PDF-.")
                size += len(chunk)
                if size > limit:
                    raise TooLarge
                digest.update(chunk)
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        if size == 0:
            raise NotAPdf("The file is empty.")
        pages = count_pages(draft)
        target = path_of(folder, digest.hexdigest())
        target.parent.mkdir(exist_ok=True)
        draft.chmod(0o640)
        draft.rename(target)
        return Stored(digest.hexdigest(), size, pages)
    finally:
        draft.unlink(missing_ok=True)
