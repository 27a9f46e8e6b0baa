"""A run that dies at an operation: which ones there are, and killing it there."""

import os
import signal
import subprocess
from pathlib import Path

from tests.host.checkouts import lab_of_ours
from tests.host.runs import BIN

STARTS = "--> Starting operation: "
SAMPLE = ("harvest: install release",)
"""Killed at in every run of the tests; `make rehearse` takes all. The switch has tests of its own."""


def process(folder: Path, name: str, *options: str) -> "subprocess.Popen[str]":
    command = [str(BIN / "pyinfra"), "inventories/lab.py", "deploy.py", "-y", "--limit", name, *options]
    environment = {**os.environ, **lab_of_ours(), "PYINFRA_PROGRESS": "off"}
    return subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def operations(folder: Path, name: str) -> list[str]:
    """A whole run's operations, in order; it must succeed."""
    run = process(folder, name)
    said, _ = run.communicate(timeout=600)
    assert run.returncode == 0, said
    found = [line.partition(STARTS)[2].strip() for line in said.splitlines() if STARTS in line]
    return list(dict.fromkeys(found))


def killed_at(folder: Path, name: str, operation: str) -> bool:
    """Kill a run as soon as it says that the operation starts; whether it came so far."""
    run = process(folder, name)
    assert run.stdout
    for line in run.stdout:
        if line.partition(STARTS)[2].strip() == operation:
            os.killpg(run.pid, signal.SIGKILL)
            run.wait()
            return True
    run.wait()
    return False
