"""Is this file a PDF that can be read? Run as a process of its own: a bomb takes down itself and nobody else.

`python -m harvest.pdfcheck FILE` prints the number of pages, or one sentence and exits with 1.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

CPU_SECONDS, WALL_SECONDS = 20, 60
MEMORY_BYTES = 1 << 30
MAX_PAGES = 5000


class NotAPdf(ValueError):
    """The file is refused; the message says why."""


def has_magic(first: bytes) -> bool:
    return first.startswith(b"%PDF-")


def count_pages(path: Path) -> int:
    """Parse the file in a child with little memory and time. Raises NotAPdf."""
    command = [sys.executable, "-m", "harvest.pdfcheck", str(path)]
    env = {"PYTHONPATH": str(Path(__file__).parent.parent), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=WALL_SECONDS,
            env=env,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired as error:
        raise NotAPdf("The PDF takes too long to read.") from error
    if done.returncode == 0 and done.stdout.strip().isdigit():
        return int(done.stdout)
    if done.returncode == 1 and done.stdout.strip():
        raise NotAPdf(done.stdout.strip().splitlines()[-1])
    raise NotAPdf("The PDF takes too much memory or time to read.")


def _main(path: str) -> int:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    import logging

    from pypdf import PdfReader

    logging.disable()
    try:
        reader = PdfReader(path)
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
