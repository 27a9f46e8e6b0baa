"""The papers of a project: by DOI, by hand, or as reference managers write them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator
from sqlalchemy import ColumnElement, Connection, func, select, update

from harvest import audit, crossref, references, roles, trash
from harvest.accounts import User
from harvest.api import models
from harvest.api.http import MAX_JSON_BYTES, Call, In, Json, Problem, endpoint
from harvest.api.ownership import require
from harvest.doi import normal, public
from harvest.references import Reference
from harvest.tables import paper, pdf, project, sentence

Year = Annotated[int, Field(ge=1000, le=3000)]


class PaperIn(In):
    """One paper by hand; with a DOI as one of `dois`."""

    title: Annotated[str, Field(min_length=1, max_length=1000)]
    authors: str = Field("", max_length=2000)
    journal: str = Field("", max_length=500)
    year: Year | None = None


class PapersIn(In):
    """`text` is BibTeX, RIS, or any text with DOIs."""

    dois: list[Annotated[str, Field(max_length=500)]] = Field([], max_length=references.MAX_PAPERS)
    text: str = Field("", max_length=MAX_JSON_BYTES)
    papers: list[PaperIn] = Field([], max_length=references.MAX_PAPERS)

    @model_validator(mode="after")
    def _something(self) -> PapersIn:
        if not (self.dois or self.text or self.papers):
            raise ValueError("give dois, text or papers")
        return self


class PaperChange(In):
    status: Literal["unstarted", "in_progress", "done"] | None = None
    title: Annotated[str, Field(max_length=1000)] | None = None
    authors: Annotated[str, Field(max_length=2000)] | None = None
    journal: Annotated[str, Field(max_length=500)] | None = None
    year: Year | None = None


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
    names = (
        "id",
        "project_id",
        "title",
        "authors",
        "journal",
        "year",
        "status",
        "metadata_state",
        "sentences",
    )
    return [
        {
            **{name: getattr(row, name) for name in names},
            "doi": public(row.doi),
            "pdf_name": f"{row.doi_hash}.pdf",
            "pdf": row.sha256 and {"name": f"{row.doi_hash}.pdf", "size": row.size, "pages": row.pages},
        }
        for row in connection.execute(query)
    ]


def one(connection: Connection, me: User, paper_id: int, needed: str = "read") -> Json:
    """The paper, for somebody who may do what is `needed` in its project. Raises Problem."""
    found, missing = shown(connection, paper.c.id == paper_id), f"There is no paper {paper_id}."
    if not found:
        raise Problem(404, missing)
    require(connection, me, found[0]["project_id"], needed, missing)
    return found[0]


def _find_project(connection: Connection, me: User, project_id: int, needed: str) -> None:
    missing = f"There is no project {project_id}."
    if not connection.execute(select(project.c.id).where(project.c.id == project_id)).first():
        raise Problem(404, missing)
    require(connection, me, project_id, needed, missing)


def _read(body: PapersIn) -> tuple[list[Reference], list[references.Refused]]:
    """What the request asks for, each paper once, and what is refused. Raises Problem 422."""
    found: dict[str, Reference] = {}
    refused: list[references.Refused] = []
    try:
        for text in filter(None, ("\n".join(body.dois), body.text)):
            read, others = references.read(text)
            found.update((one.identifier, one) for one in read)
            refused += others
    except references.CannotRead as error:
        raise Problem(422, str(error)) from error
    for given in body.papers:
        made = references.reference(given.model_dump())
        if isinstance(made, Reference):
            found[made.identifier] = made
        else:
            refused.append(made)
    return list(found.values()), refused


@endpoint("GET", "/projects/<id:project_id>/papers", returns=list[models.Paper])
def list_papers(call: Call, project_id: int) -> list[Json]:
    """The papers of a project, in the order they were added."""
    with call.db.read() as connection:
        _find_project(connection, call.me, project_id, "read")
        found = shown(connection, paper.c.project_id == project_id)
    if any(one["metadata_state"] in crossref.WAITING for one in found):
        crossref.kick(call.settings, call.db)
    return found


@endpoint("POST", "/projects/<id:project_id>/papers/check", body=PapersIn, returns=models.PapersChecked)
def check_papers(call: Call, project_id: int) -> Json:
    """What adding these papers would do: which are new, which are known, what is refused and why. Adds nothing."""
    found, refused = _read(call.body)
    with call.db.read() as connection:
        _find_project(connection, call.me, project_id, "papers")
        known = references.known_in(connection, project_id)
    told: dict[bool, list[Json]] = {True: [], False: []}
    for one in found:
        names = ("title", "authors", "journal", "year")
        told[one.identifier in known].append(
            {"doi": public(one.identifier), **{name: getattr(one, name) for name in names}}
        )
    return {"new": told[False], "known": told[True], "refused": [{"text": a, "why": b} for a, b in refused]}


@endpoint("POST", "/projects/<id:project_id>/papers", body=PapersIn, returns=models.Added, status=201)
def add_papers(call: Call, project_id: int) -> Json:
    """Add papers by DOI, by hand, or from BibTeX or RIS. CrossRef tells title and authors of a bare DOI later."""
    found, refused = _read(call.body)
    with call.db.write() as connection:
        _find_project(connection, call.me, project_id, "papers")
        added = references.add(connection, project_id, found, crossref.first_state(call.settings))
        if added:
            names = ", ".join(one.label for one in added)
            audit.note(connection, call.me.id, "add papers", project_id, names)
    crossref.kick(call.settings, call.db)
    return {"ok": True, "added": [one.label for one in added], "refused": [text for text, _ in refused]}


@endpoint("GET", "/papers/<id:paper_id>", returns=models.Paper)
def get_paper(call: Call, paper_id: int) -> Json:
    """One paper."""
    with call.db.read() as connection:
        return one(connection, call.me, paper_id)


@endpoint("PATCH", "/papers/<id:paper_id>", body=PaperChange, returns=models.Paper)
def change_paper(call: Call, paper_id: int) -> Json:
    """Set the status (who may annotate), or title, authors, journal and year (who may add papers)."""
    changes = call.body.model_dump(exclude_none=True)
    with call.db.write() as connection:
        described = bool(set(changes) - {"status"})
        found = one(connection, call.me, paper_id, "papers" if described else "annotate")
        if described:
            changes["metadata_state"] = "manual"
        if not found["doi"] and changes.get("title") == "":
            raise Problem(422, "A paper without a DOI needs a title.")
        if changes:
            connection.execute(update(paper).where(paper.c.id == paper_id).values(changes))
            detail = ", ".join(f"{name}={value}" for name, value in changes.items())
            audit.note(connection, call.me.id, "change paper", paper_id, detail)
        return one(connection, call.me, paper_id)


@endpoint("DELETE", "/papers/<id:paper_id>", auth="admin", returns=models.Ok)
def delete_paper(call: Call, paper_id: int) -> Json:
    """Take a paper out of its project, with its sentences and triples."""
    with call.db.write() as connection:
        gone = one(connection, call.me, paper_id)
        name = gone["title"] or gone["doi"]
        trash.delete_row(connection, call.me.id, paper, paper_id, name)
        detail = f"{gone['doi'] or name}: {gone['sentences']} sentences"
        audit.note(connection, call.me.id, "delete paper", paper_id, detail)
    return {"ok": True}


@endpoint("POST", "/validate-doi", body=DoiIn, returns=models.DoiCheck)
def validate_doi(call: Call) -> Json:
    """Whether the text is a DOI, in its normal form, with the metadata known here."""
    doi = normal(call.body.doi)
    if doi is None:
        return {"valid": False, "doi": call.body.doi, "metadata": None}
    with call.db.read() as connection:
        seen = roles.visible(connection, call.me, paper.c.project_id)
        row = connection.execute(select(paper).where(paper.c.doi == doi, paper.c.title != "", *seen)).first()
    known = row and {"title": row.title, "authors": row.authors, "year": row.year}
    return {"valid": True, "doi": doi, "metadata": known}
