"""Stamps: what something on the host has read, so that a later run sees what changed since.

A stamp holds each file's change time, compared for equality: a clock that was set back, or forward, changes nothing.
Order decides only where a stamp says nothing of a file; a time in the future then counts as none.
"""

import shlex
from collections.abc import Iterable

from provision.engine.state import Entry, HostState
from provision.remote import host_files

RUN = host_files.STAMPS
"""Of units, which start again with the host."""
KEPT = "/var/lib/harvest-provision"
"""Of what a host still has after a reboot."""
AHEAD_S = 60.0
"""A time that lies further ahead of the host's clock was written before the clock was set back."""
SAME_S = 1e-5


def write(paths: Iterable[str], stamp: str) -> str:
    """A shell line that notes in `stamp` how the files are now; one that is missing is left out."""
    names = " ".join(map(shlex.quote, paths))
    return f"stat -c '%.9Z %n' -- {names} 2>/dev/null >{stamp} || true" if names else f"touch {stamp}"


def read(text: str) -> dict[str, float]:
    """A stamp's change times by path; none where it was merely touched (certbot's hook)."""
    lines = [line.partition(" ") for line in text.splitlines()]
    return {path: float(time) for time, _, path in lines if path}


def same(entry: Entry, noted: float | None) -> bool:
    """Whether a file is still the one that was noted."""
    return abs(entry.changed - (noted or 0.0)) < SAME_S


def sane(have: HostState, time: float) -> float:
    """A time by the host's clock, 0 where it lies in the future."""
    return time if time <= have.system.now + AHEAD_S else 0.0
