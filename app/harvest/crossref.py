"""Titles and authors from CrossRef, fetched behind the users' backs: adding a DOI never waits, and works offline.

Each paper carries its state: pending, found, missing (CrossRef does not know it), unreachable (tried again later),
off (nobody is asked), manual (an admin wrote it).
"""

from __future__ import annotations

import html
import logging
import re
import threading
from typing import Any
from urllib.parse import quote

from sqlalchemy import or_, select, update

from harvest import VERSION
from harvest.clock import now
from harvest.db import Database
from harvest.settings import Settings
from harvest.tables import paper

TIMEOUT = 10
RETRY_SECONDS = 900
# What CrossRef may still have an answer to; papers added while nobody was to be asked are asked about later.
WAITING = ("pending", "unreachable", "off")
# A worker that took a paper and died gives it back after so long.
CLAIM_SECONDS = 120
log = logging.getLogger(__name__)
_running = threading.Lock()


def first_state(settings: Settings) -> str:
    """The state of a paper that was just added."""
    return "pending" if settings.CROSSREF_URL else "off"


def kick(settings: Settings, db: Database) -> None:
    """Start fetching in this process unless it is at it, or nobody is to be asked. Returns at once."""
    if settings.CROSSREF_URL and _running.acquire(blocking=False):
        threading.Thread(target=_work, args=(settings, db), daemon=True).start()


def _work(settings: Settings, db: Database) -> None:
    try:
        while (due := _claim(db)) is not None:
            values = fetch(settings, due[1])
            with db.write() as connection:
                mine = (paper.c.id == due[0], paper.c.metadata_state.in_(WAITING))
                connection.execute(update(paper).where(*mine).values(values))
            if values["metadata_state"] == "unreachable":
                return  # the others would fare no better now
    except Exception:
        log.exception("Fetching metadata stopped; it starts again with the next look at a project.")
    finally:
        _running.release()


def _claim(db: Database) -> tuple[int, str] | None:
    """A paper whose turn it is; other workers leave it alone for a while."""
    waiting = paper.c.metadata_state.in_(WAITING)
    due = or_(paper.c.metadata_retry_at == "", paper.c.metadata_retry_at < now())
    with db.write() as connection:
        row = connection.execute(
            select(paper.c.id, paper.c.doi).where(waiting, due).order_by(paper.c.id).limit(1)
        ).first()
        if row is None:
            return None
        later = {"metadata_retry_at": now(CLAIM_SECONDS)}
        connection.execute(update(paper).where(paper.c.id == row.id).values(later))
    return row.id, row.doi


def fetch(settings: Settings, doi: str) -> dict[str, Any]:
    """The columns to set for one DOI."""
    import requests

    agent = f"HARVEST/{VERSION}" + (f" (mailto:{settings.CONTACT_EMAIL})" if settings.CONTACT_EMAIL else "")
    url = f"{settings.CROSSREF_URL.rstrip('/')}/works/{quote(doi, safe='')}"
    try:
        answer = requests.get(url, headers={"User-Agent": agent}, timeout=TIMEOUT)
        if answer.status_code == 404:
            return {"metadata_state": "missing"}
        answer.raise_for_status()
        return {"metadata_state": "found", **parse(answer.json()["message"])}
    except (requests.RequestException, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return {"metadata_state": "unreachable", "metadata_retry_at": now(RETRY_SECONDS)}


def parse(message: dict[str, Any]) -> dict[str, Any]:
    """CrossRef's `message` as columns of a paper."""
    names = [
        one.get("name") or " ".join(filter(None, (one.get("given"), one.get("family"))))
        for one in message.get("author") or []
    ]
    issued = ((message.get("issued") or {}).get("date-parts") or [[None]])[0][0]
    return {
        "title": _plain(message.get("title"))[:1000],
        "authors": _printable(", ".join(filter(None, names)))[:2000],
        "journal": _plain(message.get("container-title"))[:500],
        "year": issued if isinstance(issued, int) and 0 < issued < 10_000 else None,
    }


def _plain(texts: object) -> str:
    if not isinstance(texts, list | None):
        raise TypeError("CrossRef gives titles as lists")
    text = (texts or [""])[0]
    return _printable(html.unescape(re.sub(r"<[^>]+>", "", text)))


def _printable(text: str) -> str:
    return " ".join(re.sub(r"[\x00-\x1f\x7f\ud800-\udfff]", " ", text).split())
