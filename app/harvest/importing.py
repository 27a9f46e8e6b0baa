"""Take over what an upstream HARVEST (or this one) holds: its JSON export or its SQLite file.

Everything goes in by batches and in one transaction; what is here already is not added twice.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert, select

from harvest import accounts, doi, references, search, trash
from harvest.clock import now
from harvest.db import insert_row
from harvest.references import LONGEST, Reference
from harvest.tables import entity_type, paper, project, relation_type, sentence, triple, user
from harvest.text import UNFIT
from harvest.text import normal as normal_text

SQLITE_MAGIC = b"SQLite format 3\x00"
BATCH = 5000
SQLITE_SECONDS = 60
TABLES = ("projects", "doi_metadata", "sentences", "triples", "entity_types", "relation_types")
NAMES = ("source_entity_name", "source_entity_attr", "relation_type", "sink_entity_name", "sink_entity_attr")
LIMITS = (300, 60, 60, 300, 60)
MAX_PAGE = 100_000
# Project, paper, text, author: what makes two sentences one.
SentenceKey = tuple[int | None, int | None, str, int | None]


class CannotImport(ValueError):
    """The file is not what an import can read; the message says why."""


@dataclass
class Report:
    """What an import did."""

    projects: int = 0
    papers: int = 0
    sentences: int = 0
    triples: int = 0
    users: int = 0
    known: int = 0  # triples that were here already
    skipped: list[str] = field(default_factory=list)

    def skip(self, why: str) -> None:
        if len(self.skipped) < 50:
            self.skipped.append(why[:200])


def read(path: Path) -> dict[str, list[dict[str, Any]]]:
    """The tables of the file, as lists of rows. Raises CannotImport."""
    with path.open("rb") as file:
        magic = file.read(16)
    return _read_sqlite(path) if magic == SQLITE_MAGIC else _read_json(path)


def _read_json(path: Path) -> dict[str, list[dict[str, Any]]]:
    try:
        data = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise CannotImport("The file is neither JSON nor a SQLite database.") from error
    if isinstance(data, dict) and isinstance(data.get("data"), dict):
        data = data["data"]
    if not isinstance(data, dict) or not isinstance(data.get("triples"), list):
        raise CannotImport("The JSON has no list of triples: it is not an export of HARVEST.")
    made: dict[str, list[dict[str, Any]]] = {}
    for name in TABLES:
        rows = data.get(name) or []
        if isinstance(rows, dict):  # {hash: doi}
            rows = [{"doi_hash": key, "doi": value} for key, value in rows.items()]
        if not isinstance(rows, list):
            raise CannotImport(f"'{name}' is not a list.")
        made[name] = [_flat(one if isinstance(one, dict) else {"name": one}) for one in rows]
    return made


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    """The row without lists and objects where no HARVEST writes any: an id that is a list would end in a crash."""
    return {k: v for k, v in row.items() if k == "doi_list" or not isinstance(v, dict | list)}


def _read_sqlite(path: Path) -> dict[str, list[dict[str, Any]]]:
    stop = time.monotonic() + SQLITE_SECONDS
    connection = sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)
    try:
        connection.row_factory = sqlite3.Row
        connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
        connection.execute("PRAGMA trusted_schema=OFF")
        connection.execute("PRAGMA cell_size_check=ON")
        connection.set_progress_handler(lambda: int(time.monotonic() > stop), 100_000)
        there = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if not {"triples", "sentences"} <= there:
            raise CannotImport(
                "The database has no tables 'triples' and 'sentences': it is not one of HARVEST."
            )
        return {
            name: [dict(row) for row in connection.execute(f'SELECT * FROM "{name}"')]  # noqa: S608 names are ours
            if name in there
            else []
            for name in TABLES
        }
    except sqlite3.Error as error:
        raise CannotImport(f"The SQLite file cannot be read: {error}.") from error
    finally:
        connection.close()


def _clean(value: Any, limit: int) -> str:
    """As the form would have saved it, so that what was exported is found again."""
    text = normal_text(UNFIT.sub("", str(value if value is not None else "")))
    return text if len(text) <= limit else ""


def _stamp(value: Any) -> str:
    """A time of the file as we write times; now where it has none."""
    try:
        found = datetime.strptime(_clean(value, 40).replace(" ", "T")[:19], "%Y-%m-%dT%H:%M:%S")
    except ValueError:
        return now()
    return found.strftime("%Y-%m-%dT%H:%M:%SZ")


def load(
    connection: Connection,
    secret: bytes,
    me: accounts.User,
    data: dict[str, list[dict[str, Any]]],
    metadata_state: str = "pending",
) -> Report:
    """Put the rows in. Unknown types join the vocabulary; contributors get accounts that cannot sign in."""
    with search.added_in_bulk(connection):
        return _Load(connection, secret, me, metadata_state).run(data)


class _Load:
    """One import: maps from the file's ids to ours, filled table by table."""

    def __init__(self, connection: Connection, secret: bytes, me: accounts.User, metadata_state: str) -> None:
        self.connection, self.secret, self.me, self.report = connection, secret, me, Report()
        self.metadata_state = metadata_state
        self.projects: dict[Any, int] = {}
        self.papers: dict[tuple[int, str], int] = {}  # (project, doi hash)
        self.described: dict[str, dict[str, Any]] = {}  # what the file says of papers, by identifier
        self.sentences: dict[Any, tuple[int, int | None]] = {}  # their id: (ours, project)
        people = connection.execute(select(user.c.email, user.c.alias, user.c.id)).all()
        self.users: dict[str, int] = {email: found for email, _, found in people}
        self.aliases: dict[str, int] = {alias: found for _, alias, found in people}

    def run(self, data: dict[str, list[dict[str, Any]]]) -> Report:
        dois = {
            str(one.get("doi_hash")): doi.identifier(str(one.get("doi") or ""))
            for one in data["doi_metadata"]
        }
        for one in data["doi_metadata"]:
            if found := dois[str(one.get("doi_hash"))]:
                self.described[found] = one
        for row in data["projects"]:
            self.add_project(row)
        usable = list(self.usable(data["triples"]))
        self.add_types(data, usable)
        self.add_sentences(data["sentences"], usable, dois)
        self.add_triples(usable)
        return self.report

    def add_project(self, row: dict[str, Any]) -> None:
        name = _clean(row.get("name"), 200)
        if not name:
            return self.report.skip(f"project {row.get('id')}: no name")
        found = self.connection.scalar(select(project.c.id).where(project.c.name == name))
        if found is None:
            made = {
                "name": name,
                "description": _clean(row.get("description"), 10_000),
                "created_by": self.me.id,
                "created_at": now(),
            }
            found = insert_row(self.connection, project, made)
            self.report.projects += 1
        self.projects[row.get("id")] = found
        given = row.get("doi_list") or []
        if isinstance(given, str):
            try:
                given = json.loads(given)
            except ValueError:
                given = doi.listed(given)
        given = given if isinstance(given, list) else []
        self.need_papers(found, [known for one in given if (known := doi.identifier(str(one)))])
        return None

    def need_papers(self, project_id: int, dois: list[str]) -> None:
        found = [self.reference(one) for one in dict.fromkeys(dois)]
        self.report.papers += len(references.add(self.connection, project_id, found, self.metadata_state))
        query = select(paper.c.doi_hash, paper.c.id).where(paper.c.project_id == project_id)
        for doi_hash, paper_id in self.connection.execute(query):
            self.papers[project_id, doi_hash] = paper_id

    def reference(self, identifier: str) -> Reference:
        """The paper with what the file says of it."""
        given = self.described.get(identifier, {})
        texts = {name: _clean(given.get(name), limit) for name, limit in LONGEST.items()}
        year = given.get("year")
        return Reference(
            identifier, **texts, year=year if isinstance(year, int) and 0 < year < 3000 else None
        )

    def usable(self, rows: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        for row in rows:
            made = {name: _clean(row.get(name), limit) for name, limit in zip(NAMES, LIMITS, strict=True)}
            if not all(made.values()):
                bad = ", ".join(name for name, value in made.items() if not value)
                self.report.skip(f"triple {row.get('id')}: {bad} is missing or too long")
                continue
            who = str(row.get("contributor_email") or row.get("triple_contributor") or "")
            kept = {name: row.get(name) for name in ("sentence_id", "project_id", "doi", "created_at")}
            yield {**made, **kept, "who": who}

    def add_types(self, data: dict[str, list[dict[str, Any]]], usable: list[dict[str, Any]]) -> None:
        entities = {_clean(one.get("name"), 60) for one in data["entity_types"]}
        entities |= {one[name] for one in usable for name in ("source_entity_attr", "sink_entity_attr")}
        relations = {_clean(one.get("name"), 60) for one in data["relation_types"]}
        relations |= {one["relation_type"] for one in usable}
        for table, wanted in ((entity_type, entities), (relation_type, relations)):
            new = sorted(wanted - {""} - set(self.connection.scalars(select(table.c.name))))
            if new:
                self.connection.execute(insert(table), [{"name": name} for name in new])

    def user_id(self, who: str) -> int | None:
        """The account of a contributor, by e-mail address or alias; None where the file names nobody.

        Who has none gets one that cannot sign in: nobody's work becomes the importer's.
        """
        who = _clean(who, 1000)
        if not who:
            return None
        if who in self.aliases:
            return self.aliases[who]
        try:
            email = accounts.checked_email(who)
        except accounts.AccountError:
            email = accounts.unknown_email(who)
        if email not in self.users:
            self.users[email] = accounts.add_user(self.connection, self.secret, email, None, active=False)
            self.report.users += 1
        return self.users[email]

    def add_sentences(
        self, rows: list[dict[str, Any]], usable: list[dict[str, Any]], dois: dict[str, Any]
    ) -> None:
        """Upstream's sentences know neither project nor author: their first triple does."""
        first = {one["sentence_id"]: one for one in reversed(usable)}
        wanted, known = [], self.known_sentences()
        for row in rows:
            text = _clean(row.get("text") or row.get("sentence"), 10_000)
            if not text:
                self.report.skip(f"sentence {row.get('id')}: no text, or too long")
                continue
            hint = first.get(row.get("id"), {})
            project_id = self.projects.get(row.get("project_id") or hint.get("project_id"))
            doi_hash = str(row.get("doi_hash") or "")
            normal = dois.get(doi_hash) or doi.normal(str(hint.get("doi") or ""))
            if project_id and normal:
                doi_hash = doi.short_hash(normal)
                if (project_id, doi_hash) not in self.papers:
                    self.need_papers(project_id, [normal])
            paper_id = self.papers.get((project_id or 0, doi_hash))
            # Ours names the sentence's author, which need not be the one of its first triple.
            author = self.user_id(
                str(row.get("contributor") or "") if "contributor" in row else hint.get("who", "")
            )
            key = (project_id, paper_id, text, author)
            if found := known.get(key):
                # The same text may be here several times: each is found once, the one of the same number first.
                ours = next((one for one in found if one == row.get("id")), found[0])
                found.remove(ours)
                self.sentences[row.get("id")] = (ours, project_id)
                continue
            link = _clean(row.get("literature_link"), 500)
            page = row.get("page")
            page = page if isinstance(page, int) and 1 <= page <= MAX_PAGE else None
            wanted.append((row.get("id"), key, link, page, _stamp(row.get("created_at"))))
        self.insert_sentences(wanted)

    def known_sentences(self) -> dict[SentenceKey, list[int]]:
        """The numbers of the sentences that are here, by project, paper, text and author."""
        columns = (
            sentence.c.project_id,
            sentence.c.paper_id,
            sentence.c.text,
            sentence.c.user_id,
            sentence.c.id,
        )
        made: dict[SentenceKey, list[int]] = {}
        for row in self.connection.execute(select(*columns).order_by(sentence.c.id)):
            made.setdefault((row[0], row[1], row[2], row[3]), []).append(row[4])
        return made

    def insert_sentences(self, wanted: list[tuple[Any, SentenceKey, str, int | None, str]]) -> None:
        for start in range(0, len(wanted), BATCH):
            part = wanted[start : start + BATCH]
            number = trash.next_sentence_number(self.connection).get("id")
            rows = [
                {"project_id": key[0], "paper_id": key[1], "text": key[2], "user_id": key[3], "literature_link": link,
                 "page": page, "created_at": at}
                for _, key, link, page, at in part
            ]  # fmt: skip
            for place, row in enumerate(rows):
                row |= {"id": number + place} if number else {}
            made = self.connection.scalars(
                insert(sentence).returning(sentence.c.id, sort_by_parameter_order=True), rows
            )
            for (theirs, key, *_), ours in zip(part, made, strict=True):
                self.sentences[theirs] = (ours, key[0])
            self.report.sentences += len(part)

    def add_triples(self, usable: list[dict[str, Any]]) -> None:
        columns = ("sentence_id", "source_name", "source_type", "relation", "sink_name", "sink_type")
        touched = {ours for ours, _ in self.sentences.values()}
        there = {
            tuple(row)
            for row in self.connection.execute(select(*(triple.c[name] for name in columns)))
            if row.sentence_id in touched
        }
        at, rows = now(), []
        for one in usable:
            home = self.sentences.get(one["sentence_id"])
            if home is None:
                self.report.skip(f"a triple of sentence {one['sentence_id']}, which is not in the file")
                continue
            key = (home[0], *(one[name] for name in NAMES))
            if key in there:
                self.report.known += 1
                continue
            there.add(key)
            made = dict(zip(columns, key, strict=True))
            made |= {
                "project_id": home[1],
                "user_id": self.user_id(one["who"]),
                "created_at": _stamp(one["created_at"]),
                "updated_at": at,
            }
            rows.append(made)
        for start in range(0, len(rows), BATCH):
            self.connection.execute(insert(triple), rows[start : start + BATCH])
        self.report.triples += len(rows)
