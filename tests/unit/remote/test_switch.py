"""Back over a migration: refused before anything changes."""

import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from provision.remote import candidate, releases, switch

MIGRATION = 'revision = "0001"\ndown_revision = None\n'


@pytest.fixture
def order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """To go back from `new` to `old`, which knows schema 0001 alone."""
    monkeypatch.setattr(candidate, "systemctl", lambda *words: None)
    monkeypatch.setattr(switch.Switch, "restart", lambda self: None)
    monkeypatch.setattr(switch.Switch, "confirm", lambda self, through: None)
    root = tmp_path / "harvest"
    for name in ("old", "new"):
        versions = root / "releases" / name / "harvest/harvest/migrations/versions"
        versions.mkdir(parents=True)
        (versions / "0001_first.py").write_text(MIGRATION)
        (root / "releases" / name / "harvest/.complete").touch()
        (root / "releases" / name / "venv").mkdir()
        (root / "releases" / name / "venv/.complete").touch()
    releases.note(str(root), "old", outcome="good")
    releases.note(str(root), "new", outcome="live", previous="old")
    (root / "harvest").symlink_to("releases/new/harvest")
    return {
        "root": str(root),
        "slug": "harvest",
        "id": "old",
        "database": str(tmp_path / "harvest.db"),
        "services": [],
        "links": ["harvest", "venv"],
        "through": [],
        "origin": {},
        "keep": 5,
        "shared": str(root),
        "gate": False,
        "rollback": True,
    }


def at(order: dict[str, Any], revision: str) -> None:
    with sqlite3.connect(order["database"]) as base:
        base.execute("CREATE TABLE alembic_version (version_num TEXT)")
        base.execute("INSERT INTO alembic_version VALUES (?)", (revision,))


def live(order: dict[str, Any]) -> str:
    return os.readlink(f"{order['root']}/harvest").split("/")[1]


def test_a_release_that_does_not_know_the_schema_is_not_gone_back_to(
    order: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    at(order, "0002")
    assert switch.Switch(order).run() == 1
    assert "release old does not know the database's schema (0002)" in capsys.readouterr().out
    assert (live(order), releases.record(order["root"], "old")["outcome"]) == ("new", "good")


def test_the_release_that_is_left_is_marked_bad(order: dict[str, Any]) -> None:
    at(order, "0001")
    assert switch.Switch(order).run() == 0
    assert live(order) == "old"
    assert releases.record(order["root"], "new")["outcome"] == "bad"
    assert switch.Switch({**order, "id": "new"}).run() == 0
    assert releases.record(order["root"], "old")["outcome"] == "good", "it worked, and was left for another"
