"""The database: one engine a process, opened on first use (never before a fork), its connection kept."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from sqlalchemy import Connection, Engine, Insert, Table, create_engine, event, insert
from sqlalchemy.engine import make_url

# Seconds that a writer waits for another before it gives up.
BUSY_SECONDS = 10


def make_engine(url: str) -> Engine:
    """An engine for SQLite (WAL, foreign keys, busy timeout) or PostgreSQL. Nothing is opened yet."""
    # Parameters (texts, addresses, hashes) stay out of error messages, as these are logged.
    if make_url(url).get_backend_name() != "sqlite":
        return create_engine(url, pool_size=2, max_overflow=2, pool_pre_ping=True, hide_parameters=True)
    engine = create_engine(
        url, connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False}, hide_parameters=True
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: object, _record: object) -> None:
    connection.isolation_level = None  # type: ignore[attr-defined]  # we say BEGIN ourselves
    connection.create_function("casefold", 1, _casefold, deterministic=True)  # type: ignore[attr-defined]
    cursor = connection.cursor()  # type: ignore[attr-defined]
    for pragma in (
        "journal_mode=WAL",
        "synchronous=NORMAL",
        "foreign_keys=ON",
        "cache_size=-4000",
        "temp_store=MEMORY",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _casefold(text: str | None) -> str | None:
    """What SQLite lacks beyond ASCII."""
    return None if text is None else text.casefold()


def _begin_sqlite(connection: Connection) -> None:
    # A writer takes its lock at once: a reader that turns writer cannot wait and fails with "locked".
    if connection.get_execution_options().get("writes"):
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:  # cannot fail, so without SQLAlchemy's errors, whose way to execute costs more than the statement
        connection.connection.dbapi_connection.execute("BEGIN")  # type: ignore[union-attr]


def insert_row(connection: Connection, into: Table | Insert, row: Mapping[str, Any]) -> int:
    """Insert one row and return its id."""
    query = insert(into) if isinstance(into, Table) else into
    key = connection.execute(query, dict(row)).inserted_primary_key
    assert key is not None  # noqa: S101 every table has one
    return int(key[0])


class WriterLock:
    """One SQLite writer after the other, in order: waiting for this file is woken at once, whereas SQLite's own
    wait sleeps for milliseconds and tries again. It ends with the process that holds it. SQLite still guards itself.
    """

    def __init__(self, database: str) -> None:
        self.file = os.open(f"{database}-writer", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def __enter__(self) -> None:
        fcntl.flock(self.file, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        fcntl.flock(self.file, fcntl.LOCK_UN)


class Database:
    """Opens `url` lazily and afresh in each process."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.sqlite = make_url(url).get_backend_name() == "sqlite"
        # Opens nothing, but loads the driver and dialect before the workers fork, so that they share them.
        self._engine = make_engine(url)
        self._writer: AbstractContextManager[None] = nullcontext()
        self._pid = 0  # no process has used the engine yet

    @property
    def engine(self) -> Engine:
        if self._pid != os.getpid():
            if self._pid:  # another process has connections of this one
                self._engine = make_engine(self.url)
            self._pid = os.getpid()
            if self.sqlite and (path := self._engine.url.database) and os.path.exists(path):
                self._writer = WriterLock(path)
        return self._engine

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection for reading one consistent state."""
        with self.engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction: all of it is kept when the block ends, nothing when it raises."""
        engine = self.engine
        with engine.connect().execution_options(writes=True) as connection, self._writer, connection.begin():
            yield connection
