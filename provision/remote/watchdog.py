"""Kills a hung backend, so that systemd restarts it. Runs ON the host (harvest-watch.service): standard
library, one file; the backends' units, `harvest-backend@5001` and so on, are its arguments.

Busy is not hung. A backend hangs if it gives no answer for half a minute, and in the last two thirds of it none of its
workers, nor what they started, ran for a moment. One whose workers are at work is gunicorn's to judge, by --timeout.
Its socket stays open meanwhile: requests that it had not taken yet are answered by the backend that is started.
"""

import pathlib
import socket
import subprocess
import sys
import threading
import time

TRIES, WAIT_S, PAUSE_S = 3, 10.0, 10.0


def answers(port: int) -> bool:
    """Whether anything at all is answered. A refused connection is a stopped backend: systemd's matter."""
    try:
        with socket.create_connection(("127.0.0.1", port), WAIT_S) as connection:
            connection.sendall(b"GET /api/health HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")
            connection.recv(1)
    except TimeoutError:
        return False
    except OSError:
        pass
    return True


def main_pid(unit: str) -> str:
    """The gunicorn that the workers belong to; "" while the unit is starting or stopping."""
    show = ["systemctl", "show", "--property=ActiveState,MainPID", f"{unit}.service"]
    said = subprocess.run(show, stdout=subprocess.PIPE, text=True).stdout.split()
    return "".join(line[8:] for line in said if line.startswith("MainPID=") and "ActiveState=active" in said)


def switches(pid: str) -> dict[str, str]:
    """How often each thread of `pid`'s descendants left the processor: the same as before where nothing ran."""
    found: dict[str, str] = {}
    for children in pathlib.Path("/proc", pid, "task").glob("*/children"):
        for child in children.read_text().split():
            for status in pathlib.Path("/proc", child, "task").glob("*/status"):
                found[str(status)] = "".join(
                    line for line in status.read_text().split("\n") if "ctxt" in line
                )
            found |= switches(child)
    return found


def hangs(unit: str, port: int) -> bool:
    """Takes as long as the backend takes to answer, at most TRIES * WAIT_S."""
    if answers(port):
        return False
    try:
        before = switches(pid := main_pid(unit))
        silent = bool(before) and not any(answers(port) for _ in range(TRIES - 1))
        return silent and main_pid(unit) == pid and switches(pid) == before
    except OSError:  # a worker that comes or goes: something is done about it
        return False


def watch(unit: str) -> None:
    while True:
        if hangs(unit, int(unit.rpartition("@")[2])):
            silent = f"gave no answer for {TRIES * WAIT_S:.0f} s, and was not at work either"
            print(f"<4>{unit} hangs: it {silent}. Restarting it.", flush=True)
            subprocess.run(["systemctl", "kill", "--signal=SIGKILL", f"{unit}.service"])
        time.sleep(PAUSE_S)


if __name__ == "__main__":
    for each in sys.argv[1:]:
        threading.Thread(target=watch, args=(each,)).start()
