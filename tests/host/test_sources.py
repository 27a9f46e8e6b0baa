"""HARVEST from a git repository: any that serves `wsgi_be:app` and `wsgi_fe:server`."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from lab import hosts
from tests.host.runs import REPO, deploy
from tests.host.web_hosts import visited

pytestmark = pytest.mark.xdist_group("t-git")

BACKEND = """
from flask import Flask
app = Flask(__name__)
VERSION = "one"

@app.get("/api/choices")
def choices():
    return {"entity_types": [VERSION], "relation_types": ["binds"]}
"""
FRONTEND = """
from flask import Flask, Response
server = Flask(__name__)

@server.get("/")
def page():
    return '<title>Another HARVEST</title><link rel="stylesheet" href="/page.css">'

@server.get("/page.css")
def style():
    return Response("p { color: black }", mimetype="text/css")

@server.get("/_dash-layout")
def layout():
    return {}
"""


def git(folder: Path, *words: str) -> str:
    identity = ["-c", "user.name=maintainers", "-c", "user.email=maintainers@harvest.test"]
    return subprocess.run(
        ["git", *identity, *words], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


def commit(folder: Path, backend: str) -> str:
    (folder / "wsgi_be.py").write_text(backend)
    (folder / "wsgi_fe.py").write_text(FRONTEND)
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "Another version")
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "harvest"
    folder.mkdir()
    git(folder, "init", "-qb", "main")
    return folder


def source_of(repository: Path, lock: Path) -> dict[str, str]:
    return {"git": str(repository), "ref": "main", "requirements": str(lock)}


@pytest.fixture
def host(repository: Path) -> Iterator[hosts.Host]:
    """A host whose release comes from the branch main; the environment is the embedded application's."""
    source = source_of(repository, REPO / "app/requirements.txt")
    made = hosts.up(
        "t-git",
        suite="trixie",
        group="harvest_nginx",
        settings={"app_source": source, "first_admin": None, "first_admin_password": None},
    )
    yield made
    made.down()


def live(host: hosts.Host) -> dict[str, Any]:
    link = host.exec("readlink /opt/harvest/harvest").stdout.split("/")[1]
    record: dict[str, Any] = json.loads((host.root / f"opt/harvest/releases/{link}.json").read_text())
    return record


def test_a_branch_is_deployed_followed_and_left_when_it_is_broken(host: hosts.Host, repository: Path) -> None:
    first = commit(repository, BACKEND)
    run = deploy(host.name)
    assert run.code == 0, run.said
    assert f"main of {repository} is commit {first}" in run.said
    assert live(host)["origin"]["commit"] == first
    assert requests.get(f"http://{host.fqdn}/", timeout=30).text.startswith("<title>Another HARVEST")
    assert requests.get(f"http://{host.fqdn}/api/choices", timeout=30).status_code == 404, "not published"
    assert deploy(host.name).changed == []

    second = commit(repository, BACKEND.replace("one", "two"))
    with visited(lambda session: session.get(f"http://{host.fqdn}/_dash-layout", timeout=30)) as failures:
        run = deploy(host.name)
        assert (run.code, live(host)["origin"]["commit"]) == (0, second), run.said
        ask = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:5001/api/choices').read().decode())"
        assert '"two"' in host.exec(f'python3 -c "{ask}"').stdout

        commit(repository, "raise SystemExit('no such luck')")
        run = deploy(host.name)
        assert run.code == 1
        assert "failed its check, so it was not switched to" in run.said
        assert "| no such luck" in run.said, run.said
        assert live(host)["origin"]["commit"] == second

        # Nor does an environment that cannot be built as its lock says.
        commit(repository, BACKEND.replace("one", "three"))
        lock = repository.parent / "other.lock"
        lock.write_text(
            re.sub(r"sha256:\w+", "sha256:" + "0" * 64, (REPO / "app/requirements.txt").read_text())
        )
        hosts.up(host.name, settings={"app_source": source_of(repository, lock)})
        run = deploy(host.name)
        assert (run.code, live(host)["origin"]["commit"]) == (1, second), run.said
        assert "ash mismatch" in run.said, run.said
    assert failures == []
