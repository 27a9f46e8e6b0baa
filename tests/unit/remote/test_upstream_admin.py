"""The first administrator of an upstream HARVEST, added with that application's own code."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from provision.remote import upstream_admin

STORE = """
import sqlite3
def get_conn(path):
    return sqlite3.connect(path)
def init_db(path):
    with get_conn(path) as base:
        base.execute("CREATE TABLE IF NOT EXISTS admin_users (email TEXT PRIMARY KEY, password TEXT)")
def create_admin_user(path, email, password):
    if not password:
        return False
    with get_conn(path) as base:
        base.execute("INSERT OR REPLACE INTO admin_users VALUES (?, ?)", (email, password))
    return True
"""
EMAIL = "admin@harvest.test"


@pytest.fixture
def application(tmp_path: Path) -> Path:
    (tmp_path / "harvest_store.py").write_text(STORE)
    (tmp_path / "config.py").write_text(f"DB_PATH = {str(tmp_path / 'harvest.db')!r}\n")
    return tmp_path


def run(application: Path, password: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, upstream_admin.__file__, EMAIL]
    environment = {"PYTHONPATH": str(application)}
    return subprocess.run(
        command, input=f"{password}\n", capture_output=True, text=True, env=environment, timeout=30
    )


def accounts(application: Path) -> list[tuple[str, str]]:
    with sqlite3.connect(application / "harvest.db") as base:
        return list(base.execute("SELECT * FROM admin_users"))


def test_an_administrator_is_added_once_and_never_changed(application: Path) -> None:
    done = run(application, " first one ")
    assert (done.returncode, done.stdout) == (0, f"{EMAIL} can sign in as an admin.\n"), done.stderr
    done = run(application, "another")
    assert (done.returncode, done.stdout) == (0, f"{EMAIL} has an account: nothing changed.\n"), done.stderr
    assert accounts(application) == [(EMAIL, " first one ")]


def test_an_administrator_whom_the_application_refuses_is_told(application: Path) -> None:
    done = run(application, "")
    assert (done.returncode, done.stderr) == (1, f"{EMAIL} could not be added\n")
