"""The lock's program: whose it is, and when its holder counts as dead."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from provision.engine import lock
from provision.login import probe
from provision.remote import lock as program


@pytest.fixture
def locking(tmp_path: Path) -> Any:
    """The lock's script, run here, with its folder here."""
    script = lock.SCRIPT.replace(lock.FOLDER, str(tmp_path / "lock"))

    def run(verb: str, token: str, *words: str) -> subprocess.CompletedProcess[str]:
        holder = json.dumps({"who": f"{token}@here", "what": "deploy.py", "token": token})
        return subprocess.run(["python3", "-c", script, verb, holder, *words], capture_output=True, text=True)

    return run


def test_a_lock_belongs_to_the_first_run_until_it_releases_it(locking: Any) -> None:
    assert locking("take", "ann").returncode == 0
    refused = locking("take", "bob")
    assert refused.returncode == 1
    assert "locked by ann@here, who began deploy.py at " in json.loads(refused.stderr)["sentence"]
    assert locking("release", "bob").returncode == 0
    assert locking("take", "bob").returncode == 1, "another's lock is never removed"
    assert locking("release", "ann").returncode == 0
    assert locking("take", "bob").returncode == 0


def test_the_lock_of_a_session_that_is_gone_is_taken_over(locking: Any, tmp_path: Path) -> None:
    assert locking("take", "ann").returncode == 0
    file = tmp_path / "lock" / "holder"
    file.write_text(json.dumps({**json.loads(file.read_text()), "session": [1, "0"]}))
    taken = locking("take", "bob")
    assert taken.returncode == 0
    assert taken.stdout.startswith("took over the lock of ann@here")


@pytest.fixture
def sleeper() -> Iterator[int]:
    """A process of its own, whose number stands for a session's."""
    process = subprocess.Popen(["sleep", "60"])
    yield process.pid
    process.kill()
    process.wait()


def heard(monkeypatch: pytest.MonkeyPatch, *seconds: float) -> list[float]:
    """What the kernel says at each look, of a session that is sshd's; returns what was not asked for."""
    left = list(seconds)
    monkeypatch.setattr(program, "connection", lambda pid: ("192.0.2.7", left.pop(0)))
    monkeypatch.setattr(program.time, "sleep", lambda _: None)
    return left


def test_a_holder_that_is_heard_lives_and_one_in_silence_is_dead(
    monkeypatch: pytest.MonkeyPatch, sleeper: int
) -> None:
    start = program.stat(sleeper)[2]
    heard(monkeypatch, 4.9)
    assert program.alive(sleeper, start)
    left = heard(monkeypatch, 9.0, 14.0, 0.1)
    assert program.alive(sleeper, start), "its packet was late"
    assert left == []
    heard(monkeypatch, 9.0, 14.0, 20.5)
    assert not program.alive(sleeper, start), "cut off by the network, whatever sshd thinks"
    heard(monkeypatch)
    assert not program.alive(sleeper, "another process of this number")
    # Else a run that works would be heard less often than it must be.
    assert probe.HEARTBEAT_S < program.SUSPECT_S < program.SILENCE_S - 2 * probe.HEARTBEAT_S


SEEN = (
    '0 0 [::ffff:192.0.2.1]:22 [::ffff:192.0.2.7]:50412 users:(("sshd",pid=71,fd=4),("sshd",pid=70,fd=4)) bbr lastsnd:3'
    " lastrcv:20480 lastack:20\n"
    '0 0 [fd00::1]:22 [fd00::7]:50413 users:(("sshd-session",pid=700,fd=4)) bbr lastack:20\n'
)


def test_the_kernel_tells_who_is_there_and_when_it_was_heard(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "ss").write_text(f"#!/bin/sh\ncat <<'EOT'\n{SEEN}EOT\n")
    (tmp_path / "ss").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(program, "stat", lambda pid: ("sshd", 1, "1"))
    assert program.connection(70) == ("192.0.2.7", 20.48)
    assert program.connection(700) == ("fd00::7", 0.0)
    assert program.connection(7) is None


def test_the_refusal_names_the_session_the_process_and_how_to_end_it() -> None:
    holder = {"who": "ann@desk", "what": "deploy.py", "since": "then", "session": [71, "9"], "run": 4}
    said = program.refusal({**holder, "address": "192.0.2.7"})
    assert "from 192.0.2.7 (session 71 on the host, process 4 there)" in said
    assert said.endswith("end it on the host: kill 71")


def test_a_run_of_our_own_that_ended_is_known_as_dead(sleeper: int) -> None:
    us = lock.ourselves()
    assert not lock.is_dead_here(us)
    theirs = {**us, "run": sleeper, "begun": lock.begun(sleeper)}
    assert not lock.is_dead_here(theirs)
    os.kill(sleeper, signal.SIGKILL)
    os.waitpid(sleeper, 0)
    assert lock.is_dead_here(theirs)
    assert not lock.is_dead_here({**theirs, "machine": "another"})
    assert not lock.is_dead_here({"who": "a run of an older version"})


def test_the_lock_of_our_own_dead_run_is_taken_though_its_session_stands(locking: Any) -> None:
    assert locking("take", "ann").returncode == 0
    other = json.loads(locking("take", "bob").stderr)["holder"]["token"]
    assert locking("over", "bob", "another").returncode == 1
    taken = locking("over", "bob", other)
    assert taken.returncode == 0
    assert taken.stdout.startswith("took over the lock of ann@here")
