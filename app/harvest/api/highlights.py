"""Highlights on a paper's PDF: rows of their own, so the file is never rewritten."""

from __future__ import annotations

import json
from typing import Annotated, Any

from flask import Response
from pydantic import Field
from sqlalchemy import Connection, Row, select

from harvest import audit, pdfstore, trash
from harvest.api import models, papers, pdfs
from harvest.api.fields import Text
from harvest.api.http import Call, In, Json, Problem, endpoint
from harvest.api.ownership import changeable
from harvest.clock import now
from harvest.db import insert_row
from harvest.pdfcheck import NotAPdf
from harvest.tables import highlight, user

MAX_BY_PAPER = 2000
Coordinate = Annotated[float, Field(ge=-20_000, le=20_000, allow_inf_nan=False)]
Rect = Annotated[list[Coordinate], Field(min_length=4, max_length=4)]


class HighlightIn(In):
    """`rects` are [x0, y0, x1, y1] in PDF points from the page's lower left corner."""

    page: int = Field(ge=1, le=5000)
    rects: list[Rect] = Field(min_length=1, max_length=200)
    color: str = Field("#ffe066", pattern=r"^#[0-9a-fA-F]{6}$")
    text: Text = ""


def listed(connection: Connection, call: Call, paper_id: int) -> list[Json]:
    query = (
        select(highlight, user.c.email, user.c.alias, user.c.name)
        .outerjoin(user, user.c.id == highlight.c.user_id)
        .where(highlight.c.paper_id == paper_id)
        .order_by(highlight.c.page, highlight.c.id)
    )
    return [_shown(row, call) for row in connection.execute(query)]


def _shown(row: Row[Any], call: Call) -> Json:
    return {
        "id": row.id,
        "page": row.page,
        "rects": json.loads(row.rects),
        "color": row.color,
        "text": row.text,
        "contributor": (row.email if call.me.admin else row.alias) or "",
        "contributor_name": row.name or row.alias or "",
        "mine": row.user_id == call.me.id,
        "created_at": row.created_at,
    }


@endpoint("GET", "/papers/<id:paper_id>/highlights", returns=models.Highlights)
def list_highlights(call: Call, paper_id: int) -> Json:
    """All highlights of a paper."""
    with call.db.read() as connection:
        papers.one(connection, call.me, paper_id)
        return {"highlights": listed(connection, call, paper_id)}


@endpoint(
    "POST",
    "/papers/<id:paper_id>/highlights",
    body=HighlightIn,
    returns=models.Highlight,
    status=201,
    errors=(409,),
)
def add_highlight(call: Call, paper_id: int) -> Json:
    """Mark a passage."""
    body: HighlightIn = call.body
    with call.db.write() as connection:
        paper = papers.one(connection, call.me, paper_id, "annotate")
        if not paper["pdf"] or body.page > paper["pdf"]["pages"]:
            raise Problem(404, f"Paper {paper_id} has no PDF with a page {body.page}.")
        if len(listed(connection, call, paper_id)) >= MAX_BY_PAPER:
            raise Problem(409, f"A paper holds at most {MAX_BY_PAPER} highlights.")
        row = {**body.model_dump(), "rects": json.dumps(body.rects), "paper_id": paper_id}
        row |= {"user_id": call.me.id, "created_at": now()}
        made = insert_row(connection, highlight, row)
        audit.note(connection, call.me.id, "add highlight", made, f"paper {paper_id}, page {body.page}")
        return next(one for one in listed(connection, call, paper_id) if one["id"] == made)


@endpoint("DELETE", "/highlights/<id:highlight_id>", returns=models.Ok)
def delete_highlight(call: Call, highlight_id: int) -> Json:
    """Take a mark away: one's own, or any as an admin. Its sentence stays."""
    with call.db.write() as connection:
        row = changeable(connection, call, highlight, highlight_id)
        name = row.text or f"page {row.page}"
        trash.delete_row(connection, call.me.id, highlight, highlight_id, name)
        audit.note(connection, call.me.id, "delete highlight", highlight_id, f"paper {row.paper_id}")
    return {"ok": True}


@endpoint("GET", "/papers/<id:paper_id>/pdf/marked", media="application/pdf", errors=(422,))
def marked_pdf(call: Call, paper_id: int) -> Response:
    """A copy of the PDF with the highlights burned in."""
    from harvest.pdfmark import burn_in

    row = pdfs.pdf_row(call, paper_id)
    with call.db.read() as connection:
        marks = listed(connection, call, paper_id)
    try:
        data = burn_in(pdfstore.path_of(call.settings.PDF_DIR, row.sha256), marks)
    except NotAPdf as error:
        raise Problem(422, str(error)) from error
    name = f"{row.doi_hash}-marked.pdf"
    return Response(
        data, mimetype="application/pdf", headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )
