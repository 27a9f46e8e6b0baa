"""Run commands that were built elsewhere."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

from lab.errors import LabError


def run(argv: Sequence[str], stdin: str | None = None) -> str:
    """Run a command and return its standard output.

    Raises:
        LabError: it failed; the message has the command and its own words.
    """
    done = subprocess.run(list(argv), input=stdin, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        words = (done.stderr or done.stdout).strip()
        raise LabError(f"`{' '.join(argv)}` failed with {done.returncode}: {words}")
    return done.stdout


def succeeds(argv: Sequence[str]) -> bool:
    """Say whether a command exits with 0."""
    return subprocess.run(list(argv), capture_output=True, check=False).returncode == 0
