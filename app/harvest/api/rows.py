"""Upstream's flat list of triples: /api/rows and /api/recent."""

from __future__ import annotations

from pydantic import Field
from sqlalchemy import select

from harvest.api.fields import Id
from harvest.api.http import Call, In, endpoint
from harvest.tables import paper, sentence, triple, user


class RowsQuery(In):
    project_id: Id | None = None
    limit: int = Field(200, ge=1, le=1000)
    triple_contributor: str | None = Field(None, max_length=254)


def _rows(call: Call) -> list[dict]:
    query = (
        select(
            triple,
            sentence.c.text,
            sentence.c.literature_link,
            paper.c.doi,
            paper.c.doi_hash,
            user.c.email,
            user.c.alias,
        )
        .select_from(triple.join(sentence).outerjoin(paper).outerjoin(user, user.c.id == triple.c.user_id))
        .order_by(triple.c.id.desc())
        .limit(call.query.limit)
    )
    if call.query.project_id:
        query = query.where(triple.c.project_id == call.query.project_id)
    if call.query.triple_contributor:
        shown = user.c.email if call.me.admin else user.c.alias
        query = query.where(shown == call.query.triple_contributor)
    with call.db.read() as connection:
        return [
            {
                "id": row.id,
                "sentence_id": row.sentence_id,
                "sentence": row.text,
                "literature_link": row.literature_link,
                "doi": row.doi,
                "doi_hash": row.doi_hash,
                "source_entity_name": row.source_name,
                "source_entity_attr": row.source_type,
                "relation_type": row.relation,
                "sink_entity_name": row.sink_name,
                "sink_entity_attr": row.sink_type,
                "triple_contributor": row.email if call.me.admin else row.alias,
                "project_id": row.project_id,
                "created_at": row.created_at,
            }
            for row in connection.execute(query)
        ]


@endpoint("GET", "/rows", query=RowsQuery, returns=["Row"])
def rows(call: Call) -> list[dict]:
    """The newest triples first."""
    return _rows(call)


@endpoint("GET", "/recent", query=RowsQuery, returns=["Row"])
def recent(call: Call) -> list[dict]:
    """The same as /api/rows, under the name that upstream's pages use."""
    return _rows(call)
