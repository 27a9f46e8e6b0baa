"""Is it alive, is it ready, and the vocabulary."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from flask import Response
from sqlalchemy import select, text
from sqlalchemy.exc import SQLAlchemyError

from harvest import VERSION, migrate
from harvest.api import models
from harvest.api.http import Call, Json, answer, endpoint
from harvest.db import Database
from harvest.settings import Settings, SettingsError
from harvest.tables import SCHEMA_HEAD, entity_type, login_failure, metadata, relation_type


@endpoint("GET", "/health", auth="none", returns=models.Health)
def health(call: Call) -> Json:
    """Alive: this process answers. It says nothing about the database; /api/ready does."""
    return {"ok": True, "version": VERSION, "deployment_mode": call.settings.DEPLOYMENT_MODE}


@endpoint("GET", "/ready", auth="none", returns=models.Ready, errors=(503,))
def ready(call: Call) -> Response:
    """Ready to work: 503 with the reasons when it is not."""
    reasons = [*database_troubles(call.db), *folder_troubles(call.settings), *secret_troubles(call.settings)]
    return answer({"ok": not reasons, "reasons": reasons}, 503 if reasons else 200)


def database_troubles(db: Database) -> list[str]:
    """Why nothing could be saved: no database, an old schema, a table that is gone, or no right to write."""
    path = db.engine.url.database
    if db.sqlite and path and not Path(path).exists():
        return ["There is no database yet: run `python -m harvest migrate`."]
    try:
        with (
            db.engine.connect().execution_options(writes=True) as connection,
            connection.begin() as transaction,
        ):
            if not migrate.fits(connection):
                found = migrate.revision(connection)
                return [f"The schema is at {found}, not {SCHEMA_HEAD}: run `python -m harvest migrate`."]
            # Every table with all its columns, then a real write of a real row, taken back.
            for table in metadata.sorted_tables:
                connection.execute(select(table).limit(1))
            connection.execute(login_failure.insert().values(email="", address="", at=""))
            transaction.rollback()
    except SQLAlchemyError as error:
        reason = getattr(error, "orig", None) or error
        return [f"The database cannot be used: {str(reason).splitlines()[0]}."]
    return []


def folder_troubles(settings: Settings) -> list[str]:
    folder = Path(settings.PDF_DIR)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"probe")
            probe.flush()
            os.fsync(probe.fileno())
        free = shutil.disk_usage(folder).free // (1 << 20)
    except OSError as error:
        return [f"The PDF folder {folder} is not writable: {error.strerror}."]
    if free < settings.MIN_FREE_MB:
        return [f"Only {free} MiB are free on the disk of {folder}, less than {settings.MIN_FREE_MB}."]
    return []


def secret_troubles(settings: Settings) -> list[str]:
    try:
        settings.secret_key  # noqa: B018 reading it is the test
    except (SettingsError, OSError) as error:
        return [f"There is no secret to sign sessions with: {error}"]
    return []


@endpoint("GET", "/choices", auth="none", returns=models.Choices)
def choices(call: Call) -> Json:
    """The types that entities and relations may have."""
    with call.db.read() as connection:
        return {
            "entity_types": list(connection.scalars(select(entity_type.c.name).order_by(text("1")))),
            "relation_types": list(connection.scalars(select(relation_type.c.name).order_by(text("1")))),
        }
