"""A database that a later version has migrated."""

from types import SimpleNamespace

import pytest
from harvest import migrate
from harvest.tables import SCHEMA_HEAD, schema_floor
from sqlalchemy import text, update


def script(revision, **constants):
    return SimpleNamespace(revision=revision, module=SimpleNamespace(**constants))


def migrated_by_later_code(database, floor):
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9001'"))
        connection.execute(update(schema_floor).values(revision=floor))


def test_the_floor_is_the_newest_migration_that_former_code_does_not_survive():
    added = script("0006", FORMER_CODE_RUNS=True), script("0005", FORMER_CODE_RUNS=True)
    assert migrate.floor_of([*added, script("0004"), script("0003")]) == "0004"
    assert migrate.floor_of([script("0004", FORMER_CODE_RUNS=False), script("0003")]) == "0004"


def test_a_later_schema_that_only_adds_is_worked_with_and_left_as_it_is(database, anyone):
    migrated_by_later_code(database, SCHEMA_HEAD)
    assert anyone.get("/ready") == (200, {"ok": True, "reasons": []})
    migrate.upgrade(database)
    with database.read() as connection:
        assert migrate.revision(connection) == "9001"


def test_a_later_schema_that_this_version_does_not_survive_is_refused_in_words(database, backend):
    migrated_by_later_code(database, "9001")
    answer = backend.test_client().get("/api/ready")
    assert answer.status_code == 503
    assert "9001" in answer.json["reasons"][0]
    with pytest.raises(migrate.SchemaError, match="9001, which a later version made"):
        migrate.upgrade(database)
