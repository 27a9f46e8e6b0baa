"""Starting and stopping the processes of a host."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from lab import cgroups, paths, processes
from lab.record import Record
from lab.run import succeeds

NSPAWN_RUN = Path("/run/systemd/nspawn")
STOP_SECONDS = 20

# Supervisors outlive us on purpose; keeping the handles keeps Python from warning about that.
_started: list[subprocess.Popen[bytes]] = []


def supervisor_file(name: str) -> Path:
    """Return the pid file of the supervisor."""
    return paths.host_dir(name) / "supervisor.pid"


def nspawn_file(name: str) -> Path:
    """Return the pid file of systemd-nspawn; it changes with every boot."""
    return paths.host_dir(name) / "nspawn.pid"


def console(name: str) -> Path:
    """Return the log of the host's console."""
    return paths.host_dir(name) / "console.log"


def running(name: str) -> bool:
    """Say whether a host is kept running."""
    return processes.recorded(supervisor_file(name)) is not None


def generation(name: str) -> str:
    """Return something that differs after each boot of a host, empty before the first."""
    try:
        return nspawn_file(name).read_text()
    except FileNotFoundError:
        return ""


def leader(name: str) -> int | None:
    """Return the pid of the host's first process as the controller sees it."""
    nspawn = processes.recorded(nspawn_file(name))
    return processes.payload(nspawn) if nspawn else None


def start(record: Record) -> None:
    """Start a host that is not running; returns at once."""
    halt(record)  # what a killed supervisor may have left
    nspawn_file(record.name).unlink(missing_ok=True)
    environment = {**os.environ, "LAB_DIR": str(paths.lab_dir()), "PYTHONUNBUFFERED": "1"}
    with console(record.name).open("ab") as log:
        supervisor = subprocess.Popen(
            [sys.executable, "-m", "lab.supervisor", record.name],
            cwd=paths.REPO,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    _started.append(supervisor)
    processes.record(supervisor_file(record.name), supervisor.pid)


def shut_down(record: Record) -> None:
    """Power a host off in order, its root kept; pull the plug after STOP_SECONDS."""
    processes.send(supervisor_file(record.name), signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while running(record.name) and time.monotonic() < deadline:
        time.sleep(0.05)
    halt(record)


def halt(record: Record) -> None:
    """Pull the plug: no process, control group, interface or trace of the host in /run is left.

    Works as well when the supervisor or nspawn were killed before.
    """
    groups = cgroups.host_groups(paths.lab_id(), record.name)
    processes.send(supervisor_file(record.name), signal.SIGKILL)
    cgroups.remove(groups)
    # The kernel takes the interface down some time after the namespace's last process, which may be seconds.
    succeeds(["ip", "link", "delete", f"vb-{record.machine}"])
    deadline = time.monotonic() + 5
    while Path(f"/sys/class/net/vb-{record.machine}").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    shutil.rmtree(NSPAWN_RUN / "propagate" / record.machine, ignore_errors=True)
    with contextlib.suppress(FileNotFoundError):
        root = (paths.host_dir(record.name) / "root").stat()
        (NSPAWN_RUN / "locks" / f"inode-{root.st_dev}:{root.st_ino}").unlink()
    supervisor_file(record.name).unlink(missing_ok=True)
