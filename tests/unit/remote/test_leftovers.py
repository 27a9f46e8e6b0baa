"""What a run that was cut off left at work: packages are waited for, anything else is ended."""

import os
import subprocess
import time
from collections.abc import Iterator

import pytest

from provision.remote import leftovers


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Processes that are taken for an earlier run's, by their first argument's name."""
    processes: list[subprocess.Popen[bytes]] = []

    def found() -> list[tuple[int, str]]:
        alive = [each for each in processes if each.poll() is None]
        return [(each.pid, str(each.args[0]).rpartition("/")[2]) for each in alive]  # type: ignore[index]

    monkeypatch.setattr(leftovers, "leftovers", found)
    yield processes
    for process in processes:
        process.kill()
        process.wait()


def run(name: str, script: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([name, "-c", script], executable="/bin/sh", stdout=subprocess.PIPE)


@pytest.mark.parametrize("name", ["apt-get", "certbot"])
def test_apt_and_certbot_are_waited_for_and_what_began_them_is_ended_only_then(
    name: str, started: list[subprocess.Popen[bytes]], capsys: pytest.CaptureFixture[str]
) -> None:
    started += [run(name, "sleep 0.4"), run("tar", "exec sleep 60")]
    assert leftovers.main(limit=10, pause=0.05) == ""
    assert [process.returncode for process in started] == [0, -15]
    said = capsys.readouterr().out
    assert f"waiting for {name} (pid {started[0].pid}) of an earlier run" in said
    assert f"ending tar (pid {started[1].pid})" in said


def test_what_does_not_end_when_asked_is_killed(started: list[subprocess.Popen[bytes]]) -> None:
    started.append(run("mv", "trap '' TERM; echo ready; while :; do sleep 0.1; done"))
    assert started[0].stdout
    assert os.read(started[0].stdout.fileno(), 6) == b"ready\n"
    assert leftovers.main(limit=10, pause=0.05, patience=0.1) == ""
    assert started[0].returncode == -9


def test_an_apt_that_never_ends_is_named_and_not_killed(started: list[subprocess.Popen[bytes]]) -> None:
    started.append(run("dpkg", "exec sleep 60"))
    began = time.monotonic()
    assert f"Look with: ps -fp {started[0].pid}" in leftovers.main(limit=0.2, pause=0.05)
    assert time.monotonic() - began < 5
    assert started[0].poll() is None
