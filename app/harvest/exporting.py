"""Triples as JSON, JSON Lines, CSV and RDF N-Triples, written piece by piece: no project fills the memory."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from sqlalchemy import func, select

from harvest import roles, triples
from harvest.accounts import User
from harvest.clock import now
from harvest.db import Database
from harvest.tables import entity_type, paper, project, relation_type, sentence, triple, user
from harvest.triples import SOURCE, Filters, conditions

BATCH = 1000
MEDIA = {
    "json": "application/json",
    "jsonl": "application/jsonl",
    "csv": "text/csv",
    "nt": "application/n-triples",
}
CSV_COLUMNS = (
    "id", "project_name", "doi", "title", "authors", "year", "sentence_id", "sentence", "page",
    "source_entity_name", "source_entity_attr", "relation_type", "sink_entity_name", "sink_entity_attr",
    "triple_contributor", "created_at",
)  # fmt: skip
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
RDFS = "http://www.w3.org/2000/01/rdf-schema#"
DCTERMS = "http://purl.org/dc/terms/"


def rows(db: Database, me: User, wanted: Filters) -> Iterator[dict[str, Any]]:
    """All matching triples in the order they were made, a batch a query."""
    last = 0
    while True:
        with db.read() as connection:
            where = [*conditions(connection, me, wanted), triple.c.id > last]
            more = func.coalesce(paper.c.authors, "").label("authors"), paper.c.year
            query = triples.selected(me).add_columns(*more).where(*where).order_by(triple.c.id)
            found = triples.rows(connection, me, query.limit(BATCH))
        yield from found
        if len(found) < BATCH:
            return
        last = found[-1]["id"]


def jsonl(db: Database, me: User, wanted: Filters) -> Iterator[str]:
    for row in rows(db, me, wanted):
        yield json.dumps(row, ensure_ascii=False) + "\n"


# Where a cell begins for any separator that a spreadsheet may take the file to have, and a formula with it.
_FORMULA = re.compile("(^|[;,|\t\r\n])(?=[\"' \u3000]*[=+\\-@\t\r＝＋－＠])")


def _cell(value: object) -> object:
    """A spreadsheet runs what begins like a formula; an apostrophe in front makes it text.

    Opened with another separator than the comma, a text with that separator inside makes two cells.
    """
    return _FORMULA.sub(r"\1'", value) if isinstance(value, str) else value


def csv_lines(db: Database, me: User, wanted: Filters) -> Iterator[str]:
    out = io.StringIO()
    out.write("\ufeff")  # else Excel takes the letters for those of its own code page
    writer = csv.writer(out)
    writer.writerow(CSV_COLUMNS)
    for row in rows(db, me, wanted):
        writer.writerow([_cell(row[name]) for name in CSV_COLUMNS])
        yield out.getvalue()
        out.seek(0)
        out.truncate()
    yield out.getvalue()


def _part(text: str) -> str:
    return quote(text, safe="")


def _literal(text: str) -> str:
    for plain, escaped in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t")):
        text = text.replace(plain, escaped)
    return f'"{text}"'


def ntriples(db: Database, me: User, wanted: Filters) -> Iterator[str]:
    """Each triple as one statement between named things, and once more as a statement about it: which paper says so."""
    told: set[str] = set()

    def thing(kind: str, name: str) -> Iterator[str]:
        uri = f"<urn:harvest:entity:{_part(kind)}:{_part(name)}>"
        if uri not in told:
            told.add(uri)
            yield f"{uri} <{RDF}type> <urn:harvest:type:{_part(kind)}> .\n"
            yield f"{uri} <{RDFS}label> {_literal(name)} .\n"

    for row in rows(db, me, wanted):
        source = f"<urn:harvest:entity:{_part(row['source_entity_attr'])}:{_part(row['source_entity_name'])}>"
        sink = f"<urn:harvest:entity:{_part(row['sink_entity_attr'])}:{_part(row['sink_entity_name'])}>"
        relation = f"<urn:harvest:relation:{_part(row['relation_type'])}>"
        yield from thing(row["source_entity_attr"], row["source_entity_name"])
        yield from thing(row["sink_entity_attr"], row["sink_entity_name"])
        yield f"{source} {relation} {sink} .\n"
        about = f"<urn:harvest:triple:{row['id']}>"
        yield f"{about} <{RDF}type> <{RDF}Statement> .\n"
        for role, value in (("subject", source), ("predicate", relation), ("object", sink)):
            yield f"{about} <{RDF}{role}> {value} .\n"
        yield f"{about} <{DCTERMS}description> {_literal(row['sentence'] or '')} .\n"
        yield f"{about} <{DCTERMS}created> {_literal(row['created_at'])} .\n"
        if row["doi"]:
            yield f"{about} <{DCTERMS}source> <https://doi.org/{quote(row['doi'], safe='/:;()._-')}> .\n"


def full_json(db: Database, me: User, wanted: Filters) -> Iterator[str]:
    """One document with the keys of upstream's export; it can be imported again."""
    with db.read() as connection:
        of_project = roles.visible(connection, me, project.c.id)
        if wanted.project_id is not None:
            of_project.append(project.c.id == wanted.project_id)
        projects = connection.execute(select(project).where(*of_project).order_by(project.c.id)).all()
        ids = [row.id for row in projects]
        papers = connection.execute(
            select(paper).where(paper.c.project_id.in_(ids)).order_by(paper.c.id)
        ).all()
        entities = list(connection.scalars(select(entity_type.c.name)))
        relations = list(connection.scalars(select(relation_type.c.name)))
    head = {
        "export_timestamp": now(),
        "schema_version": "v2",
        "entity_types": entities,
        "relation_types": relations,
        "projects": [
            {
                "id": row.id,
                "name": row.name,
                "description": row.description,
                # Also what stands for the DOI of a paper that has none, so that an import finds it again.
                "doi_list": [one.doi for one in papers if one.project_id == row.id],
                "created_at": row.created_at,
            }
            for row in projects
        ],
        "doi_metadata": [
            {name: getattr(one, name) for name in ("doi_hash", "doi", "title", "authors", "journal", "year")}
            for one in {one.doi: one for one in papers}.values()
        ],
    }
    yield json.dumps(head, ensure_ascii=False)[:-1] + ', "sentences": ['
    yield from _sentences(db, me, wanted)
    yield '], "triples": ['
    count = 0
    for row in rows(db, me, wanted):
        yield (", " if count else "") + json.dumps(row, ensure_ascii=False)
        count += 1
    yield f'], "statistics": {{"triples": {count}, "projects": {len(projects)}, "papers": {len(papers)}}}}}'


def _sentences(db: Database, me: User, wanted: Filters) -> Iterator[str]:
    """Sentences of the project, or all, also those without a triple; of a narrower selection those of its triples."""
    last, first = 0, True
    while True:
        with db.read() as connection:
            where = [sentence.c.id > last, *roles.visible(connection, me, sentence.c.project_id)]
            if wanted.model_dump(exclude={"project_id"}, exclude_defaults=True):
                matching = select(triple.c.sentence_id).select_from(SOURCE)
                where.append(sentence.c.id.in_(matching.where(*conditions(connection, me, wanted))))
            elif wanted.project_id is not None:
                where.append(sentence.c.project_id == wanted.project_id)
            joined = sentence.outerjoin(paper, paper.c.id == sentence.c.paper_id)
            joined = joined.outerjoin(user, user.c.id == sentence.c.user_id)
            query = select(sentence, paper.c.doi_hash, user.c.email, user.c.alias).select_from(joined)
            found = connection.execute(query.where(*where).order_by(sentence.c.id).limit(BATCH)).all()
        for row in found:
            one = {
                name: getattr(row, name) for name in ("id", "text", "page", "literature_link", "project_id")
            }
            one |= {"doi_hash": row.doi_hash, "created_at": row.created_at}
            one["contributor"] = (row.email if me.admin else row.alias) or ""
            yield ("" if first else ", ") + json.dumps(one, ensure_ascii=False)
            first = False
        if len(found) < BATCH:
            return
        last = found[-1].id


WRITERS = {"json": full_json, "jsonl": jsonl, "csv": csv_lines, "nt": ntriples}


def totals(db: Database) -> dict[str, int]:
    """How much of everything there is."""
    tables = {"users": user, "projects": project, "papers": paper, "sentences": sentence, "triples": triple}
    with db.read() as connection:
        return {
            name: connection.scalar(select(func.count()).select_from(table)) or 0
            for name, table in tables.items()
        }
