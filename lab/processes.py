"""Which processes are ours: pid files that name a process and not merely a number."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path


def start_time(stat: str) -> int | None:
    """Return when a process started (clock ticks since boot) from its /proc stat line, None for a zombie."""
    # The name in brackets may hold spaces and brackets itself: count from the last one.
    fields = stat.rsplit(")", 1)[1].split()
    return None if fields[0] in "ZX" else int(fields[19])


def identity(pid: int) -> str | None:
    """Return `pid starttime` of a running process, which no later process with the same pid shares."""
    try:
        started = start_time(Path(f"/proc/{pid}/stat").read_text())
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if started is None else f"{pid} {started}"


def record(path: Path, pid: int) -> None:
    """Write the identity of a process into a pid file."""
    temporary = path.with_suffix(".tmp")
    temporary.write_text(identity(pid) or "")
    os.replace(temporary, path)


def recorded(path: Path) -> int | None:
    """Return the pid from a pid file if that very process still runs."""
    try:
        text = path.read_text()
    except FileNotFoundError:
        return None
    if not text:
        return None
    pid = int(text.split()[0])
    return pid if identity(pid) == text else None


def send(path: Path, number: signal.Signals) -> None:
    """Send a signal to the process of a pid file, if it still runs."""
    pid = recorded(path)
    if pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def payload(nspawn: int) -> int | None:
    """Return the pid (as the controller sees it) of the first process inside the host that `nspawn` runs."""
    try:
        children = Path(f"/proc/{nspawn}/task/{nspawn}/children").read_text().split()
        for child in children:
            for line in Path(f"/proc/{child}/status").read_text().splitlines():
                # Two numbers mean a pid namespace of its own, and 1 means its init.
                if line.startswith("NSpid:") and line.split()[2:] == ["1"]:
                    return int(child)
    except (FileNotFoundError, ProcessLookupError):
        pass
    return None
