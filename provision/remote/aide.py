"""What AIDE finds changed, without what packages brought and what deploy.py wrote itself. Runs ON the host.

Each command of a run notes in JOURNAL from when to when it was at work (provision/engine/operation.py), however the
run then ended. What changed last while one of them was at work is the run's own; a later edit of the same file is not.
"""

import hashlib
import json
import os
import re
import stat
import subprocess
import time
from typing import Any

Found = dict[str, Any]

JOURNAL = "/var/lib/harvest-provision/journal"
"""One file a command: modified when it began, renamed to *.done when it ended; until AIDE's database is written."""
CUT_OFF_S = 60.0
"""A command that never ended, on a host that was not rebooted, was killed: within so many seconds of its start."""
GRAIN_S = 0.02
"""How far the times of files lag behind the clock."""
DATABASE = "/var/lib/aide/aide.db"
STATE = "/var/lib/harvest-provision/aide.json"
"""What the last run left and found, and what was accepted by name. Root's alone."""

MISSING = 127
"""The exit code of a command that is not there."""
ENTRY = re.compile(r"[A-Za-z?|!].*?: (/.*)")
"""A path in AIDE's lists. Digests of its database follow below: their lines begin with a blank."""


def output(words: "list[str]") -> str:
    try:
        return subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    except OSError:
        return ""


def differing(config: str) -> Found:
    """What differs from the baseline; `ours` is what a run changed itself and did not come to record.

    `findings` hold what, path, changed (last, in seconds since the epoch, 0 where unknown), since (the same when a run
    first noted it), ours, seen (when that was) and bare; `closed` are noted paths that are as in the baseline again;
    `noted` says whether a run recorded what it left.
    """
    kept, began = state(), time.time()
    answer: Found = {"failed": "", "noted": bool(kept["config"])}
    found: dict[str, str] = {}
    if is_ours(config) and os.path.exists(DATABASE):
        code, said = run(["aide", "--config", config, "--check"])
        if 0 <= code <= 7:  # bits: added, removed, changed; above are errors
            found = {path: what for what, path in entries(said)}
        elif code != MISSING:
            answer["failed"] = "AIDE failed: " + " ".join(said.split())[:200]
        elif kept["config"]:  # else the run is about to install it
            answer["failed"] = "AIDE is not installed any more"
    found.update({path: what for what, path in tampered(kept, config)})
    if not (found or answer["failed"]):
        forget(JOURNAL, began)
    sums, windows = (conffiles(), at_work(JOURNAL, booted())) if found else ({}, [])
    answer["findings"] = [
        {
            "what": what,
            "path": path,
            "since": kept["open"].get(path, {}).get("since") or changed(what, path),
            "changed": changed(what, path),
            "ours": of_run(what, path, windows) and not is_held(kept, what, path),
            "bare": is_bare(path),
            "seen": kept["open"].get(path, {}).get("seen", ""),
        }
        for path, what in found.items()
        if not of_packages(path, sums)
    ]
    there = {finding["path"] for finding in answer["findings"]}
    answer["closed"] = [path for path in kept["open"] if path not in there]
    return answer


def run(words: "list[str]") -> "tuple[int, str]":
    """A command's exit code and all that it says."""
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    try:
        done = subprocess.run(
            words,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=environment,
        )
    except OSError:
        return MISSING, ""
    return done.returncode, done.stdout


def conffiles() -> "dict[str, str]":
    """The MD5 sums of configuration files as their packages brought them, by path."""
    lines = output(["dpkg-query", "-W", "-f", "${Conffiles}\n"]).splitlines()
    return dict(line.split()[:2] for line in lines if line)


def is_ours(config: str) -> bool:
    """Whether AIDE's configuration is HARVEST's."""
    try:
        with open(config, errors="replace") as file:
            return file.read(64).startswith("# Written by HARVEST")
    except OSError:
        return False


def state() -> Found:
    """What the last run noted. `config`, `database`: SHA-256 of AIDE's files as it left them, "" where it did not;
    `open`: by path, what was changed outside of deploy, since when, and when a run first saw that; `accepted`: by whom.
    """
    kept: Found = {"config": "", "database": "", "open": {}, "accepted": []}
    try:
        with open(STATE) as file:
            kept.update(json.load(file))
    except (OSError, ValueError):
        pass
    return kept


def digest(path: str) -> str:
    """The SHA-256 of a file; "" where there is none."""
    try:
        with open(path, "rb") as file:
            return hashlib.sha256(file.read()).hexdigest()
    except OSError:
        return ""


def tampered(kept: Found, config: str) -> "list[tuple[str, str]]":
    """(what, path) of AIDE's own files where they are not as the last run left them: they decide what is found."""
    pairs = ((config, kept["config"]), (DATABASE, kept["database"]))
    found = [(path, digest(path)) for path, left in pairs if kept["config"] and digest(path) != left]
    return [("changed" if now else "removed", path) for path, now in found]


def is_held(kept: Found, what: str, path: str) -> bool:
    """Whether a path was changed by others before a run of ours changed it too: what they did may still be in it.
    Where ours removed the file, nothing of it is."""
    opened = kept["open"].get(path)
    return bool(opened) and (what != "removed" or opened["what"] == "removed")


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


def at_work(journal: str, boot: float, but: str = "") -> "list[tuple[float, float]]":
    """From when to when each command of a run was at work, since AIDE's database was written; but for that of the note
    `but`."""
    windows = []
    names = os.listdir(journal) if os.path.isdir(journal) else []
    for name in (each for each in names if os.path.join(journal, each) != but):
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


def is_bare(path: str) -> bool:
    """Whether a path has neither an access list beyond its mode nor capabilities: settings say nothing of them."""
    try:
        return not set(os.listxattr(path, follow_symlinks=False)) - {"security.selinux"}
    except OSError:
        return False


def changed(what: str, path: str) -> float:
    """When a path changed last, by its inode; of a removed one its folder says when. 0 where nothing says it."""
    try:
        if what != "removed":
            return os.lstat(path).st_ctime
        while not os.path.lexists(path) and path != "/":
            path = os.path.dirname(path)
        return os.lstat(path).st_mtime
    except OSError:
        return 0.0


def of_run(what: str, path: str, windows: "list[tuple[float, float]]") -> bool:
    """Whether a path changed last while a command of ours was at work."""
    when = changed(what, path)
    return any(began <= when <= ended for began, ended in windows)
