"""A HARVEST's releases on its host: folders, records, links. Runs ON the host, in the look and in the switch.

ROOT/releases/ID/            source, link to its environment, files for nginx
ROOT/releases/ID.json        its record
ROOT/{harvest,venv,static}   links into the live release

A record: id, origin (where the code comes from), by (user@machine), address, at (UTC), previous, took_s, size_mb, and
outcome: trying (a run is at it, or was cut off), live, good (was live), bad (with `why`; `stage` says how far it came:
gate, switch or rollback).
"""

import glob
import json
import os
import time
from collections.abc import Container
from contextlib import suppress
from typing import Any

Record = dict[str, Any]


def read(root: str) -> "dict[str, Any]":
    """{"live": ID or "", "records": [record, ...]}, oldest first; a release that has no record has only an id."""
    try:
        live = os.readlink(f"{root}/harvest").split("/")[1]
    except (OSError, IndexError):
        live = ""
    found = []
    for folder in glob.glob(f"{root}/releases/*/"):
        release = os.path.basename(folder.rstrip("/"))
        found.append({**record(root, release), "venv": _end(f"{folder}venv")})
    found.sort(key=lambda each: (each.get("at", ""), each["id"]))
    return {"live": live, "records": found}


def every(patterns: "list[str]") -> "dict[str, Any]":
    """What `read` says of each root that matches."""
    roots = {root for pattern in patterns for root in glob.glob(pattern) if os.path.isdir(f"{root}/releases")}
    return {root: read(root) for root in sorted(roots)}


def record(root: str, release: str) -> Record:
    """A release's record; only its id where there is none, or half of one."""
    try:
        with open(f"{root}/releases/{release}.json") as file:
            found = json.load(file)
        return {**found, "id": release}
    except (OSError, ValueError, TypeError):
        return {"id": release}


def note(root: str, release: str, **changed: Any) -> Record:
    """Change a release's record in one step that survives a power failure."""
    new = {**record(root, release), **changed}
    path = f"{root}/releases/{release}.json"
    with open(f"{path}.new", "w") as file:
        os.chmod(file.fileno(), 0o644)
        json.dump(new, file, indent=1, sort_keys=True)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    os.rename(f"{path}.new", path)
    return new


def point(root: str, release: str, names: "list[str]") -> None:
    """Turn the links to a release, each in one step; `static` only where the release has such files."""
    for name in names:
        target = f"releases/{release}/{name}"
        if name == "static":
            target = f"releases/{release}/static-{_end(f'{root}/releases/{release}/venv')}"
            if not os.path.isdir(f"{root}/{target}"):
                continue
        link = f"{root}/{name}"
        if os.path.islink(link) and os.readlink(link) == target:
            continue  # what watches the link's change time is to see no change
        if os.path.lexists(f"{link}.new"):
            os.unlink(f"{link}.new")
        os.symlink(target, f"{link}.new")
        os.rename(f"{link}.new", link)


def kept(records: "list[Record]", live: str, count: int) -> "set[str]":
    """Of the records, oldest first, the ids that stay: live, the one before it, the last good one, and the newest
    others up to `count` in all."""
    previous = next((each.get("previous", "") for each in records if each["id"] == live), "")
    good = [each["id"] for each in records if each.get("outcome") == "good"]
    must = {live, previous, *good[-1:]} - {""}
    others = [each["id"] for each in reversed(records) if each["id"] not in must]
    return must.union(others[: max(0, count - len(must))])


def backup_for(root: str, revisions: "Container[str]") -> str:
    """The newest copy of the database, made before a migration, whose revision is one of these; "" where none is."""
    for each in reversed(read(root)["records"]):
        if each.get("backup_revision") in revisions and os.path.isfile(each.get("backup", "")):
            return str(each["backup"])
    return ""


OLD_S = 3600.0
"""An environment that no release uses is left this long: a run may have built it for a release that comes next."""


def prune(root: str, count: int, shared: str) -> "list[str]":
    """Remove releases beyond `count`, each with the copy of the database that was made for it, then the environments
    below `shared` that no release uses; gives the ids."""
    import shutil  # of the look, which needs none of it, it would be a fifteenth

    found = read(root)
    stay = kept(found["records"], found["live"], count)
    gone = [each["id"] for each in found["records"] if each["id"] not in stay]
    for release in gone:
        shutil.rmtree(f"{root}/releases/{release}", ignore_errors=True)
        for path in (record(root, release).get("backup", ""), f"{root}/releases/{release}.json"):
            with suppress(FileNotFoundError):
                os.unlink(path)
    used = {os.path.realpath(link) for link in glob.glob(f"{os.path.dirname(shared)}/*/releases/*/venv")}
    for marker in glob.glob(f"{shared}/venvs/*/.complete"):
        folder = os.path.dirname(marker)
        if os.path.realpath(folder) not in used and time.time() - os.stat(marker).st_mtime > OLD_S:
            shutil.rmtree(folder, ignore_errors=True)
    return gone


def whole(root: str, release: str) -> bool:
    """Whether a release can be switched to: its source is all there, and so is its environment."""
    folder = f"{root}/releases/{release}"
    return bool(release) and all(os.path.exists(f"{folder}/{part}/.complete") for part in ("harvest", "venv"))


def now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _end(link: str) -> str:
    return os.path.basename(os.path.realpath(link)) if os.path.lexists(link) else ""
