"""Part of a name, relation or sentence, in any case: an index of trigrams tells where it can be at all.

SQLite: FTS5 tables that hold trigrams only, kept in step by triggers (migration 0002). PostgreSQL: pg_trgm, where the
server lets us have it; everything works without, only slower. Either way LIKE has the last word on each candidate.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Connection,
    Integer,
    Select,
    any_,
    cast,
    column,
    func,
    insert,
    literal_column,
    or_,
    select,
    table,
    text,
    union_all,
)

from harvest.tables import sentence, triple

NAMES = (triple.c.source_name, triple.c.relation, triple.c.sink_name)
TEXTS = (sentence.c.text,)
# Nothing shorter is in an index of trigrams.
SHORTEST = 3
# What is in more triples than that is found sooner by walking than by the index.
RARE = 5000


def contains(connection: Connection, where: ColumnElement[str], part: str) -> ColumnElement[bool]:
    """Whether the column `where` holds `part`, in any case."""
    pattern = "%" + part.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    if connection.dialect.name == "sqlite":
        if not part.isascii():  # SQLite's LIKE knows the case of ASCII letters alone
            return func.instr(func.casefold(where), part.casefold()) > 0
        return where.like(pattern, escape="\\")
    return where.ilike(pattern, escape="\\")


def matching(connection: Connection, part: str) -> list[ColumnElement[bool]]:
    """Conditions on triples with their sentences: a name, the relation or the sentence holds `part`."""
    holds = or_(*(contains(connection, one, part) for one in (*NAMES, *TEXTS)))
    few = _among_few(connection, part) if len(part) >= SHORTEST else None
    return [holds] if few is None else [few, holds]


def _among_few(connection: Connection, part: str) -> ColumnElement[bool] | None:
    """That a triple is one of those that may hold `part`; None when these are many."""
    sqlite = connection.dialect.name == "sqlite"
    found = (
        union_all(*(_with_trigrams if sqlite else _with_part)(connection, part)).limit(RARE + 1).subquery()
    )
    # The ids come and go as one value: thousands of parameters would cost more than the search.
    collect = func.json_group_array if sqlite else func.array_agg
    ids, count = connection.execute(select(collect(found.c[0]), func.count())).one()
    if count > RARE:
        return None
    if sqlite:
        return triple.c.id.in_(select(func.json_each(ids).table_valued("value").c.value))
    return triple.c.id == any_(cast(ids or [], ARRAY(Integer)))


def _with_part(connection: Connection, part: str) -> tuple[Select[Any], Select[Any]]:
    """Ids of triples, by their names and by their sentence."""
    of_names = select(triple.c.id).where(or_(*(contains(connection, one, part) for one in NAMES)))
    of_texts = select(triple.c.id).join(sentence).where(contains(connection, sentence.c.text, part))
    return of_names, of_texts


def _with_trigrams(_: Connection, part: str) -> tuple[Select[Any], Select[Any]]:
    """The same, and perhaps some more: those that have all of the trigrams, in whatever order."""
    trigrams = dict.fromkeys(part[at : at + SHORTEST] for at in range(len(part) - SHORTEST + 1))
    # Each is a quoted string, so no operator of FTS5 gets through.
    wanted = " ".join('"' + one.replace('"', '""') + '"' for one in trigrams)
    names, texts = (table(f"search_{one}", column("rowid")) for one in ("triple", "sentence"))
    of_names, of_texts = (literal_column(index.name).op("MATCH")(wanted) for index in (names, texts))
    # A join is walked no further than its limit; IN would look for every sentence first.
    triples = triple.join(texts, triple.c.sentence_id == texts.c.rowid)
    return select(names.c.rowid).where(of_names), select(triple.c.id).select_from(triples).where(of_texts)


@contextmanager
def added_in_bulk(connection: Connection) -> Iterator[None]:
    """Index what the block inserts at its end: a trigger a row would cost more than the rows themselves."""
    if connection.dialect.name != "sqlite":
        yield
        return
    begun = [
        (columns, connection.scalar(select(func.max(columns[0].table.c.id))) or 0)
        for columns in (NAMES, TEXTS)
    ]
    query = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'search_%_add'"
    triggers = connection.execute(text(query)).all()
    for name, _ in triggers:
        connection.execute(text(f"DROP TRIGGER {name}"))
    yield
    for columns, last in begun:
        source, names = columns[0].table, [one.name for one in columns]
        index = table(f"search_{source.name}", column("rowid"), *map(column, names))
        added = select(source.c.id, *columns).where(source.c.id > last)
        connection.execute(insert(index).from_select(["rowid", *names], added))
    for _, sql in triggers:
        connection.exec_driver_sql(sql)
