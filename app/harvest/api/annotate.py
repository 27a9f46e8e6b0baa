"""Save a sentence with its triples, in one transaction."""

from __future__ import annotations

from pydantic import Field
from sqlalchemy import Connection, bindparam, insert, select, update

from harvest import audit
from harvest.api.fields import Id, Label, Name, Text
from harvest.api.http import Call, In, Problem, endpoint
from harvest.clock import now
from harvest.doi import normal, short_hash
from harvest.tables import entity_type, highlight, paper, project, relation_type, sentence, triple
from harvest.triples import NAMES

MAX_TRIPLES = 100


class TripleIn(In):
    """Names as upstream's API has them."""

    source_entity_name: Name
    source_entity_attr: Label
    relation_type: Label
    sink_entity_name: Name
    sink_entity_attr: Label


class SaveIn(In):
    """Either paper_id, or project_id with doi, or neither (a sentence that belongs to no paper)."""

    sentence: Text = Field(min_length=1)
    triples: list[TripleIn] = Field(max_length=MAX_TRIPLES)
    paper_id: Id | None = None
    project_id: Id | None = None
    doi: str | None = Field(None, max_length=500)
    page: int | None = Field(None, ge=1, le=100_000)
    highlight_id: Id | None = None
    literature_link: str = Field("", max_length=500)
    sentence_id: Id | None = None  # add the triples to this sentence; those that it has stay
    contributor_email: str | None = None  # upstream sends it; the session says who it is


def triple_columns(given: TripleIn) -> dict[str, str]:
    return {column: getattr(given, name) for name, column in NAMES.items()}


def check_types(connection: Connection, triples: list[TripleIn]) -> None:
    """Raise Problem 422 for a type that is not in the vocabulary."""
    wanted = {one.source_entity_attr for one in triples} | {one.sink_entity_attr for one in triples}
    relations = {one.relation_type for one in triples}
    known = set(connection.scalars(_ENTITIES, {"names": list(wanted)}))
    known_relations = set(connection.scalars(_RELATIONS, {"names": list(relations)}))
    unknown = sorted(wanted - known) + sorted(relations - known_relations)
    if unknown:
        raise Problem(422, f"Not in the vocabulary: {', '.join(unknown)}.")


_ENTITIES = select(entity_type.c.name).where(entity_type.c.name.in_(bindparam("names", expanding=True)))
_RELATIONS = select(relation_type.c.name).where(relation_type.c.name.in_(bindparam("names", expanding=True)))
_PAPER = select(paper.c.id.label("paper_id"), paper.c.project_id, paper.c.doi_hash, paper.c.status)
_PAPER_BY_ID = _PAPER.where(paper.c.id == bindparam("id"))
_PAPER_BY_DOI = _PAPER.where(paper.c.project_id == bindparam("project"), paper.c.doi == bindparam("doi"))
_SENTENCE = insert(sentence)
_TRIPLES = insert(triple)


def place(connection: Connection, body: SaveIn) -> dict:
    """Where the sentence belongs: {project_id, paper_id, doi_hash}, and the paper's status. Raises Problem."""
    if body.paper_id:
        row = connection.execute(_PAPER_BY_ID, {"id": body.paper_id}).first()
        if row is None:
            raise Problem(422, f"There is no paper {body.paper_id}.")
        return dict(row._mapping)
    doi = normal(body.doi) if body.doi else None
    if body.doi and doi is None:
        raise Problem(422, f"'{body.doi[:80]}' is not a DOI.")
    if body.project_id and doi:
        row = connection.execute(_PAPER_BY_DOI, {"project": body.project_id, "doi": doi}).first()
        if row is None:
            raise Problem(422, f"{doi} is not among the papers of project {body.project_id}.")
        return dict(row._mapping)
    if body.project_id and not connection.scalar(select(project.c.id).where(project.c.id == body.project_id)):
        raise Problem(422, f"There is no project {body.project_id}.")
    return {
        "project_id": body.project_id,
        "paper_id": None,
        "doi_hash": doi and short_hash(doi),
        "status": None,
    }


def _own_sentence(connection: Connection, call: Call, sentence_id: int) -> dict:
    row = connection.execute(
        select(sentence, paper.c.doi_hash).outerjoin(paper).where(sentence.c.id == sentence_id)
    ).first()
    if row is None:
        raise Problem(422, f"There is no sentence {sentence_id}.")
    if row.user_id != call.me.id and not call.me.admin:
        raise Problem(403, "This sentence is another annotator's.")
    return {"project_id": row.project_id, "doi_hash": row.doi_hash}


@endpoint("POST", "/save", body=SaveIn, returns="Saved", errors=(403,))
def save(call: Call) -> dict:
    """Save a sentence and its triples: all of it or nothing."""
    body, at = call.body, now()
    if body.triples:
        with call.db.read() as connection:  # before the write: others wait no longer than they must
            check_types(connection, body.triples)
    with call.db.write() as connection:
        if body.sentence_id:
            home, sentence_id = _own_sentence(connection, call, body.sentence_id), body.sentence_id
        else:
            home = place(connection, body)
            sentence_id = _new_sentence(connection, call, home, at)
        rows = [
            {
                **triple_columns(one),
                "sentence_id": sentence_id,
                "project_id": home["project_id"],
                "user_id": call.me.id,
                "created_at": at,
                "updated_at": at,
            }
            for one in body.triples
        ]
        if rows:
            connection.execute(_TRIPLES, rows)
        audit.note(connection, call.me.id, "save sentence", sentence_id, f"{len(rows)} triples")
    return {"ok": True, "sentence_id": sentence_id, "doi_hash": home["doi_hash"]}


def _new_sentence(connection: Connection, call: Call, home: dict, at: str) -> int:
    body = call.body
    marked = body.highlight_id and connection.scalar(
        select(highlight.c.paper_id).where(highlight.c.id == body.highlight_id)
    )
    if marked and marked != home["paper_id"]:
        raise Problem(422, f"Highlight {body.highlight_id} is not of this paper.")
    row = {
        "project_id": home["project_id"],
        "paper_id": home["paper_id"],
        "highlight_id": body.highlight_id if marked else None,  # removed meanwhile: the sentence counts
        "text": body.sentence,
        "page": body.page,
        "literature_link": body.literature_link,
        "user_id": call.me.id,
        "created_at": at,
    }
    if home["status"] == "unstarted":
        connection.execute(update(paper).where(paper.c.id == home["paper_id"]).values(status="in_progress"))
    return connection.execute(_SENTENCE, row).inserted_primary_key[0]
