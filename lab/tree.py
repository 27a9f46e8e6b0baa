"""Files to put into a host's file system, as data."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from lab.locks import write_atomic


@dataclass(frozen=True)
class File:
    """One file: its text, mode and owner (user and group id, the same number)."""

    text: str
    mode: int = 0o644
    owner: int = 0


Files = dict[str, File]


def write(root: Path, files: Files) -> None:
    """Write files (absolute paths as the host sees them) below `root`, making directories as needed."""
    for path, file in files.items():
        target = root / path.lstrip("/")
        if not target.parent.is_dir():
            # Only ~/.ssh is ever missing below a home directory, and sshd insists on who owns it.
            target.parent.mkdir(parents=True, mode=0o700 if target.parent.name == ".ssh" else 0o755)
            os.chown(target.parent, file.owner, file.owner)
        write_atomic(target, file.text, file.mode)
        os.chown(target, file.owner, file.owner)
