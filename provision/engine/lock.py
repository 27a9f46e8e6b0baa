"""The operator's lock on a host: one run changes it at a time, and a refused run learns who holds it and since when.

The lock is a directory in /run (a reboot clears it) that names the holder's SSH session on the host. A lock whose
session is gone, or was not heard for a while, is taken over (provision/remote/lock.py); one of our own whose process
is gone on this machine is taken over at once.
"""

import getpass
import json
import os
import secrets
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pyinfra.api import FunctionCommand, QuoteString, StringCommand
from pyinfra.api.host import Host
from pyinfra.api.state import State

from provision.engine.sudo import as_root
from provision.remote import source

FOLDER = "/run/harvest-lock"
SCRIPT = source("lock")

_held: dict[str, str] = {}
"""By host name: what the lock says of us."""


def holds(host: Host) -> bool:
    """Whether this run has the host's lock."""
    return host.name in _held


def command(verb: str, *words: str) -> StringCommand:
    """The script's command line; it holds nothing secret."""
    return StringCommand("python3", "-c", QuoteString(SCRIPT), verb, *map(QuoteString, words))


def take() -> FunctionCommand:
    """The lock, for the rest of this run; fails with the holder's name where another run has it."""
    return FunctionCommand(_take, (), {})


def release() -> FunctionCommand:
    """Give the lock back, if it is ours."""
    return FunctionCommand(_release, (), {})


def ourselves() -> dict[str, Any]:
    """What the lock says of this run: enough to know later, on this machine, whether it still runs."""
    return {
        "who": f"{getpass.getuser()}@{socket.gethostname()}",
        "what": "deploy.py",
        "token": secrets.token_hex(8),
        "machine": machine(),
        "run": os.getpid(),
        "begun": begun(os.getpid()),
    }


def machine() -> str:
    """This boot of this machine, and the container in which process numbers count; "" where that is unknown."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.stat('/proc/self/ns/pid').st_ino}"
    except OSError:
        return ""


def begun(pid: int) -> str:
    """When a process here began, as the kernel counts; "" where there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""


def is_dead_here(holder: Mapping[str, Any]) -> bool:
    """Whether the holder was a run on this very machine that has ended."""
    here = machine()
    return bool(here) and holder.get("machine") == here and begun(int(holder["run"])) != holder["begun"]


def _take(state: State, host: Host) -> bool:
    holder = json.dumps(ourselves())
    ok, said = host.run_shell_command(command("take", holder), **as_root(host))
    other = {} if ok else _refusal(said.stderr)
    if other and is_dead_here(other["holder"]):
        ok, said = host.run_shell_command(command("over", holder, other["holder"]["token"]), **as_root(host))
        other = {} if ok else _refusal(said.stderr)
    for line in said.stdout.splitlines() if ok else [other.get("sentence") or said.stderr[-500:]]:
        host.log(line)
    if ok:
        _held[host.name] = holder
    return ok


def _refusal(said: str) -> dict[str, Any]:
    """The program's refusal; {} where it failed in another way."""
    try:
        answer: dict[str, Any] = json.loads(said.splitlines()[-1])
        return answer
    except (ValueError, IndexError):
        return {}


def _release(state: State, host: Host) -> bool:
    ok, _ = host.run_shell_command(command("release", _held.pop(host.name)), **as_root(host))
    return ok
