"""The same under the names that upstream's pages and scripts use."""

from __future__ import annotations

import json

from flask import Response
from pydantic import Field
from sqlalchemy import select

from harvest import exporting
from harvest import triples as queries
from harvest.accounts import User
from harvest.api import highlights, models, pdfs, triples
from harvest.api.auth import sign_in
from harvest.api.fields import Id
from harvest.api.http import Call, In, Json, Problem, answer, endpoint
from harvest.tables import paper


def find_paper(call: Call, project_id: int, name: str) -> int:
    """The paper that upstream's PDF name means. Raises Problem 404."""
    with call.db.read() as connection:
        found: int | None = connection.scalar(
            select(paper.c.id).where(
                paper.c.project_id == project_id, paper.c.doi_hash == name.removesuffix(".pdf")
            )
        )
    if found is None:
        raise Problem(404, f"There is no PDF '{name[:40]}' in project {project_id}.")
    return found


@endpoint("GET", "/projects/<id:project_id>/pdf/<name>", media="application/pdf", errors=(416,))
def get_named_pdf(call: Call, project_id: int, name: str) -> Response:
    """The same by the name that upstream gives it."""
    return pdfs.get_pdf(call, find_paper(call, project_id, name))


@endpoint(
    "PUT",
    "/projects/<id:project_id>/pdf/<name>",
    returns=models.Paper,
    errors=(413, 415, 422),
    takes="application/pdf",
)
def put_named_pdf(call: Call, project_id: int, name: str) -> Json:
    """Upload by the name that upstream gives it."""
    return pdfs.put_pdf(call, find_paper(call, project_id, name))


@endpoint("GET", "/projects/<id:project_id>/pdf/<name>/highlights", returns=models.Highlights)
def list_named(call: Call, project_id: int, name: str) -> Json:
    """The same by upstream's name of the PDF."""
    return highlights.list_highlights(call, find_paper(call, project_id, name))


@endpoint(
    "POST",
    "/projects/<id:project_id>/pdf/<name>/highlights",
    body=highlights.HighlightIn,
    returns=models.Highlight,
    status=201,
    errors=(409,),
)
def add_named(call: Call, project_id: int, name: str) -> Json:
    """Mark a passage, by upstream's name of the PDF."""
    return highlights.add_highlight(call, find_paper(call, project_id, name))


@endpoint("DELETE", "/projects/<id:project_id>/pdf/<name>/highlights/<id:highlight_id>", returns=models.Ok)
def delete_named(call: Call, project_id: int, name: str, highlight_id: int) -> Json:
    """Take a mark away, by upstream's name of the PDF."""
    paper_id = find_paper(call, project_id, name)
    with call.db.read() as connection:
        if highlight_id not in {one["id"] for one in highlights.listed(connection, call, paper_id)}:
            raise Problem(404, f"There is no highlight {highlight_id}.")
    return highlights.delete_highlight(call, highlight_id)


@endpoint("GET", "/projects/<id:project_id>/pdf/<name>/marked", media="application/pdf", errors=(422,))
def marked_named(call: Call, project_id: int, name: str) -> Response:
    """A copy with burned-in highlights, by upstream's name of the PDF."""
    return highlights.marked_pdf(call, find_paper(call, project_id, name))


@endpoint("GET", "/recent", query=triples.RowsQuery, returns=list[models.Triple])
def recent(call: Call) -> list[Json]:
    """The same as /api/rows, under the name that upstream's pages use."""
    return triples.rows(call)


class AdminAuth(In):
    email: str = Field(max_length=254)
    password: str = Field(max_length=1000)


class AdminExport(AdminAuth):
    project_id: Id | None = None


@endpoint("POST", "/admin/auth", auth="none", body=AdminAuth, returns=models.AdminSession, errors=(401, 429))
def admin_auth(call: Call) -> Json:
    """Upstream's name of /api/login."""
    found = sign_in(call, call.body.email, call.body.password)
    return {
        "authenticated": True,
        "is_admin": found["admin"],
        "token": found["token"],
        "email": found["email"],
        "expires_in": found["expires_in"],
    }


@endpoint(
    "POST",
    "/admin/export/triples",
    auth="none",
    body=AdminExport,
    errors=(401, 403, 429),
    returns=models.Exported,
)
def admin_export(call: Call) -> Response:
    """Upstream's export: an admin's e-mail address and password in the body."""
    found = sign_in(call, call.body.email, call.body.password)
    if not found["admin"]:
        raise Problem(403, "Only an admin may do this.")
    me = User(found["id"], found["email"], found["alias"], True, found["name"])
    text = "".join(exporting.full_json(call.db, me, queries.Filters(project_id=call.body.project_id)))
    return answer({"ok": True, "data": json.loads(text)})
