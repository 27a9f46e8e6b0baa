"""Bring the database to the newest schema, or say how far it is.

A migration with FORMER_CODE_RUNS = True (it only adds) leaves a schema with which the code from before it works. The
oldest revision for which that holds is written into the database (`schema_floor`), so that former code, which cannot
know later migrations, knows that it may run: a release can be gone back from without giving up what was saved since.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, delete, insert, inspect, select, text
from sqlalchemy.exc import DBAPIError

from harvest.db import Database
from harvest.tables import SCHEMA_HEAD, schema_floor

log = logging.getLogger(__name__)
FOLDER = Path(__file__).parent / "migrations"


class SchemaError(RuntimeError):
    """The database belongs to a later version."""


def upgrade(database: Database) -> None:
    """`alembic upgrade head` in one transaction; the folder of a SQLite file is made when it is missing.

    Nothing to do where a later version has migrated the database and says that this one works with it; raises
    `SchemaError` where it does not say so.
    """
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    if database.sqlite and (path := database.engine.url.database):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    with database.write() as connection:
        if not database.sqlite:
            # Two hosts may migrate one PostgreSQL at once: the second waits, then finds nothing to do.
            connection.execute(text("SELECT pg_advisory_xact_lock(5001)"))
        if (found := revision(connection)) and found not in known():
            if fits(connection):
                return
            raise SchemaError(
                f"The database is at {found}, which a later version made and this one does not know. "
                "Run that version, or restore the copy from before."
            )
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.execute(delete(schema_floor))
        floor = floor_of(ScriptDirectory.from_config(config).walk_revisions())
        connection.execute(insert(schema_floor).values(revision=floor))
        if not database.sqlite:
            _index_trigrams(connection)


def _index_trigrams(connection: Connection) -> None:
    """Make PostgreSQL's search quick when the server has pg_trgm, and we or its admin may switch it on.

    Not a migration of its own: the right may come later, and then the next `migrate` uses it.
    """
    try:
        with connection.begin_nested():
            connection.execute(text("CREATE EXTENSION IF NOT EXISTS pg_trgm"))
    except DBAPIError as error:
        log.warning("Searching stays slow without the extension pg_trgm: %s", error.orig)
        return
    for table, columns in (("triple", ("source_name", "relation", "sink_name")), ("sentence", ("text",))):
        listed = ", ".join(f"{name} gin_trgm_ops" for name in columns)
        connection.execute(text(f"CREATE INDEX IF NOT EXISTS search_{table} ON {table} USING gin ({listed})"))


def revision(connection: Connection) -> str | None:
    """The schema's revision, None for an empty database."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def floor_of(scripts: Iterable[Any]) -> str:
    """Of migrations, newest first: the oldest revision whose code works with the newest schema."""
    for script in scripts:
        if not getattr(script.module, "FORMER_CODE_RUNS", False):
            return str(script.revision)
    raise ValueError("the first migration cannot have FORMER_CODE_RUNS: no code came before it")


@cache
def known() -> frozenset[str]:
    """The revisions that this version knows."""
    return frozenset(path.name.partition("_")[0] for path in (FOLDER / "versions").glob("[0-9]*.py"))


def fits(connection: Connection) -> bool:
    """Whether this version works with the database: the schema is its own, or a later one that allows it."""
    found = revision(connection)
    if found is None or found in known():
        return found == SCHEMA_HEAD
    if not inspect(connection).has_table(schema_floor.name):
        return False
    return connection.scalar(select(schema_floor.c.revision)) in known()
