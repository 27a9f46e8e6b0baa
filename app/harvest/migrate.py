"""Bring the database to the newest schema, or say how far it is."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from harvest.db import Database
from harvest.tables import SCHEMA_HEAD


def upgrade(database: Database) -> None:
    """`alembic upgrade head` in one transaction; the folder of a SQLite file is made when it is missing."""
    from alembic import command
    from alembic.config import Config

    if database.sqlite and (path := database.engine.url.database):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with database.write() as connection:
        if not database.sqlite:
            # Two hosts may migrate one PostgreSQL at once: the second waits, then finds nothing to do.
            connection.execute(text("SELECT pg_advisory_xact_lock(5001)"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def revision(connection: Connection) -> str | None:
    """The schema's revision, None for an empty database."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def is_current(connection: Connection) -> bool:
    return revision(connection) == SCHEMA_HEAD
