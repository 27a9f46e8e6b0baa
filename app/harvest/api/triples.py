"""Browse: pages of triples, the graph of a selection, and upstream's flat list."""

from __future__ import annotations

from pydantic import Field
from sqlalchemy import func, select

from harvest import triples
from harvest.api import models
from harvest.api.fields import Id
from harvest.api.http import Call, In, Json, endpoint
from harvest.tables import triple


class RowsQuery(In):
    project_id: Id | None = None
    limit: int = Field(200, ge=1, le=1000)
    triple_contributor: str | None = Field(None, max_length=254)


class GraphQuery(triples.Filters):
    limit: int = Field(150, ge=1, le=1000)


@endpoint("GET", "/triples", query=triples.Page, returns=models.TriplePage)
def page(call: Call) -> Json:
    """One page of triples: filtered, searched and sorted here."""
    with call.db.read() as connection:
        return triples.find(connection, call.me, call.query)


@endpoint("GET", "/rows", query=RowsQuery, returns=list[models.Triple])
def rows(call: Call) -> list[Json]:
    """The newest triples first, as a flat list."""
    wanted = triples.Filters(project_id=call.query.project_id, contributor=call.query.triple_contributor)
    with call.db.read() as connection:
        query = triples.selected(call.me).where(*triples.conditions(connection, call.me, wanted))
        return triples.rows(connection, call.me, query.order_by(triple.c.id.desc()).limit(call.query.limit))


@endpoint("GET", "/graph", query=GraphQuery, returns=models.Graph)
def graph(call: Call) -> Json:
    """The most frequent entity - relation - entity of a selection, each with how often it was annotated."""
    names = ("source_name", "source_type", "relation", "sink_name", "sink_type")
    columns = [triple.c[name] for name in names]
    with call.db.read() as connection:
        source = triples.SOURCE if call.query.q else triple
        query = (
            select(*columns, func.count().label("count"))
            .select_from(source)
            .where(*triples.conditions(connection, call.me, call.query))
            .group_by(*columns)
            .order_by(func.count().desc(), *columns)
            .limit(call.query.limit)
        )
        edges = [dict(row) for row in connection.execute(query).mappings()]
    return {"edges": edges, "complete": len(edges) < call.query.limit}
