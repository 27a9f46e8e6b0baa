"""A lab of the tests' own, beside whatever else this machine runs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lab import hosts, needs, paths, processes

THREE = {
    "l-vps": ["--suite", "bookworm", "--alias", "api.l-vps.test"],
    "l-cloud": [
        "--suite",
        "trixie",
        "--shape",
        "cloud",
        "--group",
        "harvest_nginx",
        "--set",
        "max_upload_mb=7",
    ],
    "l-pass": ["--suite", "bookworm", "--shape", "cloud", "--password", "pass word'1", "--no-key"],
}


def lab(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m lab` as a user would."""
    command = [sys.executable, "-m", "lab", *arguments]
    return subprocess.run(command, cwd=paths.REPO, capture_output=True, text=True, check=False, timeout=300)


def remove_stale(labs: Path) -> None:
    """Take down what test runs left that were killed."""
    for directory in labs.glob("test-[0-9]*"):
        if processes.identity(int(directory.name.removeprefix("test-"))) is None:
            os.environ["LAB_DIR"] = str(directory)
            hosts.down_all()
            shutil.rmtree(directory)


@pytest.fixture(scope="session")
def own_lab() -> Iterator[None]:
    """Point the lab at a directory and a domain of this test process; the image cache stays shared."""
    if problem := needs.problem():
        if os.environ.get("CI") == "true":
            pytest.fail(problem)
        pytest.skip(problem)
    labs = paths.lab_dir() / "labs"
    own = labs / f"test-{os.getpid()}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAB_IMAGES", str(paths.images_dir()))
        patch.setenv("LAB_DIR", str(own))
        remove_stale(labs)
        patch.setenv("LAB_DIR", str(own))
        patch.setenv("LAB_DOMAIN", f"{paths.lab_id()}.test")
        yield
        hosts.down_all()
        shutil.rmtree(own, ignore_errors=True)


@pytest.fixture(scope="session")
def three(own_lab: None) -> dict[str, hosts.Host]:
    """Three hosts, brought up at the same moment by three processes."""
    with ThreadPoolExecutor() as pool:
        done = pool.map(lambda item: lab("up", item[0], *item[1]), THREE.items())
    assert [each.stderr for each in done if each.returncode != 0] == []
    return {name: hosts.find(name) for name in THREE}
