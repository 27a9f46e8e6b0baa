"""File locks between processes, and files that are replaced in one step."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from lab import paths

MACHINE_LOCK = Path("/run/harvest-lab.lock")


@contextlib.contextmanager
def locked(path: Path, waiting: Callable[[], None] | None = None) -> Iterator[None]:
    """Hold an exclusive lock on `path`; the file is gone again after the last holder.

    Args:
        path: the lock's file; missing directories are made.
        waiting: called once when somebody else holds the lock.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if waiting:
                waiting()
                waiting = None
            fcntl.flock(fd, fcntl.LOCK_EX)
        # The holder before us removed the file: our lock is on an inode that nobody else will ever open.
        with contextlib.suppress(FileNotFoundError):
            if os.fstat(fd).st_ino == path.stat().st_ino:
                break
        os.close(fd)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(fd)


def lab_lock() -> contextlib.AbstractContextManager[None]:
    """Lock this lab's records: addresses and network."""
    return locked(paths.lab_dir() / "locks" / "lab")


def host_lock(name: str) -> contextlib.AbstractContextManager[None]:
    """Lock one host: its coming up and going down."""
    return locked(paths.lab_dir() / "locks" / f"host-{name}")


def machine_lock() -> contextlib.AbstractContextManager[None]:
    """Lock what all labs of this machine share: subnets, ip_forward, /etc/hosts. Taken last, held briefly."""
    return locked(MACHINE_LOCK)


def write_atomic(path: Path, text: str, mode: int = 0o644) -> None:
    """Replace `path` in one step; a symbolic link there is replaced, never followed.

    Where the file itself is a mount point (/etc/hosts in many containers) it can only be rewritten in place.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    fd, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(fd, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(temporary, mode)
        os.replace(temporary, path)
    except OSError:
        os.unlink(temporary)
        if not os.path.ismount(path):
            raise
        path.write_text(text, encoding="utf-8")
