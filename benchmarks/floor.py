"""What HARVEST's code costs over a bare Flask view with the same SQL, in one process: CPU a request.

The floors: rows read by sqlite3 as dicts and written as JSON; a save as plain inserts into the same tables, with their
indexes, triggers and search index, in one transaction. Neither signs in, checks or shapes anything.
"""

from __future__ import annotations

import gc
import json
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from flask import Flask, Response, request

from tests.app.services import APP

sys.path.insert(0, str(APP))

ROUNDS, REQUESTS = 5, 300
BODY = {
    "sentence": "Overexpression of DREB2A increased grain yield under drought.",
    "triples": [
        {
            "source_entity_name": "DREB2A",
            "source_entity_attr": "Gene",
            "relation_type": "increases",
            "sink_entity_name": "grain yield",
            "sink_entity_attr": "Phenotype",
        }
    ],
}
SELECT = """
SELECT t.id, t.sentence_id, s.text AS sentence, s.page, s.literature_link, s.paper_id, p.doi, p.doi_hash, p.title,
  t.source_name, t.source_type, t.relation, t.sink_name, t.sink_type, u.email, u.alias, u.name, t.user_id, t.project_id,
  j.name AS project_name, t.created_at
FROM triple t LEFT JOIN sentence s ON s.id = t.sentence_id LEFT JOIN paper p ON p.id = s.paper_id
  LEFT JOIN project j ON j.id = t.project_id LEFT JOIN user_account u ON u.id = t.user_id
ORDER BY t.id DESC LIMIT 100
"""
NAMES = "source_entity_name", "source_entity_attr", "relation_type", "sink_entity_name", "sink_entity_attr"
AT = "2026-01-31T12:00:00Z"


def bare(database: Path) -> Flask:
    """The floors as an app: GET /rows, POST /save."""
    app = Flask("floor", static_folder=None)
    kept = sqlite3.connect(database, isolation_level=None, check_same_thread=False)
    kept.row_factory = sqlite3.Row
    kept.execute("PRAGMA synchronous=NORMAL")
    kept.execute("PRAGMA foreign_keys=ON")

    @app.get("/rows")
    def rows() -> Response:
        found = [dict(row) for row in kept.execute(SELECT)]
        return Response(
            json.dumps(found, separators=(",", ":"), ensure_ascii=False), mimetype="application/json"
        )

    @app.post("/save")
    def save() -> Response:
        body = json.loads(request.get_data())
        kept.execute("BEGIN IMMEDIATE")
        sentence = "INSERT INTO sentence (text, literature_link, user_id, created_at) VALUES (?, '', 1, ?)"
        made = kept.execute(sentence, (body["sentence"], AT)).lastrowid
        triple = (
            "INSERT INTO triple (source_name, source_type, relation, sink_name, sink_type, sentence_id, user_id, "
            "created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, 1, ?, ?)"
        )
        kept.executemany(triple, [(*(one[name] for name in NAMES), made, AT, AT) for one in body["triples"]])
        trail = "INSERT INTO audit (at, user_id, action, ref, detail) VALUES (?, 1, 'save sentence', ?, '1 triples')"
        kept.execute(trail, (AT, made))
        kept.execute("COMMIT")
        return Response(json.dumps({"ok": True, "sentence_id": made}), mimetype="application/json")

    return app


def cpu(send: Callable[[], Response], count: int = REQUESTS) -> float:
    """Milliseconds of this process's CPU a request."""
    send()
    gc.collect()
    began = time.process_time()
    for _ in range(count):
        send()
    return 1000 * (time.process_time() - began) / count


def measure() -> dict[str, tuple[float, float]]:
    """Milliseconds of CPU a request of the floor and of HARVEST, medians of rounds in turn, by what was asked."""
    from harvest import accounts, migrate
    from harvest.api import create_app
    from harvest.db import Database
    from harvest.settings import load

    with tempfile.TemporaryDirectory(prefix="harvest-floor-") as top:
        settings = load(
            {"HARVEST_STATE_DIR": top, "HARVEST_CROSSREF_URL": "", "HARVEST_SECRET_KEY": "s" * 40}
        )
        database = Database(settings.database_url)
        migrate.upgrade(database)
        with database.write() as connection:
            accounts.add_user(connection, settings.secret_key, "bench@example.org", "a good password")
        token = accounts.make_token(settings.secret_key, 1, 1)
        ours, floor = create_app(settings).test_client(), bare(Path(top) / "harvest.db").test_client()
        headers = {"Authorization": f"Bearer {token}"}
        asked: dict[str, tuple[Callable[[], Response], Callable[[], Response]]] = {
            "save": (
                lambda: floor.post("/save", json=BODY),
                lambda: ours.post("/api/save", json=BODY, headers=headers),
            ),
            "rows": (
                lambda: floor.get("/rows"),
                lambda: ours.get("/api/rows?limit=100", headers=headers),
            ),
        }
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in asked}
        for _ in range(ROUNDS):
            for name, (least, real) in asked.items():
                assert real().status_code == 200
                found[name].append((cpu(least), cpu(real)))
        return {
            name: (statistics.median(a for a, _ in pairs), statistics.median(b for _, b in pairs))
            for name, pairs in found.items()
        }


if __name__ == "__main__":
    for name, (least, real) in measure().items():
        print(f"{name}: floor {least:.3f} ms, HARVEST {real:.3f} ms, {real / least:.2f} times")
