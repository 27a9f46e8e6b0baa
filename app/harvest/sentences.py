"""Sentences with their triples: how they are read, and told in the audit trail."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select

from harvest import roles
from harvest.accounts import User
from harvest.tables import audit as trail
from harvest.tables import sentence, triple, user
from harvest.triples import named

Json = dict[str, Any]


def find(connection: Connection, me: User, *where: ColumnElement[bool]) -> list[Json]:
    """Sentences with their triples, the newest first."""
    # The audit trail's end comes first: whoever changes something from here on stands behind it.
    end = connection.scalar(select(func.max(trail.c.id))) or 0
    query = (
        select(sentence, user.c.email, user.c.alias, user.c.name)
        .outerjoin(user, user.c.id == sentence.c.user_id)
        .where(*where, *roles.visible(connection, me, sentence.c.project_id))
        .order_by(sentence.c.id.desc())
    )
    found = connection.execute(query).all()
    of: dict[int, list[Json]] = {}
    ids = [row.id for row in found]
    for row in connection.execute(select(triple).where(triple.c.sentence_id.in_(ids)).order_by(triple.c.id)):
        of.setdefault(row.sentence_id, []).append({"id": row.id, **named(row)})
    return [
        {
            "id": row.id,
            "sentence": row.text,
            "page": row.page,
            "paper_id": row.paper_id,
            "highlight_id": row.highlight_id,
            "contributor": (row.email if me.admin else row.alias) or "",
            "contributor_name": row.name or row.alias or "",
            "mine": row.user_id == me.id,
            "created_at": row.created_at,
            "version": f"{end}-{_digest(row.text, of.get(row.id, []))}",
            "triples": of.get(row.id, []),
        }
        for row in found
    ]


def _digest(text: str, triples: list[Json]) -> str:
    """The same for the same content: what was changed and changed back is in nobody's way."""
    content = [text, *([value for name, value in one.items() if name != "id"] for one in triples)]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]


def told(connection: Connection, sentence_id: int, text: str) -> str:
    """The sentence as it is, its triples below it, each on a line: for the audit trail before a change."""
    of_sentence = select(triple).where(triple.c.sentence_id == sentence_id).order_by(triple.c.id)
    lines = [
        f"{row.source_name} ({row.source_type}) {row.relation} {row.sink_name} ({row.sink_type})"
        for row in connection.execute(of_sentence)
    ]
    return "\n".join([f"was: {text}", *lines])
