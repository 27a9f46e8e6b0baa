"""The database's schema: which migrations a release brings, and a copy before one runs. Runs ON the host, in switch.py.

A release's migrations are alembic's, in harvest/migrations/versions. Their constants are read, their code is not run.
FORMER_CODE_RUNS = True says that code from before the migration works on the schema after it; the database says from
which revision on that holds (`schema_floor`, written by HARVEST's migrate).
"""

import ast
import glob
import os
import shutil
import subprocess
import sys
from typing import Any

BACKUPS = "/var/backups"


def versions(source: str) -> "dict[str, dict[str, Any]]":
    """Revision to its constants (down_revision, FORMER_CODE_RUNS); {} where the release has no migrations."""
    found = {}
    for path in glob.glob(f"{source}/harvest/migrations/versions/*.py"):
        with open(path) as file:
            constants = _constants(file.read())
        if constants.get("revision"):
            found[str(constants["revision"])] = constants
    return found


def _constants(text: str) -> "dict[str, Any]":
    try:
        body = ast.parse(text).body
    except SyntaxError:
        return {}
    return {
        node.targets[0].id: node.value.value
        for node in body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant)
    }


def head(known: "dict[str, dict[str, Any]]") -> str:
    """The newest revision; "" where there is none."""
    below = {str(each.get("down_revision")) for each in known.values()}
    return next(iter(sorted(set(known) - below, reverse=True)), "")


def above(known: "dict[str, dict[str, Any]]", revision: str) -> "list[str]":
    """The revisions after `revision`, oldest first; all where it is "" or unknown."""
    path, at = [], head(known)
    while at and at != revision and at in known:
        path.append(at)
        at = str(known[at].get("down_revision") or "")
    return path[::-1]


def bars_former(known: "dict[str, dict[str, Any]]", revision: str) -> "list[str]":
    """Of the revisions after `revision`, those that code from before them does not work with."""
    return [each for each in above(known, revision) if known[each].get("FORMER_CODE_RUNS") is not True]


ONE = """import sqlite3, sys
base = sqlite3.connect("file:" + sys.argv[1] + "?mode=ro", uri=True)
print(base.execute(sys.argv[2]).fetchone()[0])"""
COPY = """import sqlite3, sys
old, new = (sqlite3.connect(path) for path in sys.argv[1:])
old.backup(new)
new.execute("PRAGMA journal_mode=DELETE")
assert new.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok"
new.close()"""


def _as_owner(database: str, program: str, *words: str) -> "subprocess.CompletedProcess[str]":
    """Run as the database's user: what SQLite makes next to a database must be his."""
    owner = os.stat(database)
    who: Any = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []} if os.geteuid() == 0 else {}
    command = [sys.executable, "-IS", "-c", program, *words]
    return subprocess.run(command, capture_output=True, text=True, cwd="/", umask=0o077, **who)


def current(database: str) -> str:
    """The revision that a SQLite database has; "" where there is no database, or none of alembic's."""
    return _one(database, "SELECT version_num FROM alembic_version")


def floor(database: str) -> str:
    """The oldest revision whose code works with a database; "" where it does not say."""
    return _one(database, "SELECT revision FROM schema_floor")


def _one(database: str, query: str) -> str:
    return _as_owner(database, ONE, database, query).stdout.strip() if os.path.exists(database) else ""


def copy(database: str, folder: str) -> str:
    """A consistent copy of a SQLite database in use, in a new folder of its user's; raises OSError."""
    owner = os.stat(database)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder, 0o700)
    os.chown(folder, owner.st_uid, owner.st_gid)
    target = f"{folder}/{os.path.basename(database)}"
    done = _as_owner(database, COPY, database, target)
    if done.returncode:
        shutil.rmtree(folder, ignore_errors=True)
        raise OSError(f"{database} could not be copied: {done.stderr.strip().splitlines()[-1:]}")
    return target


def keep(database: str, slug: str, name: str) -> str:
    """Back the database up as BACKUPS/SLUG/NAME.db, which only root reads; returns the path."""
    folder = f"{BACKUPS}/{slug}"
    os.makedirs(folder, 0o711, exist_ok=True)
    path = f"{folder}/{name}.db"
    made = copy(database, f"{folder}/.copy")
    # Out of the service's hands before anything of it is trusted: it could have put a link there.
    os.chown(f"{folder}/.copy", 0, 0)
    if os.path.islink(made) or not os.path.isfile(made) or os.stat(made).st_nlink != 1:
        raise OSError(f"{made} is no plain file")
    os.chown(made, 0, 0)
    os.chmod(made, 0o600)
    os.rename(made, path)
    shutil.rmtree(f"{folder}/.copy", ignore_errors=True)
    return path


def restore(backup: str, database: str) -> None:
    """Put a backup in the database's place. Nothing may have it open, and what is there is lost: `keep` it first."""
    owner = os.stat(database)
    fresh = f"{database}.restored"
    if os.path.lexists(fresh):
        os.unlink(fresh)
    with open(backup, "rb") as old, open(fresh, "xb") as new:
        shutil.copyfileobj(old, new)
        os.fchown(new.fileno(), owner.st_uid, owner.st_gid)
        os.fchmod(new.fileno(), owner.st_mode & 0o777)
        new.flush()
        os.fsync(new.fileno())
    for end in ("-wal", "-shm"):
        if os.path.lexists(database + end):
            os.unlink(database + end)
    os.rename(fresh, database)
