"""Is this file a PDF that can be read? `python -m harvest.pdfcheck FILE` prints its pages, or why not."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from harvest import childproc

if TYPE_CHECKING:
    from pypdf import PdfReader

MAX_PAGES = 5000
# Bytes: so late a PDF may begin, as readers allow (ISO 32000-1, annex H, note 13).
MAGIC_WITHIN = 1024


class NotAPdf(ValueError):
    """The file is refused; the message says why."""


def has_magic(first: bytes) -> bool:
    return b"%PDF-" in first[:MAGIC_WITHIN]


def opened(path: str) -> PdfReader:
    """The PDF, read from where it begins: its tables count from there."""
    import io

    from pypdf import PdfReader

    with Path(path).open("rb") as file:
        begins = max(file.read(MAGIC_WITHIN).find(b"%PDF-"), 0)
        if begins:
            file.seek(begins)
            return PdfReader(io.BytesIO(file.read()))
    return PdfReader(path)


def count_pages(path: Path) -> int:
    """Parse the file in a child. Raises NotAPdf."""
    try:
        return int(childproc.run("harvest.pdfcheck", str(path)))
    except childproc.Failed as error:
        raise NotAPdf(str(error) or "The PDF takes too much memory or time to read.") from error


def _main(path: str) -> int:
    childproc.limit_myself()
    import logging

    logging.disable()
    try:
        reader = opened(path)
        if reader.is_encrypted and not reader.decrypt(""):
            print("The PDF is protected by a password.")
            return 1
        pages = len(reader.pages)
        if pages:
            reader.pages[0].mediabox  # noqa: B018 a page tree that counts may still lead nowhere
    except MemoryError:
        return 2
    except Exception as error:  # a parser meets whatever the file holds
        print(f"The file is not a readable PDF ({type(error).__name__}).")
        return 1
    if not 0 < pages <= MAX_PAGES:
        print(f"The PDF has {pages} pages; 1 to {MAX_PAGES} are accepted.")
        return 1
    print(pages)
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1]))
