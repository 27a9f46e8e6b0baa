"""What keeps apt busy is named, and nothing else is."""

import subprocess
import sys
from pathlib import Path

import pytest

from provision.remote import apt_busy

HOLD = (
    "import fcntl, sys; f = open(sys.argv[1], 'a'); fcntl.lockf(f, fcntl.LOCK_EX); print(flush=True); input()"
)


def test_a_lock_names_who_holds_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "lock"
    monkeypatch.setattr(apt_busy, "LOCKS", (str(path),))
    monkeypatch.setattr(apt_busy, "CLOUD_INIT", str(tmp_path / "none"))
    assert apt_busy.reason() == ""
    path.touch()
    assert apt_busy.reason() == ""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout
        other.stdout.readline()
        said = apt_busy.reason()
        other.communicate("\n")
    assert said.startswith(f"apt's lock {path} is held by python")
    assert f"(pid {other.pid})" in said
    assert apt_busy.reason() == ""


@pytest.mark.parametrize(
    ("said", "busy"), [("status: running", True), ("status: not started", True), ("status: done", False)]
)
def test_cloud_init_is_waited_for(
    said: str, busy: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "cloud-init"
    program.write_text(f"#!/bin/sh\necho '{said}'\n")
    program.chmod(0o755)
    monkeypatch.setattr(apt_busy, "LOCKS", ())
    monkeypatch.setattr(apt_busy, "CLOUD_INIT", str(program))
    assert bool(apt_busy.reason()) == busy
