"""The papers of a project, by DOI."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from sqlalchemy import ColumnElement, Connection, func, insert, select, update

from harvest import audit, crossref, trash
from harvest.api import models
from harvest.api.http import Call, In, Json, Problem, endpoint
from harvest.clock import now
from harvest.doi import normal, pasted, short_hash
from harvest.tables import paper, pdf, project, sentence


class Dois(In):
    dois: list[Annotated[str, Field(max_length=500)]] = Field(min_length=1, max_length=2000)


class PaperChange(In):
    status: Literal["unstarted", "in_progress", "done"] | None = None
    title: Annotated[str, Field(max_length=1000)] | None = None
    authors: Annotated[str, Field(max_length=2000)] | None = None
    journal: Annotated[str, Field(max_length=500)] | None = None
    year: Annotated[int, Field(ge=1000, le=3000)] | None = None


class DoiIn(In):
    doi: str = Field(max_length=500)


def shown(connection: Connection, *where: ColumnElement[bool]) -> list[Json]:
    """Papers with their PDF's name and how many sentences they have."""
    count = select(func.count()).select_from(sentence).where(sentence.c.paper_id == paper.c.id)
    query = (
        select(paper, pdf.c.size, pdf.c.pages, pdf.c.sha256, count.scalar_subquery().label("sentences"))
        .select_from(paper.outerjoin(pdf))
        .where(*where)
        .order_by(paper.c.id)
    )
    names = ("id", "project_id", "doi", "title", "authors", "journal", "year", "status", "metadata_state")
    return [
        {
            **{name: getattr(row, name) for name in names},
            "sentences": row.sentences,
            "pdf_name": f"{row.doi_hash}.pdf",
            "pdf": row.sha256 and {"name": f"{row.doi_hash}.pdf", "size": row.size, "pages": row.pages},
        }
        for row in connection.execute(query)
    ]


def one(connection: Connection, paper_id: int) -> Json:
    found = shown(connection, paper.c.id == paper_id)
    if not found:
        raise Problem(404, f"There is no paper {paper_id}.")
    return found[0]


def add_dois(
    connection: Connection, project_id: int, dois: list[str], state: str
) -> tuple[list[str], list[str]]:
    """Add what is a DOI and not there yet; returns what was added, and what is no DOI."""
    known = set(connection.scalars(select(paper.c.doi).where(paper.c.project_id == project_id)))
    given, refused = pasted(dois)
    added = [doi for doi in given if doi not in known]
    rows = [
        {
            "project_id": project_id,
            "doi": doi,
            "doi_hash": short_hash(doi),
            "metadata_state": state,
            "created_at": now(),
        }
        for doi in added
    ]
    if rows:
        connection.execute(insert(paper), rows)
    return added, refused


@endpoint("GET", "/projects/<id:project_id>/papers", returns=list[models.Paper])
def list_papers(call: Call, project_id: int) -> list[Json]:
    """The papers of a project, in the order they were added."""
    with call.db.read() as connection:
        if not connection.execute(select(project.c.id).where(project.c.id == project_id)).first():
            raise Problem(404, f"There is no project {project_id}.")
        found = shown(connection, paper.c.project_id == project_id)
    if any(one["metadata_state"] in crossref.WAITING for one in found):
        crossref.kick(call.settings, call.db)
    return found


@endpoint(
    "POST", "/projects/<id:project_id>/papers", auth="admin", body=Dois, returns=models.Added, status=201
)
def add_papers(call: Call, project_id: int) -> Json:
    """Add papers by DOI, also offline: title and authors follow from CrossRef when it can be reached."""
    with call.db.write() as connection:
        if not connection.execute(select(project.c.id).where(project.c.id == project_id)).first():
            raise Problem(404, f"There is no project {project_id}.")
        state = crossref.first_state(call.settings)
        added, refused = add_dois(connection, project_id, call.body.dois, state)
        if added:
            audit.note(connection, call.me.id, "add papers", project_id, ", ".join(added))
    crossref.kick(call.settings, call.db)
    return {"ok": True, "added": added, "refused": refused}


@endpoint("GET", "/papers/<id:paper_id>", returns=models.Paper)
def get_paper(call: Call, paper_id: int) -> Json:
    """One paper."""
    with call.db.read() as connection:
        return one(connection, paper_id)


@endpoint("PATCH", "/papers/<id:paper_id>", body=PaperChange, returns=models.Paper)
def change_paper(call: Call, paper_id: int) -> Json:
    """Set the status (anyone), or the metadata by hand (admins)."""
    changes = call.body.model_dump(exclude_none=True)
    with call.db.write() as connection:
        one(connection, paper_id)
        if set(changes) - {"status"}:
            if not call.me.admin:
                raise Problem(403, "Only an admin may change a paper's metadata.")
            changes["metadata_state"] = "manual"
        if changes:
            connection.execute(update(paper).where(paper.c.id == paper_id).values(changes))
            audit.note(
                connection,
                call.me.id,
                "change paper",
                paper_id,
                ", ".join(f"{k}={v}" for k, v in changes.items()),
            )
        return one(connection, paper_id)


@endpoint("DELETE", "/papers/<id:paper_id>", auth="admin", returns=models.Ok)
def delete_paper(call: Call, paper_id: int) -> Json:
    """Take a paper out of its project, with its sentences and triples."""
    with call.db.write() as connection:
        gone = one(connection, paper_id)
        trash.delete_row(connection, call.me.id, paper, paper_id, gone["title"] or gone["doi"])
        audit.note(
            connection, call.me.id, "delete paper", paper_id, f"{gone['doi']}: {gone['sentences']} sentences"
        )
    return {"ok": True}


@endpoint("POST", "/validate-doi", body=DoiIn, returns=models.DoiCheck)
def validate_doi(call: Call) -> Json:
    """Whether the text is a DOI, in its normal form, with the metadata known here."""
    doi = normal(call.body.doi)
    if doi is None:
        return {"valid": False, "doi": call.body.doi, "metadata": None}
    with call.db.read() as connection:
        row = connection.execute(select(paper).where(paper.c.doi == doi, paper.c.title != "")).first()
    known = row and {"title": row.title, "authors": row.authors, "year": row.year}
    return {"valid": True, "doi": doi, "metadata": known}
