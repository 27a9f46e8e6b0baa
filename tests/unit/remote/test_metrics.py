"""Figures for Prometheus: their text, where they come from, and that one that is missing stops no other."""

import json
from pathlib import Path
from typing import Any

import pytest

from provision.remote import metrics, readings
from provision.remote.metrics import exposition, of_app, pending, relabelled

APP = {"name": "harvest", "root": "/opt/harvest", "backends": [5001, 5002]}
SAID = """# TYPE harvest_http_requests_total counter
harvest_http_requests_total{status="2xx"} 41
harvest_users 1
python_gc 7
harvest_broken x
"""


def test_samples_of_a_name_stand_together_after_its_type() -> None:
    samples = [
        ("harvest_a_total", {"x": '1"\\'}, 1.0),
        ("harvest_up", {}, 0.0),
        ("harvest_a_total", {"x": "2"}, 2.5),
    ]
    assert exposition(samples) == (
        "# HELP harvest_a_total As the application itself reports it.\n"
        "# TYPE harvest_a_total counter\n"
        'harvest_a_total{x="1\\"\\\\"} 1.0\nharvest_a_total{x="2"} 2.5\n'
        "# HELP harvest_up Whether a backend reports its figures.\n"
        "# TYPE harvest_up gauge\nharvest_up 0.0\n"
    )


def test_the_figures_of_backends_are_told_apart_and_others_left_out() -> None:
    labels = {"app": "harvest", "backend": "5001"}
    assert list(relabelled(SAID, labels)) == [
        ("harvest_http_requests_total", {**labels, "status": "2xx"}, 41.0),
        ("harvest_users", labels, 1.0),
    ]


def test_a_backend_that_is_down_is_said_to_be(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def get(url: str, timeout_s: float) -> dict[str, Any]:
        return {"status": 200 if ":5001/" in url else 0, "type": "", "body": "harvest_users 1\n"}

    monkeypatch.setattr(metrics.answers, "get", get)
    monkeypatch.setattr(readings, "BACKUPS", str(tmp_path))
    (tmp_path / "harvest").mkdir()
    record = {"at": "2027-01-15T08:00:00Z", "outcome": "wrong password"}
    (tmp_path / "harvest/last.json").write_text(json.dumps(record))
    found = {(name, labels.get("backend", "")): value for name, labels, value in of_app(APP)}
    assert found == {
        ("harvest_release_info", ""): 1.0,
        ("harvest_backup_timestamp_seconds", ""): 1_800_000_000.0,
        ("harvest_backup_good", ""): 0.0,
        ("harvest_up", "5001"): 1.0,
        ("harvest_users", "5001"): 1.0,
        ("harvest_up", "5002"): 0.0,
    }


def test_apt_is_asked_only_when_its_files_changed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked = []
    file = tmp_path / "status"
    file.write_text("")
    monkeypatch.setattr(metrics, "FOLDER", str(tmp_path))
    monkeypatch.setattr(metrics, "LISTS", (str(file), str(tmp_path / "none")))
    monkeypatch.setattr(metrics.updates, "pending", lambda: asked.append(1) or {"a": True, "b": False})
    assert [pending(), pending()] == [(2, 1), (2, 1)]
    assert len(asked) == 1
    (tmp_path / "updates.json").write_text("{cut")
    assert pending() == (2, 1)
    assert len(asked) == 2
