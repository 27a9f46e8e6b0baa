"""A paper's PDF: upload, download, by paper or by upstream's name `projects/<id>/pdf/<hash>.pdf`."""

from __future__ import annotations

import re
from typing import Any

from flask import Response, request, send_file
from sqlalchemy import Row, delete, insert, select

from harvest import audit, pdfstore
from harvest.api import models, papers
from harvest.api.http import Call, Json, Problem, endpoint
from harvest.api.ownership import require
from harvest.clock import now
from harvest.drain import drain
from harvest.pdfcheck import NotAPdf
from harvest.tables import paper, pdf


def pdf_row(call: Call, paper_id: int) -> Row[Any]:
    with call.db.read() as connection:
        row = connection.execute(
            select(pdf, paper.c.doi_hash, paper.c.project_id).join(paper).where(pdf.c.paper_id == paper_id)
        ).first()
        missing = f"Paper {paper_id} has no PDF."
        if row is None:
            raise Problem(404, missing)
        require(connection, call.me, row.project_id, "read", missing)
    return row


@endpoint("GET", "/papers/<id:paper_id>/pdf", media="application/pdf", errors=(416,))
def get_pdf(call: Call, paper_id: int) -> Response:
    """The PDF as it was uploaded; parts of it by Range."""
    row = pdf_row(call, paper_id)
    path = pdfstore.path_of(call.settings.PDF_DIR, row.sha256)
    if not path.exists():
        raise Problem(404, f"The PDF of paper {paper_id} is missing on disk.")
    name = f"{row.doi_hash}.pdf"
    _take_one_range(path.stat().st_size)
    response = send_file(
        path, "application/pdf", download_name=name, etag=row.sha256, conditional=True, max_age=0
    )
    response.headers["Cache-Control"] = "private, no-cache"
    return response


def _take_one_range(size: int) -> None:
    """RFC 9110, 14.2: another unit, several ranges or what is no range are answered with the whole file (200);
    one range beyond the end with 416 and the file's size. Werkzeug answers 416 to all of them, without the size."""
    given = request.headers.get("Range", "")
    found = re.fullmatch(r"bytes=\s*(?:(\d+)-(\d*)|-(\d+))\s*", given, re.ASCII | re.IGNORECASE)
    if found is None or (found[1] and found[2] and int(found[2]) < int(found[1])):
        request.environ.pop("HTTP_RANGE", None)
    elif (found[1] and int(found[1]) >= size) or (found[3] and not int(found[3])):
        raise Problem(416, f"The file has {size} bytes.", Content_Range=f"bytes */{size}")


@endpoint(
    "PUT", "/papers/<id:paper_id>/pdf", returns=models.Paper, errors=(413, 415, 422), takes="application/pdf"
)
def put_pdf(call: Call, paper_id: int) -> Json:
    """Upload a PDF as the request's body (Content-Type: application/pdf); it replaces the one before."""
    limit = call.settings.max_upload_bytes
    too_large = f"The PDF is larger than {call.settings.MAX_UPLOAD_MB} MiB."
    with call.db.read() as connection:
        papers.one(connection, call.me, paper_id, "annotate")
    if request.mimetype != "application/pdf":
        raise Problem(415, "Upload the PDF as the body, with Content-Type: application/pdf.")
    if (request.content_length or 0) > limit:
        drain()
        raise Problem(413, too_large)
    request.max_content_length = limit + 1  # Werkzeug takes a body of exactly its limit for a longer one
    try:
        stored = pdfstore.store(call.settings.PDF_DIR, request.stream.read, limit)
    except NotAPdf as error:
        drain()
        raise Problem(422, str(error)) from error
    except pdfstore.TooLarge as error:
        raise Problem(413, too_large) from error
    with call.db.write() as connection:
        papers.one(connection, call.me, paper_id, "annotate")
        connection.execute(delete(pdf).where(pdf.c.paper_id == paper_id))
        row = {"paper_id": paper_id, "user_id": call.me.id, "created_at": now(), **vars(stored)}
        connection.execute(insert(pdf).values(row))
        audit.note(
            connection, call.me.id, "upload pdf", paper_id, f"{stored.size} bytes, {stored.pages} pages"
        )
        return papers.one(connection, call.me, paper_id)
