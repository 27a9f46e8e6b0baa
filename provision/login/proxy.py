"""A ProxyCommand: a program whose standard input and output are the connection, as ssh runs it."""

import os
import signal
import socket
import subprocess
import tempfile
from contextlib import suppress
from typing import IO

# How ssh and netcat say that the way is there and the port at its end is not.
NOT_THERE = ("open failed", "forwarding failed", "refused", "timed out", "unreachable", "no route")
PINNED = "Warning: Permanently added "
# "Permanently added ..." and OpenSSH 10's advice on key exchanges.
NO_COMPLAINT = (PINNED, "**")
MOST_BYTES = 64 * 1024
LAST_WORDS_SECONDS = 1.0


class Proxy:
    """A running proxy command; `socket` is our end of the connection."""

    def __init__(self, command: str) -> None:
        self.command = command
        self._stderr: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        self.socket, theirs = socket.socketpair()
        os.set_blocking(theirs.fileno(), True)
        # In a session of its own it has no terminal to ask on, and Ctrl-C is for the run.
        self._process = subprocess.Popen(
            [os.environ.get("SHELL") or "/bin/sh", "-c", f"exec {command}"],
            stdin=theirs.fileno(),
            stdout=theirs.fileno(),
            stderr=self._stderr,
            start_new_session=True,
        )
        theirs.close()

    def said(self) -> str:
        """Why it failed: its last lines on standard error, without what is no complaint."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(LAST_WORDS_SECONDS)
        lines = [line for line in self.lines() if not line.startswith(NO_COMPLAINT)]
        return "; ".join(lines[-3:])

    def lines(self) -> list[str]:
        """What it has written on standard error so far."""
        text = os.pread(self._stderr.fileno(), MOST_BYTES, 0).decode(errors="replace")
        return [line.strip() for line in text.splitlines() if line.strip()]

    def pinned(self) -> list[str]:
        """What ssh says of jump hosts that it saw for the first time."""
        return [line.removeprefix(PINNED) for line in self.lines() if line.startswith(PINNED)]

    def close(self) -> None:
        """End it, with everything that it started."""
        self.socket.close()
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(LAST_WORDS_SECONDS)
        self._stderr.close()
