"""Finding triples: filters, search, order, and pages that cost the same at the start and deep inside."""

from __future__ import annotations

import base64
import json
from typing import Any, Literal

from pydantic import Field
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    bindparam,
    case,
    false,
    func,
    literal,
    or_,
    select,
    tuple_,
)

from harvest import doi, roles, search
from harvest.accounts import User
from harvest.api.fields import Id
from harvest.api.http import In, Problem
from harvest.tables import paper, project, sentence, triple, user

# Beyond so many matches nobody needs the exact number, and counting on would cost more than the page.
# Searching is dearer.
COUNTED, COUNTED_IN_SEARCH = 10_000, 1000

SORTS = {
    "id": triple.c.id,
    "source_name": triple.c.source_name,
    "source_type": triple.c.source_type,
    "relation": triple.c.relation,
    "sink_name": triple.c.sink_name,
    "sink_type": triple.c.sink_type,
}


class Filters(In):
    """What to look for; all given conditions must hold."""

    project_id: Id | None = None
    paper_id: Id | None = None
    sentence_id: Id | None = None
    source_type: str | None = Field(None, max_length=60)
    relation: str | None = Field(None, max_length=60)
    sink_type: str | None = Field(None, max_length=60)
    entity: str | None = Field(None, max_length=300)  # the exact name, as source or sink
    contributor: str | None = Field(None, max_length=254)  # an alias; admins may give an e-mail address
    mine: bool = False
    q: str | None = Field(None, max_length=200)  # part of a name, relation or sentence


class Page(Filters):
    sort: Literal["id", "source_name", "source_type", "relation", "sink_name", "sink_type"] = "id"
    order: Literal["asc", "desc"] = "desc"
    after: str | None = Field(None, max_length=1000)  # `next` of the page before
    limit: int = Field(100, ge=1, le=500)


# Outer joins on purpose: SQLite then always walks triples first, in the order of an index.
SOURCE = (
    triple.outerjoin(sentence, sentence.c.id == triple.c.sentence_id)
    .outerjoin(paper, paper.c.id == sentence.c.paper_id)
    .outerjoin(project, project.c.id == triple.c.project_id)
    .outerjoin(user, user.c.id == triple.c.user_id)
)
# What upstream's API calls the columns.
NAMES = {
    "source_entity_name": "source_name",
    "source_entity_attr": "source_type",
    "relation_type": "relation",
    "sink_entity_name": "sink_name",
    "sink_entity_attr": "sink_type",
}


def _columns(known_as: ColumnElement[str]) -> list[ColumnElement[Any]]:
    """A triple as the API names it: upstream's thirteen keys and ours. The database makes them: Python takes longer."""
    without_doi = paper.c.doi.startswith(doi.LOCAL)
    return [
        triple.c.id,
        triple.c.sentence_id,
        sentence.c.text.label("sentence"),
        sentence.c.page,
        sentence.c.literature_link,
        sentence.c.paper_id,
        case((without_doi, ""), else_=paper.c.doi).label("doi"),
        paper.c.doi_hash,
        func.coalesce(paper.c.title, "").label("title"),
        *(triple.c[column].label(name) for name, column in NAMES.items()),
        func.coalesce(known_as, "").label("triple_contributor"),
        func.coalesce(func.nullif(user.c.name, ""), user.c.alias, "").label("contributor_name"),
        func.coalesce(triple.c.user_id == bindparam("me"), false()).label("mine"),
        triple.c.project_id,
        func.coalesce(project.c.name, "").label("project_name"),
        triple.c.created_at,
    ]


_SELECT = {
    admin: select(*_columns(user.c.email if admin else user.c.alias)).select_from(SOURCE)
    for admin in (True, False)
}


def selected(me: User) -> Select[Any]:
    """The triples as `me` may see them, to filter and order; to be run by `rows`."""
    return _SELECT[me.admin]


def rows(connection: Connection, me: User, query: Select[Any]) -> list[dict[str, Any]]:
    """What a query made of `selected` finds."""
    found = connection.execute(query, {"me": me.id})
    names = tuple(map(str, found.keys()))  # plain ones, which are written as JSON sooner
    return [dict(zip(names, row, strict=True)) for row in found]


def conditions(connection: Connection, me: User, wanted: Filters) -> list[ColumnElement[bool]]:
    given = roles.visible(connection, me, triple.c.project_id)
    for name in ("project_id", "sentence_id", "source_type", "relation", "sink_type"):
        if (value := getattr(wanted, name)) is not None:
            given.append(triple.c[name] == value)
    if wanted.paper_id is not None:
        of_paper = select(sentence.c.id).where(sentence.c.paper_id == wanted.paper_id)
        given.append(triple.c.sentence_id.in_(of_paper))
    if wanted.entity:
        given.append(or_(triple.c.source_name == wanted.entity, triple.c.sink_name == wanted.entity))
    if wanted.mine:
        given.append(triple.c.user_id == me.id)
    if wanted.contributor:
        who = [
            user.c.alias == wanted.contributor,
            *([user.c.email == wanted.contributor] if me.admin else []),
        ]
        given.append(triple.c.user_id.in_(select(user.c.id).where(or_(*who))))
    if wanted.q and (part := wanted.q.replace("\x00", "").strip()):
        given += search.matching(connection, part)
    return given


def named(row: Row[Any]) -> dict[str, str]:
    return {name: getattr(row, column) for name, column in NAMES.items()}


_LABELS = {"id": "id", **{column: name for name, column in NAMES.items()}}


def _cursor(value: object, triple_id: int) -> str:
    return base64.urlsafe_b64encode(json.dumps([value, triple_id]).encode()).decode()


def _start(page: Page) -> tuple[Any, int] | None:
    if not page.after:
        return None
    try:
        value, triple_id = json.loads(base64.urlsafe_b64decode(page.after))
        right = int if page.sort == "id" else str
        if not isinstance(value, right) or not isinstance(triple_id, int) or not 0 <= triple_id < 2**31:
            raise ValueError
        if (isinstance(value, str) and "\x00" in value) or (
            isinstance(value, int) and not 0 <= value < 2**31
        ):
            raise ValueError
    except (ValueError, TypeError) as error:
        raise Problem(422, "after: is not the `next` of a page in this order") from error
    return value, triple_id


def _ordered(query: Select[Any], page: Page) -> Select[Any]:
    column, falling = SORTS[page.sort], page.order == "desc"
    keys = [column] if page.sort == "id" else [column, triple.c.id]
    if start := _start(page):
        place, here = (tuple_(*keys), tuple_(*map(literal, start))) if len(keys) == 2 else (column, start[0])
        query = query.where(place < here if falling else place > here)
    return query.order_by(*(key.desc() if falling else key.asc() for key in keys))


def find(connection: Connection, me: User, page: Page) -> dict[str, Any]:
    """One page: {rows, next, total, total_exact}; `next` is None on the last one."""
    where = conditions(connection, me, page)
    found = rows(connection, me, _ordered(selected(me).where(*where), page).limit(page.limit + 1))
    more, found = len(found) > page.limit, found[: page.limit]
    source = SOURCE if page.q else triple
    counted = COUNTED_IN_SEARCH if page.q else COUNTED
    matches = (
        select(literal(1))
        .select_from(source)
        .where(and_(*where) if where else literal(True))
        .limit(counted + 1)
    )
    total = connection.scalar(select(func.count()).select_from(matches.subquery())) or 0
    return {
        "rows": found,
        "next": _cursor(found[-1][_LABELS[page.sort]], found[-1]["id"]) if more else None,
        "total": min(total, counted),
        "total_exact": total <= counted,
    }
