"""Back over a migration: with the later schema, with the copy from before, or not at all."""

import os
import sqlite3
import subprocess
from pathlib import Path
from typing import Any

import pytest

from provision.remote import candidate, releases, schema, switch

RESTART = switch.Switch.restart
MIGRATION = 'revision = "0001"\ndown_revision = None\n'


@pytest.fixture
def order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """To go back from `new` to `old`, which knows schema 0001 alone."""
    monkeypatch.setattr(candidate, "systemctl", lambda *words: None)
    monkeypatch.setattr(switch, "MIGRATION_LOCK", str(tmp_path / "{slug}-migration"))
    monkeypatch.setattr(switch, "STAMPS", str(tmp_path / "stamps"))
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


def at(order: dict[str, Any], revision: str, floor: str = "") -> None:
    """The database has this revision; `floor` is the oldest whose code works with it."""
    with sqlite3.connect(order["database"]) as base:
        base.execute("DROP TABLE IF EXISTS alembic_version")
        base.execute("CREATE TABLE alembic_version (version_num TEXT)")
        base.execute("INSERT INTO alembic_version VALUES (?)", (revision,))
        if floor:
            base.execute("CREATE TABLE schema_floor (revision TEXT)")
            base.execute("INSERT INTO schema_floor VALUES (?)", (floor,))


def live(order: dict[str, Any]) -> str:
    return os.readlink(f"{order['root']}/harvest").split("/")[1]


def copied_before_migration(order: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """Release `new` migrated the database from 0001 to 0002, and a copy from before is there; gives its path."""
    monkeypatch.setattr(schema, "BACKUPS", str(tmp_path / "backups"))
    at(order, "0001")
    made = schema.keep(order["database"], "harvest", "new")
    at(order, "0002")
    releases.note(order["root"], "new", at="2026-01-01T00:00:00Z", backup=made, backup_revision="0001")
    return made


def test_a_release_that_does_not_work_with_the_schema_is_not_gone_back_to(
    order: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    at(order, "0002")
    assert switch.Switch({**order, "restore": True}).run() == 1
    said = capsys.readouterr().out
    assert "release old does not work with the database, whose schema (0002)" in said
    assert "No copy from before that migration is left" in said
    assert (live(order), releases.record(order["root"], "old")["outcome"]) == ("new", "good")


def test_a_release_that_works_with_a_later_schema_is_gone_back_to(order: dict[str, Any]) -> None:
    at(order, "0002", floor="0001")
    assert switch.Switch(order).run() == 0
    assert live(order) == "old"
    assert schema.current(order["database"]) == "0002"


def test_the_copy_from_before_a_migration_is_restored_only_when_told_to(
    order: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    copied_before_migration(order, monkeypatch, tmp_path)
    assert switch.Switch(order).run() == 1
    assert "add --data restore=yes" in capsys.readouterr().out
    assert (live(order), schema.current(order["database"])) == ("new", "0002")
    assert switch.Switch({**order, "restore": True}).run() == 0
    assert (live(order), schema.current(order["database"])) == ("old", "0001")
    kept = tmp_path / "backups/harvest/old-before-restore.db"
    assert f"what it was until now is in {kept}" in capsys.readouterr().out
    assert schema.current(str(kept)) == "0002"


def test_no_request_starts_the_former_release_while_the_database_changes(
    order: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    copied_before_migration(order, monkeypatch, tmp_path)
    lock = switch.MIGRATION_LOCK.format(slug="harvest")
    told: list[tuple[str, bool]] = []

    def held() -> bool:
        return subprocess.run(["flock", "-n", "-s", lock, "true"]).returncode != 0

    monkeypatch.setattr(candidate, "systemctl", lambda *words: told.append((words[0], held())))
    put_back = schema.restore

    def restore(*paths: str) -> None:
        told.append(("restore", held()))
        put_back(*paths)

    monkeypatch.setattr(schema, "restore", restore)
    monkeypatch.setattr(switch.Switch, "restart", RESTART)
    switch.Switch({**order, "restore": True, "migrate": None, "limit_s": 1}).run()
    begun = told.index(("restore", True))
    assert [told[begun - 1], *(each for each in told[begun:] if each[0] != "reset-failed")] == [
        ("stop", True),
        ("restore", True),
        ("restart", False),
        ("stop", False),  # of a standby, had there been one
    ]
    assert not held()


def test_a_restored_database_goes_away_again_where_the_release_does_not_answer(
    order: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    copied_before_migration(order, monkeypatch, tmp_path)

    def confirm(self: switch.Switch, through: list[Any]) -> None:
        if live(order) == "old":
            raise candidate.Failed("it does not answer")

    monkeypatch.setattr(switch.Switch, "confirm", confirm)
    assert switch.Switch({**order, "restore": True}).run() == 1
    assert (live(order), schema.current(order["database"])) == ("new", "0002")


def test_the_copy_of_the_database_goes_with_the_release_that_it_was_made_for(
    order: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made = copied_before_migration(order, monkeypatch, tmp_path)
    for name in ("third", "fourth"):
        (tmp_path / "harvest/releases" / name).mkdir()
        releases.note(order["root"], name, at="2026-02-01T00:00:00Z", outcome="good", previous="")
    releases.point(order["root"], "fourth", ["harvest"])
    assert releases.prune(order["root"], 2, order["shared"]) == ["old", "new"]
    assert not os.path.exists(made)


def test_the_release_that_is_left_is_marked_bad(order: dict[str, Any]) -> None:
    at(order, "0001")
    assert switch.Switch(order).run() == 0
    assert live(order) == "old"
    assert releases.record(order["root"], "new")["outcome"] == "bad"
    assert switch.Switch({**order, "id": "new"}).run() == 0
    assert releases.record(order["root"], "old")["outcome"] == "good", "it worked, and was left for another"


def test_code_from_before_the_floor_is_not_gone_back_to_without_a_copy() -> None:
    """Migration 0004 only adds, but brings `schema_floor`: former code refuses a schema that it does not know."""
    known = schema.versions(str(Path(__file__).parents[3] / "app"))
    assert schema.bars_former(known, "0003")[:1] == ["0004"]


@pytest.fixture
def calls(order: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What systemd is asked for, where every unit always runs."""
    found: list[str] = []
    monkeypatch.setattr(switch.Switch, "restart", RESTART)
    monkeypatch.setattr(candidate, "systemctl", lambda *words: found.append(" ".join(words)))
    monkeypatch.setattr(candidate, "shown", lambda name: {"ActiveState": "active"})
    names = ("harvest-backend@5001.service", "harvest-frontend.service")
    order["services"] = [{"name": name, "watches": []} for name in names]
    order |= {
        "migrate": None,
        "limit_s": 5,
        "gunicorn": "--workers 1 --preload",
        "workers": 2,
        "database": "",
    }
    return found


STANDBYS = "harvest-standby@backend@5001.service harvest-standby@frontend.service"
LIVE = "harvest-backend@5001.service harvest-frontend.service"


def test_while_the_units_restart_the_release_answers_at_their_sockets(
    order: dict[str, Any], calls: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    laid: dict[str, dict[str, str]] = {}
    monkeypatch.setattr(candidate, "environment", lambda slug, part, values: laid.update({part: values}))
    switch.Switch(order).restart()
    assert calls == [
        f"reset-failed {LIVE}",
        f"restart {STANDBYS}",
        f"restart --no-block {LIVE}",
        "stop harvest-standby@*.service",
        "reset-failed harvest-standby@*.service",
    ]
    run = "gunicorn --workers 1 --preload --workers 2"
    assert laid == {
        "backend@5001": {"HARVEST_RUN": f"{run} wsgi_be:app", "HARVEST_PORT": "5001"},
        "frontend": {"HARVEST_RUN": f"{run} wsgi_fe:server"},
    }
    assert not os.path.lexists(f"{order['root']}/candidate")


def test_what_was_stopped_for_a_migration_and_a_first_release_have_no_standby(
    order: dict[str, Any], calls: list[str]
) -> None:
    """Code from before a migration must not meet the schema after it; and there is nobody yet to answer for."""
    held = switch.Switch(order)
    held.hold()
    held.restart()
    first = switch.Switch(order)
    first.former = ""
    first.restart()
    assert [each for each in calls if each.startswith("restart")] == [f"restart --no-block {LIVE}"] * 2


def test_a_release_whose_standby_does_not_start_is_not_restarted_into(
    order: dict[str, Any], calls: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(candidate, "environment", lambda slug, part, values: None)
    broken = {"ActiveState": "failed"}
    monkeypatch.setattr(
        candidate, "shown", lambda name: broken if "standby" in name else {"ActiveState": "active"}
    )
    attempt = switch.Switch({**order, "id": "new"})
    with pytest.raises(candidate.Failed, match=r"standby@backend@5001\.service did not start"):
        attempt.restart()
    assert f"restart --no-block {LIVE}" not in calls
    # What returns is restarted all the same.
    switch.Switch(order).restart()
    assert f"restart --no-block {LIVE}" in calls


def test_the_live_units_are_restarted_behind_a_standby(
    order: dict[str, Any],
    calls: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(candidate, "environment", lambda slug, part, values: None)
    before = releases.read(order["root"])
    assert switch.Switch({**order, "id": "new", "restart": True}).run() == 0
    assert [each for each in calls if each.startswith("restart")] == [
        f"restart {STANDBYS}",
        f"restart --no-block {LIVE}",
    ]
    assert "harvest was restarted" in capsys.readouterr().out
    assert releases.read(order["root"]) == before
