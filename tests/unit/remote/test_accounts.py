"""Whether anybody can sign in at a HARVEST, read from its database."""

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from provision.remote.host_state import accounts


@pytest.fixture
def database() -> Iterator[Path]:
    """A database as HARVEST makes it, in a folder that its user can reach."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder / "harvest.db"
    shutil.rmtree(folder)


def test_accounts_that_are_active_and_have_a_password_can_sign_in(database: Path) -> None:
    assert accounts(str(database)) == 0  # none yet: no account
    with sqlite3.connect(database) as base:
        base.execute("CREATE TABLE user_account (active BOOLEAN, password_hash TEXT)")
    assert accounts(str(database)) == 0
    with sqlite3.connect(database) as base:
        base.executemany(
            "INSERT INTO user_account VALUES (?, ?)", [(1, "scrypt:1"), (1, None), (0, "scrypt:2")]
        )
    assert accounts(str(database)) == 1


def test_what_is_no_database_is_not_taken_for_an_empty_one(database: Path) -> None:
    database.write_text("something else entirely, and long enough to be no header of SQLite's")
    assert accounts(str(database)) == -1
