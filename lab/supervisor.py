"""Keeps one host running: `python -m lab.supervisor NAME`, in a session of its own, until the host powers off."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from lab import cgroups, paths, processes
from lab.network import BRIDGE_PREFIX
from lab.record import Record, load

# How systemd-nspawn says "the host wants to be started again" when nobody else (--keep-unit) will do it.
REBOOT = 133


def nspawn_command(root: Path, bridge: str, record: Record) -> list[str]:
    """Return the command that boots a host; nothing of the controller's leaks in, nothing is registered."""
    return [
        "systemd-nspawn",
        "--quiet",
        "--register=no",
        "--keep-unit",
        "--settings=no",
        "--link-journal=no",
        "--resolv-conf=off",
        "--timezone=off",
        f"--directory={root}",
        f"--machine={record.machine}",
        f"--hostname={record.name}",
        f"--network-bridge={bridge}",
        "--boot",
    ]


def in_groups(groups: Sequence[Path], command: Sequence[str]) -> list[str]:
    """Return `command` preceded by a step into the control groups."""
    joins = "".join(f'echo $$ > "{group}/cgroup.procs" && ' for group in groups)
    return ["/bin/sh", "-c", joins + 'exec "$@"', "sh", *command]


def supervise(name: str) -> int:
    """Run a host, again after each reboot; return nspawn's last exit status.

    SIGTERM shuts the host down in order.
    """
    record = load(name)
    if record is None:
        return 2
    directory = paths.host_dir(name)
    groups = cgroups.host_groups(paths.lab_id(), name)
    command = nspawn_command(directory / "root", BRIDGE_PREFIX + paths.lab_id(), record)
    # Hosts see control groups in version 2 as real ones do, and a recent systemd refuses to start without,
    # even where the controller still has both.
    environment = {**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"}
    nspawn: subprocess.Popen[bytes] | None = None
    stopping = False

    def stop(_number: int, _frame: object) -> None:
        nonlocal stopping
        stopping = True
        if nspawn:
            nspawn.terminate()

    signal.signal(signal.SIGTERM, stop)
    status = REBOOT
    while status == REBOOT and not stopping:
        cgroups.make(groups)
        nspawn = subprocess.Popen(in_groups(groups, command), stdin=subprocess.DEVNULL, env=environment)
        processes.record(directory / "nspawn.pid", nspawn.pid)
        status = nspawn.wait()
        print(f"lab: systemd-nspawn exited with {status}", flush=True)
    return status


if __name__ == "__main__":
    sys.exit(supervise(sys.argv[1]))
