"""Runs a rollout's commands: what they say goes into the log, what they print on standard output is their answer."""

import os
import shlex
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ENDS_S = 60.0
"""How long an interrupted command may take to end."""


@dataclass(frozen=True)
class Done:
    """How a command ended: exit code, standard output, standard error, seconds."""

    code: int
    printed: str
    said: str
    took_s: float


@dataclass(frozen=True)
class Shell:
    """Runs commands in `folder`, one after the other; each appends to `log` as it goes."""

    folder: Path
    log: Path

    def run(self, words: Sequence[str]) -> Done:
        """Run to the end. On KeyboardInterrupt the command is told to end too, and is waited for."""
        began = time.monotonic()
        with open(self.log, "a") as log:
            log.write(f"$ {shlex.join(words)}   # {time.strftime('%Y-%m-%d %H:%M:%S UTC', time.gmtime())}\n")
            log.flush()
            at = log.tell()
            process = subprocess.Popen(
                words,
                cwd=self.folder,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**os.environ, "PYINFRA_PROGRESS": "off"},
            )
            try:
                printed, _ = process.communicate()
            except KeyboardInterrupt:
                self._end(process)
                raise
        with open(self.log) as written:
            written.seek(at)
            said = written.read()
        if not printed.startswith("{"):  # the audit's; pyinfra's JSON would drown the log
            with open(self.log, "a") as log:
                log.write(printed)
        return Done(process.returncode, printed, said, time.monotonic() - began)

    def _end(self, process: "subprocess.Popen[str]") -> None:
        """A terminal's Ctrl-C reaches the command as well; a SIGTERM to this process alone does not."""
        try:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=ENDS_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
