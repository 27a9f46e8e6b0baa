"""What `python -m provision.compose` writes, built and run: HARVEST answers as on a host, sandboxed."""

import socket
import time
from pathlib import Path
from typing import Any

import pytest
import requests

from provision import compose
from provision.settings.model import settings_from
from tests.containers.podman import Podman, Project
from tests.host.crawler import crawl
from tests.host.visitor import ADMIN, Visitor
from tests.unit.examples import GOOD

NAME = "harvest.test"
PASSWORD = "a long and good password"
PLACES: dict[str, dict[str, Any]] = {
    "internal": {"mode": "internal", "domain": None},
    "nginx": {"domain": NAME, "base_path": "/harvest/"},
}
REPO = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def podman() -> Any:
    made = Podman(REPO / ".lab" / "test-containers")
    try:
        yield made
    finally:
        made.remove()
        assert made.left_behind() == []


@pytest.fixture(scope="module")
def base(podman: Podman) -> str:
    return podman.base()


@pytest.fixture(params=PLACES)
def place(request: Any, podman: Podman, base: str, tmp_path: Path, monkeypatch: Any) -> Any:
    settings = settings_from(GOOD | PLACES[request.param])
    folder = tmp_path / f"harvest-{request.param}"
    compose.write(folder, request.param, settings, base, postgresql=request.param == "nginx")
    ports = {port: free_port() for port in settings.open_ports if port != settings.sshd_port}
    project = podman.up(folder, {f"PORT_{port}": f"127.0.0.1:{at}" for port, at in ports.items()})
    found = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda name, port, *words: (
            found("127.0.0.1", ports[port], *words) if name == NAME else found(name, port, *words)
        ),
    )
    visitor = Visitor(settings.url(NAME))
    visitor.session.trust_env = False  # else REQUESTS_CA_BUNDLE decides what is trusted
    visitor.session.verify = f"{folder}/tls/{NAME}/cert.pem"
    return project, visitor, settings


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def wait(visitor: Visitor, path: str = "_dash-layout") -> None:
    stop, found = time.monotonic() + 60, ""
    while time.monotonic() < stop:
        try:
            answer = visitor.get(path)
        except requests.exceptions.SSLError:
            raise
        except requests.ConnectionError as error:
            found = str(error)
        else:
            if answer.status_code == 200:
                return
            found = f"{answer.status_code} {answer.text[:200]}"
        time.sleep(0.3)
    raise AssertionError(f"no answer in 60 s, at last: {found}")


def test_harvest_in_containers(place: Any) -> None:
    project, visitor, settings = place
    for service in ("backend", "frontend"):
        project.wait_until_healthy(service)
    wait(visitor)
    troubles, seen = crawl(visitor, behind_nginx=settings.mode == "nginx")
    assert (troubles, len(seen) > 10) == ([], True)
    signs_in(project, visitor)
    is_sandboxed(project)
    if "database" in project.services:
        keeps_others_out(project)
    keeps_its_data(project, visitor)


def signs_in(project: Project, visitor: Visitor) -> None:
    add = ("python", "-m", "harvest", "user", "add", ADMIN, "--admin")
    assert "as an admin" in project.execute("backend", *add, input=PASSWORD + "\n")
    form = {"email": ADMIN, "password": PASSWORD}
    answer = visitor.session.post(visitor.url + "login", data=form, timeout=60, allow_redirects=False)
    assert answer.status_code == 303, answer.text
    assert "sign-in" not in answer.headers["Location"]


def is_sandboxed(project: Project) -> None:
    assert project.execute("backend", "id", "-u") == "10001"
    said = project.execute("backend", "sh", "-c", "touch /opt/harvest/x /etc/x 2>&1; cat /proc/self/status")
    assert said.count("Read-only file system") == 2
    assert "CapBnd:\t0000000000000000" in said
    assert "NoNewPrivs:\t1" in said


def keeps_others_out(project: Project) -> None:
    """Who PostgreSQL lets in: HARVEST's user alone, who is no superuser, and only by the socket."""
    ask = "import psycopg, sys; print(psycopg.connect(sys.argv[1]).execute(sys.argv[2]).fetchone()[0])"
    where, role = "host=/run/postgresql dbname=harvest", "SELECT rolsuper FROM pg_roles WHERE rolname = user"
    assert project.execute("backend", "python", "-c", ask, f"{where} user=harvest", role) == "False"
    with pytest.raises(AssertionError, match='Peer authentication failed for user "postgres"'):
        project.execute("backend", "python", "-c", ask, f"{where} user=postgres", role)
    assert project.execute("database", "psql", "-qAtc", "SHOW listen_addresses") == ""
    assert project.execute("database", "psql", "-qAtc", "SELECT email FROM user_account", "harvest") == ADMIN
    words = ("run", "--rm", "--network=none", project.services["database"]["image"])
    start = "mkdir /var/lib/postgresql/9 && exec sh /postgresql.sh"
    with pytest.raises(AssertionError, match="The volume holds PostgreSQL 9, this image runs"):
        project.podman.run(*words, "sh", "-c", start)


def keeps_its_data(project: Project, visitor: Visitor) -> None:
    """The database and the secret lie in volumes: a new container knows the session."""
    for service in ("database", "backend", "frontend"):
        if "network_mode" in project.services.get(service, {}):
            project.podman.run("rm", "-f", "-t", "20", project.name(service))
            project.start(service)
    wait(visitor, "ticket")  # only who is signed in gets one
    assert ADMIN in project.execute("backend", "python", "-m", "harvest", "user", "list")
