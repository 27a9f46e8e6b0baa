"""Papers as reference managers and people write them: BibTeX, RIS, or DOIs in a text.

`python -m harvest.references < file` reads BibTeX in a child with little memory and time.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select

from harvest import childproc, doi
from harvest.clock import now
from harvest.tables import paper
from harvest.text import normal

BIBTEX = re.compile(r"^\s*@\s*\w+\s*[{(]", re.MULTILINE)
RIS = re.compile(r"^TY {1,2}-", re.MULTILINE)
RIS_LINE = re.compile(r"([A-Z][A-Z0-9]) {1,2}- ?(.*)")
# Where RIS has several names for one thing, the first that is there counts.
RIS_TAGS = {"title": "TI T1 CT BT", "journal": "JO JF T2 JA", "year": "PY Y1 DA", "doi": "DO UR L3 M3"}
LONGEST = {"title": 1000, "authors": 2000, "journal": 500}
MAX_PAPERS = 2000
Refused = tuple[str, str]  # what was given, and why it cannot be a paper


class CannotRead(ValueError):
    """The text as a whole cannot be read; the message says why."""


@dataclass(frozen=True)
class Reference:
    """A paper to add: its identifier (a DOI, or `doi.local`), and what is known about it."""

    identifier: str
    title: str = ""
    authors: str = ""
    journal: str = ""
    year: int | None = None

    @property
    def label(self) -> str:
        """What people know it by."""
        return doi.public(self.identifier) or self.title


def reference(given: dict[str, Any]) -> Reference | Refused:
    """One paper of its title, authors, journal, year and doi, each as text; or why it is none."""
    values = {name: normal(str(given.get(name) or "")) for name in (*LONGEST, "year", "doi")}
    named, title = doi.normal(values["doi"]), " ".join(values["title"].split())
    year = re.search(r"(?<!\d)(1[0-9]|20)\d\d(?!\d)", values["year"])
    told = title or values["doi"] or str(given.get("key") or "an entry")
    if not title and not named:
        return told, f"'{values['doi'][:80]}' is not a DOI" if values[
            "doi"
        ] else "it has neither a DOI nor a title"
    if len(title) > LONGEST["title"]:
        return told[:200], "the title is longer than 1,000 characters"
    authors, journal = (" ".join(values[name].split())[: LONGEST[name]] for name in ("authors", "journal"))
    when = int(year[0]) if year else None
    return Reference(named or doi.local(title, authors, when), title, authors, journal, when)


def read(text: str) -> tuple[list[Reference], list[Refused]]:
    """The papers of a text, each once, and what is refused. Raises CannotRead."""
    text = text.lstrip("\ufeff")
    refused: list[Refused] = []
    if RIS.search(text):
        found = [reference(one) for one in _ris(text)]
    elif BIBTEX.search(text):
        entries, refused = _bibtex(text)
        found = [reference(one) for one in entries]
    else:
        dois, others = doi.pasted(text.splitlines())
        found, refused = [Reference(one) for one in dois], [(one, "it is not a DOI") for one in others if one]
    made = {one.identifier: one for one in reversed(found) if isinstance(one, Reference)}
    refused += [one for one in found if not isinstance(one, Reference)]
    if len(made) > MAX_PAPERS:
        raise CannotRead(f"These are {len(made):,} papers; at most {MAX_PAPERS:,} can be added at once.")
    return list(reversed(made.values())), refused


def _ris(text: str) -> Iterator[dict[str, Any]]:
    """Entries from TY on: reference managers leave out the ER that should end them, and blanks around the dash."""
    for part in RIS.split("\n".join(text.splitlines()))[1:]:
        tags: dict[str, list[str]] = {}
        for line in part.splitlines()[1:]:
            if found := RIS_LINE.fullmatch(line.rstrip()):
                tags.setdefault(found[1], []).append(found[2].strip())
            elif tags and line.strip():  # what did not fit on the line before
                tags[next(reversed(tags))][-1] += " " + line.strip()
        given = {
            name: next((value for tag in wanted.split() for value in tags.get(tag, ()) if value), "")
            for name, wanted in RIS_TAGS.items()
        }
        dois = (value for tag in RIS_TAGS["doi"].split() for value in tags.get(tag, ()) if doi.normal(value))
        authors = ", ".join(map(_turned, [*tags.get("AU", ()), *tags.get("A1", ())]))
        yield {**given, "doi": next(dois, " ".join(tags.get("DO", ()))), "authors": authors}


def _turned(name: str) -> str:
    """`Müller, Jörg` as `Jörg Müller`."""
    last, _, first = name.partition(",")
    return f"{first.strip()} {last.strip()}".strip()


def _bibtex(text: str) -> tuple[list[dict[str, Any]], list[Refused]]:
    try:
        entries, broken = json.loads(childproc.run("harvest.references", stdin=text.encode()))
    except childproc.Failed as error:
        raise CannotRead("The BibTeX cannot be read: it takes too much memory or time.") from error
    return entries, [(one, "the BibTeX entry is not closed or has no key") for one in broken]


def _parsed(text: str) -> tuple[list[dict[str, str]], list[str]]:
    """Entries as {field: text}, LaTeX as letters; and the first line of each entry that is broken."""
    from bibtexparser.entrypoint import parse_string
    from bibtexparser.middlewares import LatexDecodingMiddleware

    # Two entries may have one key, as in a file made of two: here each key ends in a number of its own.
    count = iter(range(10**9))
    text = re.sub(r"(?m)^(\s*@\s*\w+\s*[{(][^,={}\"\n]*),", lambda found: f"{found[1]}::{next(count)},", text)
    library = parse_string(text, append_middleware=[LatexDecodingMiddleware(keep_math_mode=False)])
    entries = []
    for entry in library.entries:
        one = {field.key.lower(): str(field.value) for field in entry.fields}
        names = [
            _turned(name.strip()) for name in re.split(r"\s+and\s+", one.get("author", "")) if name.strip()
        ]
        place = one.get("journal") or one.get("journaltitle") or one.get("booktitle") or ""
        named = one.get("doi") or (one.get("url", "") if doi.normal(one.get("url", "")) else "")
        year = one.get("year") or one.get("date", "")
        entries.append({**one, "authors": ", ".join(names), "journal": place, "doi": named, "year": year})
    wanted = ("title", "authors", "journal", "doi", "year")
    broken = [
        re.sub(r"::\d+,", ",", (block.raw or "").strip().splitlines()[0])[:200]
        for block in library.failed_blocks
    ]
    return [{name: one.get(name, "") for name in wanted} for one in entries], broken


def add(connection: Connection, project_id: int, found: list[Reference], state: str) -> list[Reference]:
    """Add those that the project does not have; returns them. `state` is that of a DOI of which nothing is known."""
    known = known_in(connection, project_id)
    new = [one for one in found if one.identifier not in known]
    rows = [
        {
            "project_id": project_id,
            "doi": one.identifier,
            "doi_hash": doi.short_hash(one.identifier),
            **{name: getattr(one, name) for name in ("title", "authors", "journal", "year")},
            "metadata_state": "manual" if one.title else state,
            "created_at": now(),
        }
        for one in new
    ]
    if rows:
        connection.execute(insert(paper), rows)
    return new


def known_in(connection: Connection, project_id: int) -> set[str]:
    """The identifiers of the papers of a project."""
    return set(connection.scalars(select(paper.c.doi).where(paper.c.project_id == project_id)))


if __name__ == "__main__":
    import logging

    childproc.limit_myself()
    logging.disable()
    json.dump(_parsed(sys.stdin.buffer.read().decode("utf-8", "replace")), sys.stdout)
