"""When a backend counts as hung: real processes that answer, sleep, work or are stopped."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from provision.remote import watchdog

# A gunicorn in small: it holds the socket, its one worker answers, or does what it is told instead.
SERVER = """
import os, socket, sys, time
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
if os.fork():
    os.wait()
while sys.argv[1] == "answer":
    connection, _ = listener.accept()
    connection.recv(100)
    connection.sendall(b"HTTP/1.0 200 OK\\r\\n\\r\\n")
    connection.close()
while sys.argv[1] == "work":
    time.sleep(0.01)
time.sleep(60)
"""
Start = Callable[[str], tuple[int, int]]


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """A server that does so, as if it were a unit's main process: its process group and its port."""
    running: list[subprocess.Popen[str]] = []

    def begin(what: str) -> tuple[int, int]:
        command = [sys.executable, "-c", SERVER, what]
        running.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True))
        assert running[-1].stdout
        port = int(running[-1].stdout.readline())
        monkeypatch.setattr(watchdog, "main_pid", lambda unit: str(running[-1].pid))
        time.sleep(0.2)
        return running[-1].pid, port

    monkeypatch.setattr(watchdog, "WAIT_S", 0.3)
    yield begin
    for process in running:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)


def test_one_that_answers_does_not_hang(start: Start) -> None:
    assert not watchdog.hangs("x", start("answer")[1])


def test_one_that_is_stopped_or_waits_for_ever_hangs(start: Start) -> None:
    group, port = start("answer")
    os.killpg(group, signal.SIGSTOP)
    assert watchdog.hangs("x", port)
    assert watchdog.hangs("x", start("sleep")[1])


def test_one_whose_worker_is_at_work_is_only_busy(start: Start) -> None:
    assert not watchdog.hangs("x", start("work")[1])


def test_one_that_systemd_is_starting_or_that_listens_no_more_is_left_alone(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = start("sleep")[1]
    monkeypatch.setattr(watchdog, "main_pid", lambda unit: "")
    assert not watchdog.hangs("x", port)
    with socket.create_server(("127.0.0.1", 0)) as free:
        closed = free.getsockname()[1]
    assert not watchdog.hangs("x", closed)
