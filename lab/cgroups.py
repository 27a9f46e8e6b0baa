"""A control group per host.

Without one, all hosts would share the controller's group, and the systemd of one would see and stop the services of
another. It also holds every process of a host together, so that `down` finds them whatever happened to their parents.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path


def mounts(mountinfo: str) -> list[Path]:
    """Return where the hierarchies that a systemd uses are mounted: version 2, and version 1's `name=systemd`."""
    found = []
    for line in mountinfo.splitlines():
        fields, _, rest = line.partition(" - ")
        kind, _, options = rest.split(" ", 2)
        if kind == "cgroup2" or (kind == "cgroup" and "name=systemd" in options.split()[-1].split(",")):
            found.append(Path(fields.split()[4]))
    return found


def host_groups(lab_id: str, name: str) -> list[Path]:
    """Return the control groups of one host, one per hierarchy."""
    roots = mounts(Path("/proc/self/mountinfo").read_text())
    return [root / f"harvest-lab-{lab_id}" / name for root in roots]


def make(groups: list[Path]) -> None:
    """Create the groups of a host."""
    for group in groups:
        group.mkdir(parents=True, exist_ok=True)


def members(groups: list[Path]) -> set[int]:
    """Return the pids of all processes in the groups and below."""
    pids: set[int] = set()
    for group in groups:
        for procs in group.rglob("cgroup.procs"):
            with contextlib.suppress(OSError):
                pids.update(int(pid) for pid in procs.read_text().split())
    return pids - {0}


def kill(groups: list[Path], seconds: float = 10) -> None:
    """Kill every process in the groups, again until none is left.

    Raises:
        TimeoutError: some were still there after `seconds`.
    """
    deadline = time.monotonic() + seconds
    while pids := members(groups):
        if time.monotonic() > deadline:
            raise TimeoutError(f"processes {sorted(pids)} survive SIGKILL")
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)


def remove(groups: list[Path]) -> None:
    """Kill whatever is in the groups of a host and remove them, and the lab's when it was the last."""
    for attempt in range(20):
        kill(groups)
        try:
            _remove_directories(groups)
            return
        except OSError:  # somebody came in between, or the kernel is not quite done with the dead
            if attempt == 19:
                raise
            time.sleep(0.05)


def _remove_directories(groups: list[Path]) -> None:
    for group in groups:
        for directory, _, _ in os.walk(group, topdown=False):
            with contextlib.suppress(FileNotFoundError):
                os.rmdir(directory)
        with contextlib.suppress(OSError):
            group.parent.rmdir()
