"""Work on files from outside in a child with little memory and time: a bomb takes down itself and nobody else."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

CPU_SECONDS, WALL_SECONDS = 20, 60
MEMORY_BYTES = 1 << 30


class Failed(Exception):
    """The child said why (`str(error)`), or "" when it was ended for its use of memory or time."""


def run(module: str, *arguments: str, stdin: bytes = b"") -> bytes:
    """What `python -m module arguments` prints. Raises Failed."""
    command = [sys.executable, "-m", module, *arguments]
    env = {"PYTHONPATH": str(Path(__file__).parent.parent), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(
            command, capture_output=True, input=stdin, timeout=WALL_SECONDS, env=env, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise Failed("") from error
    if done.returncode:
        said = done.stdout.decode(errors="replace").strip() if done.returncode == 1 else ""
        raise Failed(said.splitlines()[-1] if said else "")
    return done.stdout


def limit_myself() -> None:
    """To be called first in the child."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
