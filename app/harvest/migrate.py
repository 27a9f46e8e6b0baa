"""Bring the database to the newest schema, or say how far it is."""

from __future__ import annotations

import logging
from pathlib import Path

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError

from harvest.db import Database
from harvest.tables import SCHEMA_HEAD

log = logging.getLogger(__name__)
FOLDER = Path(__file__).parent / "migrations"


def upgrade(database: Database) -> None:
    """`alembic upgrade head` in one transaction; the folder of a SQLite file is made when it is missing."""
    from alembic import command
    from alembic.config import Config

    if database.sqlite and (path := database.engine.url.database):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    with database.write() as connection:
        if not database.sqlite:
            # Two hosts may migrate one PostgreSQL at once: the second waits, then finds nothing to do.
            connection.execute(text("SELECT pg_advisory_xact_lock(5001)"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
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


def is_current(connection: Connection) -> bool:
    return revision(connection) == SCHEMA_HEAD
