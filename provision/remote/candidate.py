"""A release on spare ports, before users meet it: started, watched, asked, stopped. Runs ON the host, in switch.py.

Each part of it (backend, frontend, migrate) is an instance of SLUG-candidate@.service: the live units' sandbox, the
release behind ROOT/candidate. What it may take of the host is watched here as well, since a disk has no limit per unit
and a kernel with control groups of version 1 enforces none of systemd's.
"""

import glob
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from provision.remote import answers

MEMORY_MB = 1024
TASKS = 128
DISK_MB = 512
"""What a candidate may take; MEMORY_MB and TASKS are those of templates/systemd/_sandbox.j2."""
STEADY_S = 5.0
PAGE = os.sysconf("SC_PAGE_SIZE")


class Failed(Exception):
    """A check failed: the sentence, and the units whose log tells more."""

    def __init__(self, sentence: str, units: "tuple[str, ...]" = ()) -> None:
        super().__init__(sentence)
        self.units = units


def free_ports(count: int) -> "list[int]":
    """TCP ports on loopback that nothing listens on now."""
    held = [socket.socket() for _ in range(count)]
    for each in held:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in held]
    for each in held:
        each.close()
    return ports


def moved(url: str, ports: "dict[int, int]") -> str:
    """The URL of a live service's port, at the candidate's."""
    scheme, rest = url.split("://", 1)
    authority, slash, path = rest.partition("/")
    name, _, port = authority.partition(":")
    return f"{scheme}://{name}:{ports[int(port)]}{slash}{path}"


def environment(slug: str, part: str, values: "dict[str, str]") -> None:
    """What the unit reads after harvest.env: only root may read or write it."""
    folder = f"/run/{slug}-candidate"
    os.makedirs(folder, 0o700, exist_ok=True)
    with open(f"{folder}/{part}", "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        file.writelines(f'{name}="{value}"\n' for name, value in values.items())


def lay(root: str, slug: str, release: str, parts: "dict[str, dict[str, str]]") -> None:
    """Put in place what the units of a candidate and of a standby read: the release, environments."""
    _link(f"{root}/candidate", f"releases/{release}")
    for part, values in parts.items():
        environment(slug, part, values)


def clear(root: str, slug: str) -> None:
    """Remove what `lay` put in place."""
    for path in (f"{root}/candidate", f"/run/{slug}-candidate"):
        _remove(path)


def _link(path: str, target: str) -> None:
    _remove(f"{path}.new")
    os.symlink(target, f"{path}.new")
    os.rename(f"{path}.new", path)


def _remove(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path, ignore_errors=True)
    elif os.path.lexists(path):
        os.unlink(path)


def unit(slug: str, part: str) -> str:
    return f"{slug}-candidate@{part}.service"


def start(slug: str, parts: "list[str]") -> None:
    names = [unit(slug, part) for part in parts]
    systemctl("reset-failed", *names)
    systemctl("start", "--no-block", *names)


def stop(slug: str) -> None:
    """End every part at once: nobody waits for its answers."""
    names = [unit(slug, part) for part in ("backend", "frontend", "migrate")]
    systemctl("kill", "--signal=SIGKILL", *names)
    systemctl("stop", *names)
    systemctl("reset-failed", *names)


def systemctl(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(["systemctl", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def shown(name: str) -> "dict[str, str]":
    """systemd's view of a unit."""
    keys = "ActiveState,SubState,Result,ExecMainStatus,Job,NRestarts"
    said = systemctl("show", "--property=" + keys, "--", name).stdout
    return dict(line.split("=", 1) for line in said.splitlines() if "=" in line)


def stand_by(slug: str, parts: "list[str]") -> "list[str]":
    """Start a second process at each live service's socket; once they run, both answer. Gives those that do not."""
    names = [f"{slug}-standby@{part}.service" for part in parts]
    systemctl("restart", *names)
    return [name for name in names if shown(name).get("ActiveState") != "active"]


def stand_down(slug: str) -> None:
    """End what stands by, once it has answered what it took."""
    systemctl("stop", f"{slug}-standby@*.service")
    systemctl("reset-failed", f"{slug}-standby@*.service")


RESULTS = {
    "oom-kill": "was killed: it used more memory than its unit may",
    "timeout": "did not start in time",
    "start-limit-hit": "ended again and again",
}


def ended(name: str) -> str:
    """Why a unit that is to run does not; "" while it runs or starts."""
    seen = shown(name)
    if (
        seen.get("ActiveState") in ("active", "activating", "reloading")
        and seen.get("SubState") != "auto-restart"
    ):
        return ""
    if seen.get("Job"):  # about to start
        return ""
    why = RESULTS.get(seen.get("Result", ""), f"ended with status {seen.get('ExecMainStatus', '?')}")
    return f"{name} {why}"


def processes(names: "list[str]") -> "list[int]":
    """The processes of these units, by their control group's name, which both versions have."""
    found = []
    for path in glob.glob("/proc/[0-9]*/cgroup"):
        with suppress(OSError), open(path) as file:
            text = file.read()
            if any(f"/{name}" in text for name in names):
                found.append(int(path.split("/")[2]))
    return found


def tasks(pids: "list[int]") -> int:
    """Processes and threads."""
    count = 0
    for pid in pids:
        with suppress(OSError):
            count += len(os.listdir(f"/proc/{pid}/task"))
    return count


def memory_mb(pids: "list[int]") -> int:
    """MiB that processes take together; pages that forked ones share count once (PSS), which takes longer to read."""
    pages = 0
    for pid in pids:
        with suppress(OSError, ValueError, IndexError), open(f"/proc/{pid}/statm") as file:
            pages += int(file.read().split()[1])
    rough = pages * PAGE // 2**20
    return rough if rough <= MEMORY_MB else sum(map(_pss_kb, pids)) // 1024


def _pss_kb(pid: int) -> int:
    with suppress(OSError, ValueError), open(f"/proc/{pid}/smaps_rollup") as file:
        return next((int(line.split()[1]) for line in file if line.startswith("Pss:")), 0)
    return 0


def free_mb(folder: str) -> int:
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize // 2**20


class Watch(threading.Thread):
    """Ends a candidate at once where it takes more of the host than it may; `trouble` is then why."""

    def __init__(self, names: "list[str]", folders: "list[str]") -> None:
        super().__init__(daemon=True)
        self.names, self.folders = names, folders
        self.free = {folder: free_mb(folder) for folder in folders}
        self.trouble, self.over = "", threading.Event()

    def run(self) -> None:
        while not self.over.wait(0.05):
            if why := self.excess():
                self.trouble = why
                systemctl("kill", "--signal=SIGKILL", *self.names)
                return

    def excess(self) -> str:
        """What it takes too much of; "" while it keeps within its limits."""
        for folder, before in self.free.items():
            taken = before - free_mb(folder)
            if taken > min(DISK_MB, before // 2):
                return f"it filled the disk of {folder}: {taken} MiB since it started"
        found = processes(self.names)
        if (count := tasks(found)) > TASKS:
            return f"it started {count} processes and threads; a service may have {TASKS}"
        if (taken := memory_mb(found)) > MEMORY_MB:
            return f"it took {taken} MiB of memory; a service may have {MEMORY_MB}"
        return ""


def await_all(
    checks: "list[Callable[[float], str]]", units: "list[str]", limit_s: float, watch: "Watch | None" = None
) -> None:
    """Ask until no check has anything to complain of; raises `Failed` with the last complaint.

    A check takes the seconds that it may wait for an answer. A unit that ended, or takes too much, is not waited for,
    and a wrong answer that stays the same for `STEADY_S` is the last.
    """
    deadline = time.monotonic() + limit_s
    pending, said, since = list(checks), "", 0.0
    while pending:
        if watch and watch.trouble:
            raise Failed(watch.trouble, tuple(units))
        for name in units:
            if why := ended(name):
                time.sleep(0.1)  # the watch, which may have ended it, is about to say so
                raise Failed((watch and watch.trouble) or why, (name,))
        now = time.monotonic()
        if now > deadline:
            raise Failed(f"not ready after {limit_s:.0f} s: {said}", tuple(units))
        if said and since and now - since > STEADY_S:
            raise Failed(said, tuple(units))
        found = pending[0](max(0.5, min(10.0, deadline - now)))
        if not found:
            pending.pop(0)
            said, since = "", 0.0
            continue
        if found != said:
            said, since = found, 0.0 if answers.NOTHING in found else now
        time.sleep(0.1)


def checks_of(
    spec: "dict[str, Any]", ports: "dict[int, int] | None" = None
) -> "list[Callable[[float], str]]":
    """The JSON and the pages that a release must answer, at the live ports or at a candidate's."""

    def at(url: str) -> str:
        return moved(url, ports) if ports else url

    found: list[Callable[[float], str]] = [
        partial(answers.json_trouble, at(url), keys) for url, keys in spec["json"]
    ]
    return [*found, *(partial(answers.page_trouble, at(url)) for url in spec["pages"])]
