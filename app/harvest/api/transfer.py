"""Export and import."""

from __future__ import annotations

import re
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from flask import Response, request
from sqlalchemy import select

from harvest import audit, crossref, exporting, importing, triples
from harvest.api import models
from harvest.api.http import Call, Json, Problem, endpoint
from harvest.clock import now
from harvest.drain import drain
from harvest.tables import project


class ExportQuery(triples.Filters):
    format: Literal["json", "jsonl", "csv", "nt"] = "json"


@endpoint("GET", "/export", query=ExportQuery, media="application/json")
def export(call: Call) -> Response:
    """All triples of a selection as a file: JSON, JSON Lines, CSV or RDF N-Triples."""
    kind = call.query.format
    wanted = triples.Filters(**call.query.model_dump(exclude={"format"}))
    lines = exporting.WRITERS[kind](call.db, call.me, wanted)
    name = "-".join(filter(None, ("harvest", _project_name(call, wanted.project_id), now()[:10])))
    plain = re.sub("[^A-Za-z0-9._-]+", "_", name)
    # RFC 6266: the second for the letters that the first cannot have.
    named = f"filename=\"{plain}.{kind}\"; filename*=UTF-8''{quote(name, safe='')}.{kind}"
    return Response(
        lines,
        mimetype=exporting.MEDIA[kind],
        headers={"Content-Disposition": f"attachment; {named}", "Cache-Control": "no-store"},
    )


def _project_name(call: Call, project_id: int | None) -> str:
    """The project's name as part of a file's: short, and without what file systems do not take."""
    with call.db.read() as connection:
        found = connection.scalar(select(project.c.name).where(project.c.id == project_id)) or ""
    return re.sub(r'[\s/\\:*?"<>|]+', "_", found)[:60].strip("._")


@endpoint(
    "POST",
    "/import",
    auth="admin",
    returns=models.Imported,
    errors=(413, 422),
    takes="application/octet-stream",
)
def import_file(call: Call) -> Json:
    """Take over a JSON export or a SQLite file of upstream's or this HARVEST; the file is the body."""
    limit = call.settings.max_upload_bytes
    if (request.content_length or 0) > limit:
        drain()
        raise Problem(413, f"The file is larger than {call.settings.MAX_UPLOAD_MB} MiB.")
    request.max_content_length = limit + 1  # Werkzeug takes a body of exactly its limit for a longer one
    with tempfile.TemporaryDirectory(dir=call.settings.STATE_DIR, prefix=".import-") as folder:
        path = Path(folder) / "upload"
        with path.open("wb") as file:
            while chunk := request.stream.read(1 << 20):
                file.write(chunk)
        try:
            data = importing.read(path)
        except importing.CannotImport as error:
            raise Problem(422, str(error)) from error
    with call.db.write() as connection:
        state = crossref.first_state(call.settings)
        report = importing.load(connection, call.settings.secret_key, call.me, data, state)
        counts = f"{report.projects} projects, {report.sentences} sentences, {report.triples} triples"
        audit.note(connection, call.me.id, "import", None, counts)
    return {"ok": True, **asdict(report)}
