"""A control group per host.

Without one, all hosts would share the controller's group, and the systemd of one would see and stop the services of
another. It also holds every process of a host together, so that `down` finds them whatever happened to their parents.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from pathlib import Path

from lab.errors import LabError

SAY_AFTER = 10
KILL_SECONDS = 120


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


def kill(groups: list[Path], seconds: float = KILL_SECONDS) -> None:
    """Kill every process in the groups, again until none is left.

    On a busy machine the kernel takes its time: memory is given back, file systems are written.

    Raises:
        LabError: some were still there after `seconds`.
    """
    began, told = time.monotonic(), False
    while pids := members(groups):
        waited = time.monotonic() - began
        if waited > seconds:
            raise LabError(
                f"{_named(pids)} did not end within {seconds:.0f} s of SIGKILL, so the kernel holds it (a stuck disk "
                "or mount?): try `down` again."
            )
        if waited > SAY_AFTER and not told:
            told = True
            print(f"lab: waiting for {_named(pids)} to end, up to {seconds:.0f} s", file=sys.stderr)
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)


def _named(pids: set[int]) -> str:
    """Up to three processes by name and number."""
    names = []
    for pid in sorted(pids)[:3]:
        comm = Path(f"/proc/{pid}/comm")
        with contextlib.suppress(OSError):
            names.append(f"{comm.read_text().strip()} ({pid})")
    more = f" and {len(pids) - 3} more" if len(pids) > 3 else ""
    return (", ".join(names) or "a process") + more


def remove(groups: list[Path]) -> None:
    """Kill whatever is in the groups of a host and remove them, and the lab's when it was the last."""
    deadline = time.monotonic() + KILL_SECONDS
    while True:
        kill(groups)
        try:
            _remove_directories(groups)
            return
        except OSError as error:  # somebody came in between, or the kernel is not quite done with the dead
            if time.monotonic() > deadline:
                raise LabError(f"A control group cannot be removed ({error}): try `down` again.") from None
            time.sleep(0.05)


def _remove_directories(groups: list[Path]) -> None:
    for group in groups:
        for directory, _, _ in os.walk(group, topdown=False):
            with contextlib.suppress(FileNotFoundError):
                os.rmdir(directory)
        with contextlib.suppress(OSError):
            group.parent.rmdir()
