"""Copies of this checkout whose application is changed: other releases to deploy."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.host.runs import REPO, Run, deploy


def checkout(folder: Path, changes: Mapping[str, str] = {}) -> Path:
    """A copy of what git knows of here; `changes` are lines to add to files below app/."""
    listed = subprocess.run(
        ["git", "ls-files", "-coz", "--exclude-standard"], cwd=REPO, capture_output=True, check=True
    ).stdout
    shutil.rmtree(folder, ignore_errors=True)
    for name in filter(None, listed.decode().split("\0")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(REPO / name, folder / name)
    for name, lines in changes.items():
        with open(folder / "app" / name, "a") as file:
            file.write(f"\n{lines}\n")
    return folder


def lab_of_ours() -> dict[str, str]:
    """The copy's inventory finds the hosts of this checkout's lab."""
    return {"LAB_DIR": os.environ.get("LAB_DIR") or str(REPO / ".lab")}


def deploy_from(folder: Path, name: str, *options: str, file: str = "deploy.py") -> Run:
    return deploy(name, environment=lab_of_ours(), options=options, folder=folder, file=file)
