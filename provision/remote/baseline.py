"""Keeps AIDE's database as what is known of the host: what deploy.py did, and what was accepted by name. Runs ON the
host: `baseline.py note|record|accept`, its order as JSON on standard input.

A path that was changed outside of deploy keeps its line of the former database, so AIDE goes on finding it.
"""

import json
import os
import sys
import time
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote

from provision.remote import aide

CONF = "/etc/aide/aide.conf"
HOLDER = "/run/harvest-lock/holder"
FRESH = aide.DATABASE + ".new"
"""Where AIDE writes, by its configuration."""
UNCOMPARED = ("inode", "attr")
"""Columns that a file written again has otherwise, and that another version of AIDE counts otherwise."""
LONGEST = 1000
"""Acceptances that are remembered."""


class Refused(Exception):
    """Nothing was recorded; the sentence says why."""


class Database(NamedTuple):
    """AIDE's database: its text, its columns, and each path's line by the path as it stands there (%20 for a blank)."""

    text: str
    columns: "list[str]"
    lines: "dict[str, str]"

    def values(self, name: str) -> "dict[str, str]":
        return dict(zip(self.columns, self.lines[name].split()))  # noqa: B905 - Python 3.9


def parse(text: str) -> Database:
    columns: list[str] = []
    lines = {}
    for line in text.splitlines():
        if line.startswith("@@db_spec "):
            columns = line.split()[1:]
        elif line.startswith("/"):
            lines[line.split(" ", 1)[0]] = line
    return Database(text, columns, lines)


def path_of(name: str) -> str:
    """A path as the file system has it."""
    return unquote(name, errors="surrogateescape")


def differences(old: Database, new: Database) -> "dict[str, str]":
    """What became of each name whose lines differ: added, changed or removed."""
    found = {name: "removed" for name in old.lines if name not in new.lines}
    for name in new.lines:
        if name not in old.lines:
            found[name] = "added"
        elif old.lines[name] != new.lines[name]:
            was, now = old.values(name), new.values(name)
            if any(was[key] != now[key] for key in was if key in now and key not in UNCOMPARED):
                found[name] = "changed"
    return found


def merged(old: Database, fresh: Database, foreign: "Collection[str]") -> str:
    """The text of `fresh`, in which the names of `foreign` are as in `old`."""

    def former(name: str) -> str:
        if old.columns == fresh.columns:
            return old.lines[name]
        return " ".join(old.values(name).get(column, "0") for column in fresh.columns)

    text = []
    for line in fresh.text.splitlines():
        name = line.split(" ", 1)[0]
        if name == "@@end_db":
            gone = (each for each in foreign if each in old.lines and each not in fresh.lines)
            text += [former(each) for each in gone]
        if name not in foreign or not line.startswith("/"):
            text.append(line)
        elif name in old.lines:
            text.append(former(name))
    return "\n".join(text) + "\n"


def snapshot() -> Database:
    """The host as it is now, as AIDE would write it."""
    os.makedirs(os.path.dirname(aide.DATABASE), exist_ok=True)
    code, said = aide.run(["aide", "--config", CONF, "--init"])
    if code != 0:
        raise Refused("AIDE failed: " + " ".join(said.split())[:200])
    return read(FRESH)


def read(path: str) -> Database:
    with open(path, errors="surrogateescape") as file:
        return parse(file.read())


def put(path: str, text: str) -> None:
    """In one step, root's alone."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + ".put", "w", errors="surrogateescape") as file:
        file.write(text)
    os.replace(path + ".put", path)


def keep(kept: "dict[str, Any]", **changed: Any) -> None:
    """Note what is left: AIDE's own files as they are now, and what else changed."""
    config = aide.digest(CONF) if aide.is_ours(CONF) else ""
    left = {"config": config, "database": aide.digest(aide.DATABASE), **changed}
    put(aide.STATE, json.dumps({**kept, **left}, indent=1) + "\n")


def now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def noted(what: str, path: str) -> "dict[str, Any]":
    return {"what": what, "since": aide.changed(what, path), "seen": now()}


def note(order: "Mapping[str, Any]") -> None:
    """Remember what others changed before the run changes anything: the same files may be touched by both."""
    kept = aide.state()
    seen = {path: noted(what, path) for path, what in order["found"].items()}
    put(aide.STATE, json.dumps({**kept, "open": {**seen, **kept["open"]}}, indent=1) + "\n")


def record(order: "Mapping[str, Any]") -> None:
    """Take what deploy.py did, and what `take` names, into the baseline; what others did stays a finding."""
    kept, wanted = aide.state(), order["config"]
    there = aide.digest(CONF)
    if not os.path.exists(aide.DATABASE):
        put(CONF, wanted)
        os.replace(put_fresh(snapshot().text), aide.DATABASE)
        keep(kept, open={})
        return
    if there != kept["config"] and (kept["config"] or not there):
        # Edited since: what it left out would never be found. A former version of ours differs as the run left it.
        put(CONF, wanted)
    old, new = read(aide.DATABASE), snapshot()
    sums, windows = (
        aide.conffiles(),
        aide.at_work(aide.JOURNAL, aide.booted(), os.environ.get("HARVEST_NOTE", "")),
    )

    def known(what: str, name: str) -> bool:
        path = path_of(name)
        if path in order["take"]:
            return (
                what != "removed" and aide.is_bare(path) and aide.changed(what, path) == order["take"][path]
            )
        if aide.of_packages(path, sums):
            return True
        return aide.of_run(what, path, windows) and not aide.is_held(kept, what, path)

    found = {name: what for name, what in differences(old, new).items() if name != CONF}
    foreign = {name: what for name, what in found.items() if not known(what, name)}
    with open(CONF) as file:
        if file.read() != wanted:
            put(CONF, wanted)
            new = snapshot()
    os.replace(put_fresh(merged(old, new, foreign)), aide.DATABASE)
    opened = {path_of(name): noted(what, path_of(name)) for name, what in foreign.items()}
    keep(kept, open={path: kept["open"].get(path, new) for path, new in opened.items()})


def put_fresh(text: str) -> str:
    put(FRESH, text)
    return FRESH


def accept(order: "Mapping[str, Any]") -> None:
    """Take just the named paths into the baseline, as they are and were shown; note who did."""
    kept, take = aide.state(), dict(order["take"])
    own = [path for path in (CONF, aide.DATABASE) if path in take]
    rest = {path: since for path, since in take.items() if path not in own}
    if rest:
        if own or aide.tampered(kept, CONF):
            raise Refused(
                f"{CONF} or {aide.DATABASE} was changed too; accept that alone first, or run deploy.py"
            )
        old, new = read(aide.DATABASE), snapshot()
        found = differences(old, new)
        names = {path_of(name): name for name in found}
        for path, since in rest.items():
            if path not in names:
                raise Refused(
                    f"{path} is as the baseline has it, or its name cannot be printed; nothing was accepted"
                )
            if found[names[path]] != "removed" and aide.changed("changed", path) != since:
                raise Refused(f"{path} changed again since it was shown; nothing was accepted")
        taken = {names[path] for path in rest}
        text = merged(old, new, {name for name in found if name not in taken})
        os.replace(put_fresh(text), aide.DATABASE)
    try:
        with open(HOLDER) as file:
            holder = json.load(file)
    except (OSError, ValueError):
        holder = {}
    who = {"at": now(), "by": holder.get("who", ""), "address": holder.get("address", "")}
    accepted = [{"path": path, **who} for path in take]
    still = {path: what for path, what in kept["open"].items() if path not in take}
    keep(kept, open=still, accepted=[*kept["accepted"], *accepted][-LONGEST:])


def main() -> int:
    try:
        {"note": note, "record": record, "accept": accept}[sys.argv[1]](json.load(sys.stdin))
    except Refused as why:
        print(why, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
