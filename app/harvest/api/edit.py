"""A paper's sentences with their triples; change and delete them, as their owner or as an admin."""

from __future__ import annotations

import hashlib
import json

from pydantic import Field
from sqlalchemy import Connection, delete, func, insert, select, update

from harvest import audit
from harvest.accounts import User
from harvest.api import papers
from harvest.api.annotate import MAX_TRIPLES, TripleIn, check_types, triple_columns
from harvest.api.fields import PATH_ID, Text
from harvest.api.http import Call, In, Problem, endpoint
from harvest.api.own import changeable
from harvest.clock import now
from harvest.tables import audit as trail
from harvest.tables import sentence, triple, user
from harvest.triples import named


class SentenceChange(In):
    """`triples` replaces all triples of the sentence. With the `version` that was read, a change is refused (409)
    when somebody changed or deleted the sentence meanwhile; without it the last change wins."""

    sentence: Text | None = Field(None, min_length=1)
    triples: list[TripleIn] | None = Field(None, max_length=MAX_TRIPLES)
    version: str | None = Field(None, pattern="^[0-9]{1,10}-[0-9a-f]{16}$")


def sentences(connection: Connection, me: User, *where: object) -> list[dict]:
    """Sentences with their triples, the newest first."""
    # The audit trail's end comes first: whoever changes something from here on stands behind it.
    end = connection.scalar(select(func.max(trail.c.id))) or 0
    query = (
        select(sentence, user.c.email, user.c.alias)
        .outerjoin(user, user.c.id == sentence.c.user_id)
        .where(*where)
        .order_by(sentence.c.id.desc())
    )
    found = connection.execute(query).all()
    of: dict[int, list[dict]] = {}
    ids = [row.id for row in found]
    for row in connection.execute(select(triple).where(triple.c.sentence_id.in_(ids)).order_by(triple.c.id)):
        of.setdefault(row.sentence_id, []).append({"id": row.id, **named(row)})
    return [
        {
            "id": row.id,
            "sentence": row.text,
            "page": row.page,
            "paper_id": row.paper_id,
            "highlight_id": row.highlight_id,
            "contributor": (row.email if me.admin else row.alias) or "",
            "mine": row.user_id == me.id,
            "created_at": row.created_at,
            "version": f"{end}-{_digest(row.text, of.get(row.id, []))}",
            "triples": of.get(row.id, []),
        }
        for row in found
    ]


# SQLite has one writer at a time; in PostgreSQL those of one sentence wait here for each other.
_LOCKED = select(sentence.c.id).with_for_update(of=sentence)


def _digest(text: str, triples: list[dict]) -> str:
    """The same for the same content: what was changed and changed back is in nobody's way."""
    content = [text, *([value for name, value in one.items() if name != "id"] for one in triples)]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]


def _refuse_stale(connection: Connection, me: User, sentence_id: int, version: str) -> None:
    """Raise Problem 409 where the sentence is no longer what the caller read."""
    end, _, digest = version.partition("-")
    found = sentences(connection, me, sentence.c.id == sentence_id)
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
        told = f"{'You' if who.id == me.id else who.email if me.admin else who.alias} {what} this sentence"
    raise Problem(409, f"{told} meanwhile: nothing was saved.")


@endpoint("GET", f"/papers/<{PATH_ID}:paper_id>/sentences", returns=["Sentence"], errors=(404,))
def list_sentences(call: Call, paper_id: int) -> list[dict]:
    """What was annotated in a paper."""
    with call.db.read() as connection:
        papers.one(connection, paper_id)
        return sentences(connection, call.me, sentence.c.paper_id == paper_id)


@endpoint("GET", f"/sentences/<{PATH_ID}:sentence_id>", returns="Sentence", errors=(404,))
def get_sentence(call: Call, sentence_id: int) -> dict:
    """One sentence with its triples."""
    with call.db.read() as connection:
        return _one(connection, call, sentence_id)


def _one(connection: Connection, call: Call, sentence_id: int) -> dict:
    found = sentences(connection, call.me, sentence.c.id == sentence_id)
    if not found:
        raise Problem(404, f"There is no sentence {sentence_id}.")
    return found[0]


@endpoint(
    "PUT",
    f"/sentences/<{PATH_ID}:sentence_id>",
    body=SentenceChange,
    returns="Sentence",
    errors=(403, 404, 409),
)
def change_sentence(call: Call, sentence_id: int) -> dict:
    """Change the text, the triples, or both: all of it or nothing; with a `version`, only what is still that."""
    body, at = call.body, now()
    with call.db.write() as connection:
        if body.version:
            connection.execute(_LOCKED.where(sentence.c.id == sentence_id))
            _refuse_stale(connection, call.me, sentence_id, body.version)
        row = changeable(connection, call, sentence, sentence_id)
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
        audit.note(connection, call.me.id, "change sentence", sentence_id, f"was: {row.text}")
        return _one(connection, call, sentence_id)


@endpoint("DELETE", f"/sentences/<{PATH_ID}:sentence_id>", returns="Ok", errors=(403, 404))
def delete_sentence(call: Call, sentence_id: int) -> dict:
    """Delete a sentence with its triples."""
    with call.db.write() as connection:
        row = changeable(connection, call, sentence, sentence_id)
        connection.execute(delete(sentence).where(sentence.c.id == sentence_id))
        audit.note(connection, call.me.id, "delete sentence", sentence_id, f"was: {row.text}")
    return {"ok": True}


@endpoint("DELETE", f"/triple/<{PATH_ID}:triple_id>", returns="Ok", errors=(403, 404))
def delete_triple(call: Call, triple_id: int) -> dict:
    """Delete one triple, as its owner or as an admin; its sentence stays."""
    with call.db.write() as connection:
        connection.execute(_LOCKED.join(triple).where(triple.c.id == triple_id))
        row = changeable(connection, call, triple, triple_id)
        connection.execute(delete(triple).where(triple.c.id == triple_id))
        was = f"was: {row.source_name} {row.relation} {row.sink_name}"
        audit.note(connection, call.me.id, "delete triple", triple_id, was)
    return {"ok": True}
