"""Sentences with their triples: save, list, change, delete; each in one transaction."""

from __future__ import annotations

from pydantic import Field
from sqlalchemy import Connection, bindparam, delete, insert, literal, select, union_all, update

from harvest import audit, sentences, trash
from harvest.accounts import User
from harvest.api import models, papers
from harvest.api.fields import Id, Label, Name, Text
from harvest.api.http import Call, In, Json, Problem, endpoint
from harvest.api.ownership import changeable, require
from harvest.clock import now
from harvest.db import insert_row
from harvest.doi import identifier, short_hash
from harvest.tables import audit as trail
from harvest.tables import entity_type, highlight, paper, project, relation_type, sentence, triple, user
from harvest.triples import NAMES

MAX_TRIPLES = 100
VERSION = "^[0-9]{1,10}-[0-9a-f]{16}$"


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
    names = {"entities": list(wanted), "relations": list(relations)}
    known = {tuple(row) for row in connection.execute(_KNOWN, names)}
    unknown = sorted(one for one in wanted if ("entity", one) not in known)
    unknown += sorted(one for one in relations if ("relation", one) not in known)
    if unknown:
        raise Problem(422, f"Not in the vocabulary: {', '.join(unknown)}.")


_KNOWN = union_all(
    *(
        select(literal(kind), table.c.name).where(table.c.name.in_(bindparam(names, expanding=True)))
        for kind, table, names in (
            ("entity", entity_type, "entities"),
            ("relation", relation_type, "relations"),
        )
    )
)
_PAPER = select(paper.c.id.label("paper_id"), paper.c.project_id, paper.c.doi_hash, paper.c.status)
_PAPER_BY_ID = _PAPER.where(paper.c.id == bindparam("id"))
_PAPER_BY_DOI = _PAPER.where(paper.c.project_id == bindparam("project"), paper.c.doi == bindparam("doi"))
_SENTENCE = insert(sentence)
_TRIPLES = insert(triple)


def place(connection: Connection, body: SaveIn) -> Json:
    """Where the sentence belongs: {project_id, paper_id, doi_hash}, and the paper's status. Raises Problem."""
    if body.paper_id:
        row = connection.execute(_PAPER_BY_ID, {"id": body.paper_id}).first()
        if row is None:
            raise Problem(422, f"There is no paper {body.paper_id}.")
        return dict(row._mapping)
    doi = identifier(body.doi) if body.doi else None
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


def _own_sentence(connection: Connection, call: Call, sentence_id: int) -> Json:
    row = connection.execute(
        select(sentence, paper.c.doi_hash).outerjoin(paper).where(sentence.c.id == sentence_id)
    ).first()
    missing = f"There is no sentence {sentence_id}."
    if row is None:
        raise Problem(422, missing)
    require(connection, call.me, row.project_id, "annotate", missing)
    if row.user_id != call.me.id and not call.me.admin:
        raise Problem(403, "This sentence is another annotator's.")
    return {"project_id": row.project_id, "doi_hash": row.doi_hash}


@endpoint("POST", "/save", body=SaveIn, returns=models.Saved, errors=(404,))
def save(call: Call) -> Json:
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
            missing = f"There is no project {home['project_id']}."
            require(connection, call.me, home["project_id"], "annotate", missing)
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


def _new_sentence(connection: Connection, call: Call, home: Json, at: str) -> int:
    body = call.body
    marked = body.highlight_id and connection.scalar(
        select(highlight.c.paper_id).where(highlight.c.id == body.highlight_id)
    )
    if marked and marked != home["paper_id"]:
        raise Problem(422, f"Highlight {body.highlight_id} is not of this paper.")
    row = {
        **trash.next_sentence_number(connection),
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
    return insert_row(connection, _SENTENCE, row)


class DeleteQuery(In):
    """With the `version` that was read, only what is still that is deleted; else 409."""

    version: str | None = Field(None, pattern=VERSION)


class SentenceChange(In):
    """`triples` replaces all triples of the sentence. With the `version` that was read, a change is refused (409)
    when somebody changed or deleted the sentence meanwhile; without it the last change wins."""

    sentence: Text | None = Field(None, min_length=1)
    triples: list[TripleIn] | None = Field(None, max_length=MAX_TRIPLES)
    version: str | None = Field(None, pattern=VERSION)


# SQLite has one writer at a time; in PostgreSQL those of one sentence wait here for each other.
_LOCKED = select(sentence.c.id).with_for_update(of=sentence)


def _refuse_stale(connection: Connection, me: User, sentence_id: int, version: str, done: str) -> None:
    """Raise Problem 409 where the sentence is no longer what the caller read."""
    end, _, digest = version.partition("-")
    found = sentences.find(connection, me, sentence.c.id == sentence_id)
    if found and found[0]["version"].endswith(f"-{digest}"):
        return
    # A rename in the vocabulary and a deleted paper change sentences too; who did that stands elsewhere.
    actions = ("save sentence", "change sentence") if found else ("delete sentence",)
    who = connection.execute(
        select(user)
        .join(trail)
        .where(trail.c.id > int(end), trail.c.ref == sentence_id, trail.c.action.in_(actions))
        .order_by(trail.c.id.desc())
    ).first()
    what = "changed" if found else "deleted"
    told = f"This sentence was {what}"
    if who:
        name = who.name or (who.email if me.admin else who.alias)
        told = f"{'You' if who.id == me.id else name} {what} this sentence"
    raise Problem(409, f"{told} meanwhile: nothing was {done}.")


@endpoint("GET", "/papers/<id:paper_id>/sentences", returns=list[models.Sentence])
def list_sentences(call: Call, paper_id: int) -> list[Json]:
    """What was annotated in a paper."""
    with call.db.read() as connection:
        papers.one(connection, call.me, paper_id)
        return sentences.find(connection, call.me, sentence.c.paper_id == paper_id)


@endpoint("GET", "/sentences/<id:sentence_id>", returns=models.Sentence)
def get_sentence(call: Call, sentence_id: int) -> Json:
    """One sentence with its triples."""
    with call.db.read() as connection:
        return _one(connection, call, sentence_id)


def _one(connection: Connection, call: Call, sentence_id: int) -> Json:
    found = sentences.find(connection, call.me, sentence.c.id == sentence_id)
    if not found:
        raise Problem(404, f"There is no sentence {sentence_id}.")
    return found[0]


@endpoint("PUT", "/sentences/<id:sentence_id>", body=SentenceChange, returns=models.Sentence, errors=(409,))
def change_sentence(call: Call, sentence_id: int) -> Json:
    """Change the text, the triples, or both: all of it or nothing; with a `version`, only what is still that."""
    body, at = call.body, now()
    with call.db.write() as connection:
        if body.version:
            connection.execute(_LOCKED.where(sentence.c.id == sentence_id))
            _refuse_stale(connection, call.me, sentence_id, body.version, "saved")
        row = changeable(connection, call, sentence, sentence_id)
        was = sentences.told(connection, sentence_id, row.text)
        if body.sentence is not None:
            connection.execute(
                update(sentence).where(sentence.c.id == sentence_id).values(text=body.sentence)
            )
        if body.triples is not None:
            check_types(connection, body.triples)
            connection.execute(delete(triple).where(triple.c.sentence_id == sentence_id))
            common = {"sentence_id": sentence_id, "project_id": row.project_id, "user_id": row.user_id}
            common |= {"created_at": row.created_at, "updated_at": at}
            if body.triples:
                connection.execute(
                    insert(triple), [{**triple_columns(one), **common} for one in body.triples]
                )
        audit.note(connection, call.me.id, "change sentence", sentence_id, was)
        return _one(connection, call, sentence_id)


@endpoint("DELETE", "/sentences/<id:sentence_id>", query=DeleteQuery, returns=models.Ok, errors=(409,))
def delete_sentence(call: Call, sentence_id: int) -> Json:
    """Delete a sentence with its triples; it can be restored for 30 days."""
    with call.db.write() as connection:
        if call.query.version:
            connection.execute(_LOCKED.where(sentence.c.id == sentence_id))
            _refuse_stale(connection, call.me, sentence_id, call.query.version, "deleted")
        row = changeable(connection, call, sentence, sentence_id)
        was = sentences.told(connection, sentence_id, row.text)
        trash.delete_row(connection, call.me.id, sentence, sentence_id, row.text)
        audit.note(connection, call.me.id, "delete sentence", sentence_id, was)
    return {"ok": True}


@endpoint("DELETE", "/triple/<id:triple_id>", returns=models.Ok)
def delete_triple(call: Call, triple_id: int) -> Json:
    """Delete one triple, as its owner or as an admin; its sentence stays."""
    with call.db.write() as connection:
        connection.execute(_LOCKED.join(triple).where(triple.c.id == triple_id))
        row = changeable(connection, call, triple, triple_id)
        name = f"{row.source_name} {row.relation} {row.sink_name}"
        trash.delete_row(connection, call.me.id, triple, triple_id, name)
        audit.note(connection, call.me.id, "delete triple", triple_id, f"was: {name}")
    return {"ok": True}
