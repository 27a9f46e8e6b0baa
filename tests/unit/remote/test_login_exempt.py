"""Which failed logins count, as fail2ban asks: those before the jail, of a run, and before a login do not."""

import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from provision.remote import lock, login_exempt


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What journalctl says; the program lies there as if it had been placed an hour ago."""
    (tmp_path / "journalctl").write_text(f'#!/bin/sh\necho "$@" >{tmp_path}/asked; cat {tmp_path}/journal\n')
    (tmp_path / "journalctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    placed = tmp_path / "login_exempt.py"
    shutil.copy(str(login_exempt.__file__), placed)
    os.utime(placed, (time.time() - 3600,) * 2)
    monkeypatch.setattr(login_exempt, "__file__", str(placed))
    monkeypatch.setattr(login_exempt, "HOLDER", str(tmp_path / "holder"))
    said = tmp_path / "journal"
    said.write_text("Invalid user a from 192.0.2.7 port 5\n")
    return said


def test_a_failed_login_counts(journal: Path) -> None:
    assert not login_exempt.main("192.0.2.7", time.time(), 600)
    failed = int(time.time())
    login_exempt.main("192.0.2.7", failed, 600)
    assert f"--since=@{failed - 600} " in (journal.parent / "asked").read_text()


def test_what_was_before_the_jail_does_not_count(journal: Path) -> None:
    assert login_exempt.main("192.0.2.7", time.time() - 3601, 600)


@pytest.mark.parametrize(
    ("line", "clears"),
    [
        ("Accepted publickey for sysop from 192.0.2.7 port 50 ssh2: ED25519 SHA256:x", True),
        ("Accepted publickey for sysop from 192.0.2.77 port 50 ssh2", False),
        ("Accepted publickey for sysop from 192.0.297 port 50 ssh2", False),
        ("Invalid user Accepted publickey for sysop from 192.0.2.7 port 50", False),
    ],
)
def test_a_login_from_the_address_clears_it(journal: Path, line: str, clears: bool) -> None:
    journal.write_text(f"Server listening\n{line}\n")
    assert login_exempt.main("192.0.2.7", time.time(), 600) is clears


def test_the_address_of_a_run_does_not_count_while_its_session_stands(journal: Path) -> None:
    process = subprocess.Popen(["sleep", "60"])
    holder = {"address": "fd00::7", "session": [process.pid, lock.stat(process.pid)[2]]}
    (journal.parent / "holder").write_text(json.dumps(holder))
    assert login_exempt.main("fd00::7", time.time(), 600)
    assert not login_exempt.main("fd00::8", time.time(), 600)
    process.kill()
    process.wait()
    assert not login_exempt.main("fd00::7", time.time(), 600)
