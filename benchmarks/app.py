"""HARVEST under load against the guides' naive configuration, in the same run on loopback: `python -m benchmarks.app`.

naive: 4+4 sync workers, no preload, all through Python, rollback journal, a connection a request, a commit a row,
768 nginx connections and no gzip. ours: 2+2 workers with preload, WAL on a kept connection, one transaction a
save, static files from disk. Prints a table of medians of three rounds, the two in turn; ratios are what counts.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import requests

from benchmarks import floor
from benchmarks.goals import verdict
from provision.engine.templates import render
from tests.app import services

ROUNDS, CLIENTS, SECONDS = 3, 100, 4
NAIVE = """
import sys
from sqlalchemy import event
from sqlalchemy.pool import NullPool
from harvest import db

def naive_engine(url):
    engine = db.create_engine(url, poolclass=NullPool, connect_args={"timeout": 30, "check_same_thread": False})
    @event.listens_for(engine, "connect")
    def prepare(connection, _):
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode=DELETE")
        connection.execute("PRAGMA foreign_keys=ON")
    @event.listens_for(engine, "before_cursor_execute")
    def begin(connection, cursor, statement, *_):
        if statement.startswith("INSERT"):
            cursor.connection.isolation_level = None
    return engine

db.WriterLock = lambda _: db.nullcontext()
db.make_engine = naive_engine  # no BEGIN: SQLite commits each row by itself
from wsgi_be import app  # noqa: E402
"""
NGINX = """
daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.log crit; worker_processes auto;
events {{ worker_connections {connections}; }}
http {{
  include /etc/nginx/mime.types; access_log off; client_max_body_size 100m; {extra}
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{
    listen 127.0.0.1:{port} {backlog};
    location / {{ proxy_pass http://127.0.0.1:{frontend}; proxy_set_header Host $http_host; }}
    location /api/ {{ proxy_pass http://127.0.0.1:{backend}; proxy_set_header Host $http_host; }}
    {static}
  }}
}}
"""


LUA = """
local wanted, at = {{}}, 0
for line in io.lines("{file}") do wanted[#wanted + 1] = line end
request = function()
  at = at % #wanted + 1
  local method, path, body = wanted[at]:match("^(%S+) (%S+) ?(.*)$")
  return wrk.format(method, path, nil, body ~= "" and body or nil)
end
done = function(summary, latency)
  local e = summary.errors
  io.write(string.format("RESULT %d %d %d %f %f\\n", summary.requests, summary.duration,
    e.connect + e.read + e.write + e.status + e.timeout, latency.mean, latency:percentile(99)))
end
"""


@dataclass(frozen=True)
class Round:
    """What one run of the load gave: answers a second, errors, milliseconds."""

    rate: float
    errors: int
    mean: float
    p99: float


def load(folder: Path, port: int, lines: list[str], token: str, clients: int = CLIENTS) -> Round:
    """`wrk` with so many connections for some seconds; each line is METHOD PATH [BODY], taken in turn."""
    (folder / "wanted").write_text("\n".join(lines))
    (folder / "load.lua").write_text(LUA.format(file=folder / "wanted"))
    command = [services.program("wrk"), "-t1", f"-c{clients}", f"-d{SECONDS}s", "--timeout", "20s"]
    command += [
        "-s",
        folder / "load.lua",
        "-H",
        "Accept-Encoding: gzip",
        "-H",
        "Content-Type: application/json",
    ]
    command += ["-H", f"Authorization: Bearer {token}", f"http://127.0.0.1:{port}"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    count, microseconds, errors, mean, p99 = (float(one) for one in told.split("RESULT ")[1].split())
    return Round((count - errors) / (microseconds / 1e6), int(errors), mean / 1000, p99 / 1000)


@dataclass
class Served:
    """A running HARVEST."""

    port: int
    backend: int
    token: str
    masters: list[int]

    def post(self, path: str, body: object) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.token}"}
        return requests.post(
            f"http://127.0.0.1:{self.backend}/api{path}", json=body, headers=headers, timeout=600
        )


@contextlib.contextmanager
def serve(folder: Path, naive: bool) -> Iterator[Served]:
    folder.mkdir()
    folder.chmod(0o755)
    port, frontend, backend = (services.free_port() for _ in range(3))
    environ = {
        "HARVEST_STATE_DIR": str(folder),
        "HARVEST_CROSSREF_URL": "",
        "HARVEST_API_BASE": f"http://127.0.0.1:{backend}",
        "HARVEST_DEPLOYMENT_MODE": "nginx",
        "HARVEST_BACKEND_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "HARVEST_TRUSTED_PROXIES": "1",
    }
    services.harvest(environ, "migrate")
    services.harvest(environ, "user", "add", "bench@example.org", "--admin", stdin="a good password\n")
    (folder / "naive_be.py").write_text(NAIVE)
    values = {"folder": folder, "port": port, "frontend": frontend, "backend": backend}
    if naive:
        nginx = NGINX.format(connections=768, extra="", backlog="", static="", **values)
    else:
        services.harvest(environ, "assets", folder / "static")
        static = f"root {folder}/static; gzip_static on; expires 1y;"
        # The page's frame is kept as on a host.
        kept = f"proxy_pass http://127.0.0.1:{frontend}; proxy_set_header Host $http_host;"
        kept += render("nginx/harvest-frame.conf")
        alike = ("", "_dash-layout", "_dash-dependencies")
        blocks = "".join(f"location = /{name} {{ {kept} }}" for name in alike)
        blocks += "".join(
            f"location /{name}/ {{ {static} }}" for name in ("_dash-component-suites", "assets")
        )
        extra = f"gzip on; proxy_cache_path {folder}/cache keys_zone=harvest_frame:1m;"
        nginx = NGINX.format(connections=4096, extra=extra, backlog="backlog=4096", static=blocks, **values)
    (folder / "nginx.conf").write_text(nginx)
    with contextlib.ExitStack() as stack:
        running = []
        for app, at in (("naive_be:app" if naive else "wsgi_be:app", backend), ("wsgi_fe:server", frontend)):
            command = [sys.executable, "-m", "gunicorn", "--no-control-socket", "--bind", f"127.0.0.1:{at}"]
            command += ["--pythonpath", f"{services.APP},{folder}", "--workers", "4" if naive else "2"]
            command += [] if naive else ["--preload"]
            env = {**os.environ, **environ}
            made = stack.enter_context(
                services.process([*command, app], folder / f"{at}.log", env=env, cwd=folder)
            )
            running.append(made.pid)
        stack.enter_context(
            services.process([services.program("nginx"), "-c", folder / "nginx.conf"], folder / "out")
        )
        services.wait_for(f"http://127.0.0.1:{port}/api/ready")
        services.wait_for(f"http://127.0.0.1:{port}/_dash-layout")
        login = {"email": "bench@example.org", "password": "a good password"}
        token = requests.post(f"http://127.0.0.1:{backend}/api/login", json=login, timeout=60).json()["token"]
        yield Served(port, backend, token, running)


def triple(number: int) -> dict[str, str]:
    return {
        "source_entity_name": f"gene {number % 997}",
        "source_entity_attr": "Gene",
        "relation_type": "activates",
        "sink_entity_name": f"protein {number % 499}",
        "sink_entity_attr": "Protein",
    }


def pss(masters: list[int]) -> float:
    """MiB of the services with all their workers, shared pages divided among them."""
    total = 0
    for master in masters:
        children = subprocess.run(
            ["pgrep", "-P", str(master)], capture_output=True, text=True, check=False
        ).stdout
        for pid in (str(master), *children.split()):
            found = re.search(r"^Pss:\s+(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
            total += int(found.group(1)) if found else 0
    return total / 1024


def page_load(served: Served) -> list[str]:
    """Every path that a browser fetches for a first visit, as far as the network goes."""
    text = requests.get(f"http://127.0.0.1:{served.port}/", timeout=30).text
    names = re.findall(r'(?:src|href)="(/[^"]+)"', text)
    return ["/", "/_dash-layout", "/_dash-dependencies", *names]


def measure(served: Served, folder: Path) -> dict[str, object]:
    """One round of everything."""
    bodies = ({"sentence": f"Sentence {n} of a benchmark.", "triples": [triple(n)]} for n in range(500))
    saves = [f"POST /api/save {json.dumps(body, separators=(',', ':'))}" for body in bodies]
    pages = [f"GET {path}" for path in page_load(served)]
    return {
        "save": load(folder, served.backend, saves, served.token),
        "page": load(folder, served.port, pages, ""),
        "rows": load(folder, served.port, ["GET /api/rows?limit=100"], served.token),
        "thousand": load(folder, served.port, ["GET /api/health"], "", 1000),
        "memory": pss(served.masters),
    }


def import_rate(served: Served, rows: int) -> float:
    """Triples a second when a file is imported."""
    document = {
        "projects": [{"id": 1, "name": f"Import {time.time()}", "doi_list": []}],
        "sentences": [{"id": n, "text": f"Imported sentence {n}."} for n in range(rows // 4)],
        "triples": [{**triple(n), "sentence_id": n // 4, "project_id": 1} for n in range(rows)],
    }
    data = json.dumps(document).encode()
    url, headers = (
        f"http://127.0.0.1:{served.backend}/api/import",
        {"Authorization": f"Bearer {served.token}"},
    )
    began = time.perf_counter()
    answer = requests.post(url, data=data, headers=headers, timeout=600)
    assert answer.json()["triples"] == rows, answer.text
    return rows / (time.perf_counter() - began)


def browse_times(served: Served) -> dict[str, float]:
    """Median milliseconds of a page of 100 rows, for several questions."""
    questions = {
        "newest": "",
        "sorted": "&sort=source_name&order=asc",
        "filtered": "&relation=activates",
        "search": "&q=protein 1",
    }
    made = {}
    for name, question in questions.items():
        url = f"http://127.0.0.1:{served.backend}/api/triples?limit=100{question}"
        times = []
        for _ in range(15):
            began = time.perf_counter()
            answer = requests.get(url, headers={"Authorization": f"Bearer {served.token}"}, timeout=60)
            assert len(answer.json()["rows"]) == 100
            times.append(1000 * (time.perf_counter() - began))
        made[name] = statistics.median(times)
    return made


def report(name: str, naive: float, ours: float, goal: str, unit: str) -> None:
    """One row. A goal is for the ratio; with "= 0" it is for our value alone."""
    ratio = ours / naive if naive else 0
    met = verdict(ours if goal == "= 0" else ratio, goal)
    digits = 2 if naive < 10 and unit == "ms" else 1
    print(
        f"| {name} | {naive:,.{digits}f} {unit} | {ours:,.{digits}f} {unit} | {ratio:.2f} | {goal} | {met} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.parse_args()
    floors = floor.measure()
    found: dict[bool, list[dict]] = {True: [], False: []}
    rates: dict[bool, list[float]] = {True: [], False: []}
    with tempfile.TemporaryDirectory(prefix="harvest-bench-") as top:
        Path(top).chmod(0o755)
        for number in range(ROUNDS):
            for naive in (True, False):
                with serve(Path(top) / f"{number}-{naive}", naive) as served:
                    found[naive].append(measure(served, Path(top)))
                    if not naive:
                        rates[naive].append(import_rate(served, 20_000))
                    print(f"round {number + 1} {'naive' if naive else 'ours'} done", file=sys.stderr)
        with serve(Path(top) / "small", False) as served:
            import_rate(served, 1000)
            small = browse_times(served)
        with serve(Path(top) / "large", False) as served:
            import_rate(served, 100_000)
            large = browse_times(served)

    def median(naive: bool, pick: object) -> float:
        return statistics.median(pick(one) for one in found[naive])  # type: ignore[operator]

    def line(name: str, pick: object, goal: str, unit: str) -> None:
        report(name, median(True, pick), median(False, pick), goal, unit)

    print("| what | naive | ours | ratio | goal | |\n|---|---|---|---|---|---|")
    line("saving one annotation, 100 clients", lambda one: one["save"].rate, ">= 5", "/s")
    naive_rows = median(True, lambda one: one["save"].rate)
    report("rows a second: import against saves", naive_rows, statistics.median(rates[False]), ">= 100", "/s")
    line("memory of all workers after load", lambda one: one["memory"], "<= 0.34", "MiB")
    line("full page load, 100 clients: mean", lambda one: one["page"].mean, "<= 0.12", "ms")
    line("full page load, 100 clients: p99", lambda one: one["page"].p99, "<= 1", "ms")
    line("100 rows, 100 clients: mean", lambda one: one["rows"].mean, "", "ms")
    line("100 rows, 100 clients: p99", lambda one: one["rows"].p99, "<= 1", "ms")
    line("saves, 100 clients: p99", lambda one: one["save"].p99, "<= 1", "ms")
    line("errors at 1,000 connections", lambda one: float(one["thousand"].errors), "= 0", "")
    line(
        "errors of all else",
        lambda one: float(sum(one[k].errors for k in ("save", "page", "rows"))),
        "= 0",
        "",
    )
    print("\n| CPU a request | bare Flask, same SQL | HARVEST | ratio | goal | |\n|---|---|---|---|---|---|")
    for name, goal in (("rows", "<= 2.0"), ("save", "<= 2.5")):
        report(name, *floors[name], goal, "ms")
    print("\n| a page of 100 rows | of 1,000 | of 100,000 | ratio | goal | |\n|---|---|---|---|---|---|")
    for name, value in small.items():
        ratio = large[name] / value
        print(
            f"| {name} | {value:.1f} ms | {large[name]:.1f} ms | {ratio:.2f} | < 3 | {verdict(ratio, '< 3')} |"
        )


if __name__ == "__main__":
    main()
