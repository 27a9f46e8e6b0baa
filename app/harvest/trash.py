"""What was deleted is kept for 30 days, just as it was, and can be restored."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Table, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from harvest.clock import now
from harvest.db import insert_row
from harvest.tables import (
    entity_type,
    highlight,
    paper,
    pdf,
    project,
    project_role,
    relation_type,
    sentence,
    sentence_number,
    trash,
    triple,
)

DAYS = 30
# Each refers only to those before it.
TABLES = (project, project_role, paper, pdf, highlight, sentence, triple)
BY_NAME = {table.name: table for table in TABLES}
BATCH = 500
Rows = dict[str, list[dict[str, Any]]]


class CannotRestore(ValueError):
    """Why it cannot come back now, as a sentence for the user."""


def delete_row(connection: Connection, user_id: int, table: Table, row_id: int, name: str) -> None:
    """Delete the row with all that hangs on it; `name` is what people know it by."""
    content = _with_dependents(connection, table, row_id)
    if table is highlight:
        marked = select(sentence.c.id).where(sentence.c.highlight_id == row_id)
        content["marked"] = [{"id": one} for one in connection.scalars(marked)]
    row = {
        "at": now(),
        "user_id": user_id,
        "kind": table.name,
        "ref": row_id,
        "name": name[:300],
        "files": ",".join(one["sha256"] for one in content.get("pdf", ())),
        "content": json.dumps(content, separators=(",", ":")),
    }
    connection.execute(insert(trash).values(row))
    connection.execute(delete(table).where(table.c.id == row_id))


def _with_dependents(connection: Connection, table: Table, row_id: int) -> Rows:
    """The rows that the database deletes together with this one, by table."""
    content: Rows = {table.name: _select(connection, table, "id", [row_id])}
    for below in TABLES[TABLES.index(table) + 1 :]:
        found: dict[int, dict[str, Any]] = {}
        for column, target in _references(below, "CASCADE"):
            ids = [row["id"] for row in content.get(target.name, ())]
            found.update((row["id"], row) for row in _select(connection, below, column, ids))
        if found:
            content[below.name] = list(found.values())
    return content


def _select(connection: Connection, table: Table, column: str, values: list[int]) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    for start in range(0, len(values), BATCH):
        query = select(table).where(table.c[column].in_(values[start : start + BATCH]))
        made += [dict(row) for row in connection.execute(query.order_by(table.c.id)).mappings()]
    return made


def _references(table: Table, *ondelete: str) -> Iterator[tuple[str, Table]]:
    """Columns that refer to another of our tables, with that table."""
    for column in table.c:
        for key in column.foreign_keys:
            if key.column.table in TABLES and key.ondelete in ondelete:
                yield column.name, key.column.table


def restore(connection: Connection, entry_id: int) -> tuple[str, int]:
    """Put an entry back; returns its kind and number. A number that is taken is replaced. Raises CannotRestore."""
    entry = connection.execute(select(trash).where(trash.c.id == entry_id)).one()
    content: Rows = json.loads(entry.content)
    moved: dict[str, dict[int, int]] = {}
    try:
        for table in TABLES:
            if rows := content.get(table.name):
                moved[table.name] = _insert(connection, table, rows, moved)
    except IntegrityError as error:
        raise CannotRestore(f"There is a {entry.kind} of this name or DOI here already.") from error
    _restore_types(connection, content.get("triple", []))
    ours = moved[entry.kind][entry.ref]
    for one in content.get("marked", ()):
        again = (sentence.c.id == one["id"], sentence.c.highlight_id.is_(None))
        connection.execute(update(sentence).where(*again).values(highlight_id=ours))
    connection.execute(delete(trash).where(trash.c.id == entry_id))
    return entry.kind, ours


def _insert(
    connection: Connection, table: Table, rows: list[dict[str, Any]], moved: dict[str, dict[int, int]]
) -> dict[int, int]:
    """Insert the rows of one table; returns their new numbers by their old ones."""
    taken = {row["id"] for row in _select(connection, table, "id", [row["id"] for row in rows])}
    for column, target in _references(table, "CASCADE", "SET NULL"):
        known = moved.get(target.name, {})
        outside = {row[column] for row in rows} - {None} - set(known)
        there = {row["id"] for row in _select(connection, target, "id", sorted(outside))}
        for row in rows:
            old = row[column]
            if old is None or old in there:
                continue
            if old not in known and (table, target) != (sentence, highlight):
                raise CannotRestore(f"Its {target.name} was deleted, too: restore that first.")
            row[column] = known.get(old)
    made = {row["id"]: row["id"] for row in rows}
    free = [row for row in rows if row["id"] not in taken]
    if free:
        connection.execute(insert(table), free)
    for row in rows:
        if row["id"] in taken:
            values = {name: value for name, value in row.items() if name != "id"}
            made[row["id"]] = insert_row(connection, table, values)
    return made


def _restore_types(connection: Connection, triples: list[dict[str, Any]]) -> None:
    """Types that were renamed or removed meanwhile join the vocabulary again."""
    entities = {row[name] for row in triples for name in ("source_type", "sink_type")}
    for table, wanted in ((entity_type, entities), (relation_type, {row["relation"] for row in triples})):
        new = sorted(wanted - set(connection.scalars(select(table.c.name))))
        if new:
            connection.execute(insert(table), [{"name": name} for name in new])


def purge(connection: Connection, days: int = DAYS) -> int:
    """Delete for good what has been here longer than `days`; returns how many entries that were."""
    return connection.execute(delete(trash).where(trash.c.at <= now(-days * 86400))).rowcount


def files(connection: Connection) -> set[str]:
    """SHA-256 of the PDFs that could still be restored."""
    return {one for names in connection.scalars(select(trash.c.files)) for one in names.split(",") if one}


_HIGHEST = select(
    func.max(  # of two values, as SQLite has it
        func.coalesce(select(func.max(sentence.c.id)).scalar_subquery(), 0),
        func.coalesce(select(sentence_number.c.last).scalar_subquery(), 0),
    )
)


def next_sentence_number(connection: Connection) -> dict[str, int]:
    """`{"id": ...}` for a new sentence in SQLite, which would give the number of a deleted one again."""
    if connection.dialect.name != "sqlite":
        return {}
    return {"id": 1 + int(connection.execute(_HIGHEST).scalar_one())}
