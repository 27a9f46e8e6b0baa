"""What AIDE finds changed, without what packages brought and what deploy.py wrote itself. Runs ON the host.

Each command of a run notes in JOURNAL from when to when it was at work (provision/engine/operation.py), however the
run then ended. What changed last while one of them was at work is the run's own; a later edit of the same file is not.
"""

import hashlib
import os
import re
import stat
import subprocess
import time

JOURNAL = "/var/lib/harvest-provision/journal"
"""One file a command: modified when it began, renamed to *.done when it ended; until AIDE's database is written."""
CUT_OFF_S = 60.0
"""A command that never ended, on a host that was not rebooted, was killed: within so many seconds of its start."""
GRAIN_S = 0.02
"""How far the times of files lag behind the clock."""
OWN = "by deploy"
"""Before what a run changed itself and did not come to note in AIDE's database."""

ENTRY = re.compile(r"[A-Za-z?|!].*?: (/.*)")
"""A path in AIDE's lists. Digests of its database follow below: their lines begin with a blank."""


def output(words: "list[str]") -> str:
    try:
        return subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    except OSError:
        return ""


def differing(config: str) -> "list[str]":
    """What differs from AIDE's database, "added: /path" or OWN before it; [] where the configuration is not ours."""
    try:
        with open(config, errors="replace") as file:
            ours = file.read(64).startswith("# Written by HARVEST")
    except OSError:
        ours = False
    if not ours or not os.path.exists("/var/lib/aide/aide.db"):
        return []
    check, began = ["aide", "--config", config, "--check"], time.time()
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    try:
        done = subprocess.run(
            check, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
        )
    except OSError:
        return []  # the run installs it
    if done.returncode > 7:  # bits: added, removed, changed; above are errors
        return ["AIDE failed: " + " ".join(done.stdout.split())[:200]]
    found = entries(done.stdout)
    if not found:
        forget(JOURNAL, began)
    conffiles = output(["dpkg-query", "-W", "-f", "${Conffiles}\n"]).splitlines() if found else []
    sums = dict(line.split()[:2] for line in conffiles if line)
    windows = at_work(JOURNAL, booted()) if found else []
    return [
        (OWN if of_run(what, path, windows) else what) + ": " + path
        for what, path in found
        if not of_packages(path, sums)
    ]


def entries(said: str) -> "list[tuple[str, str]]":
    """(added, removed or changed; path) of AIDE's report."""
    section, answer = "", []
    for line in said.splitlines():
        if line.endswith(" entries:"):
            section = line.split()[0].lower()
        elif line.startswith(("Detailed information", "The attributes of")):
            section = ""
        elif section:
            match = ENTRY.match(line)
            if match:
                answer.append((section, match.group(1)))
    return answer


def of_packages(path: str, sums: "dict[str, str]") -> bool:
    """Whether a file is as a package brought it: an update changes configuration that no one had edited."""
    if path not in sums:
        return False
    try:
        found = os.lstat(path)
        if not stat.S_ISREG(found.st_mode) or found.st_uid or found.st_mode & 0o022:
            return False
        with open(path, "rb") as file:
            return hashlib.md5(file.read()).hexdigest() == sums[path]  # noqa: S324 - dpkg's own sums
    except OSError:
        return False


def booted() -> float:
    """When the host started, in seconds since the epoch."""
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)


def at_work(journal: str, boot: float) -> "list[tuple[float, float]]":
    """From when to when each command of a run was at work, since AIDE's database was written."""
    windows = []
    for name in os.listdir(journal) if os.path.isdir(journal) else []:
        try:
            found = os.lstat(os.path.join(journal, name))
        except OSError:
            continue
        began = found.st_mtime
        cut_off = boot if boot > began else began + CUT_OFF_S
        ended = found.st_ctime if name.endswith(".done") else cut_off
        windows.append((began - GRAIN_S, ended + GRAIN_S))
    return windows


def forget(journal: str, before: float) -> None:
    """All is as AIDE's database says: commands that had ended by then explain nothing any more."""
    for name in os.listdir(journal) if os.path.isdir(journal) else []:
        path = os.path.join(journal, name)
        try:
            if name.endswith(".done") and os.lstat(path).st_ctime < before - GRAIN_S:
                os.unlink(path)
        except OSError:
            pass  # another look was faster


def of_run(what: str, path: str, windows: "list[tuple[float, float]]") -> bool:
    """Whether a path changed last while a command of ours was at work; of a removed one its folder says when."""
    try:
        if what == "removed":
            while not os.path.lexists(path) and path != "/":
                path = os.path.dirname(path)
            when = os.lstat(path).st_mtime
        else:
            when = os.lstat(path).st_ctime
    except OSError:
        return False
    return any(began <= when <= ended for began, ended in windows)
