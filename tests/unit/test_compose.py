"""The folder for containers: one truth with the hosts, and a sentence for what containers cannot have."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from provision import compose
from provision.settings.model import settings_from
from tasks import application
from tests.unit.examples import GOOD, TWO
from tests.unit.test_inventory import REPO

BASE = f"docker.io/library/debian:trixie-slim@sha256:{'0' * 64}"


def made(postgresql: bool = False, **changed: Any) -> dict[str, Any]:
    text = compose.compose_yaml("web1", settings_from(GOOD | changed), BASE, postgresql)
    found: dict[str, Any] = yaml.safe_load(text)["services"]
    return found


def test_one_container_owns_the_ports_and_the_rest_share_its_network() -> None:
    nginx, internal = made(), made(mode="internal", domain=None)
    assert list(nginx) == ["nginx", "backend", "frontend"]
    assert nginx["nginx"]["ports"] == ["${PORT_80:-80}:80", "${PORT_443:-443}:443"]
    assert {nginx[name]["network_mode"] for name in ("backend", "frontend")} == {"service:nginx"}
    assert list(internal) == ["backend", "frontend"]
    assert internal["frontend"]["ports"] == ["${PORT_8050:-8050}:8050"]
    assert "--bind 0.0.0.0:8050" in internal["frontend"]["command"][2]
    assert internal["backend"]["network_mode"] == "service:frontend"


def test_each_backend_has_a_container() -> None:
    found = made(backend_ports=[5001, 5002])
    assert [name for name in found if "backend" in name] == ["backend-5001", "backend-5002"]
    assert "--bind 127.0.0.1:5002" in found["backend-5002"]["command"][2]


def test_postgresql_has_no_network_and_only_backends_reach_its_socket() -> None:
    found = made(postgresql=True, backend_ports=[5001, 5002])
    assert found["database"]["network_mode"] == "none"
    reach = [name for name, service in found.items() if "socket:/run/postgresql" in service["volumes"]]
    assert reach == ["database", "backend-5001", "backend-5002"]
    for name in reach[1:]:
        assert (
            found[name]["environment"]["DATABASE_URL"] == "postgresql://harvest@/harvest?host=/run/postgresql"
        )
        assert found[name]["depends_on"] == {
            "nginx": {"condition": "service_started"},
            "database": {"condition": "service_healthy"},
        }
    assert not any("DATABASE_URL" in service.get("environment", {}) for service in made().values())


@pytest.mark.parametrize("changed", [{}, {"mode": "internal", "domain": None}, {"postgresql": True}])
def test_everything_is_read_only_without_new_privileges(changed: dict[str, Any]) -> None:
    for name, service in made(**changed).items():
        assert service["read_only"] is True
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["cap_drop"] == ["ALL"]
        assert service["build"]["args"]["BASE"] == BASE
        assert service.get("user") == {"nginx": None, "database": "10002:10002"}.get(name, "10001:10001")


def test_gunicorn_and_the_environment_are_those_of_the_units() -> None:
    settings = settings_from(GOOD)
    (instance,) = settings.all_instances
    units = b"".join(item.data for item in application.unit_files(settings, instance).items).decode()  # type: ignore[union-attr]
    for name, app in (("backend", "wsgi_be:app"), ("frontend", "wsgi_fe:server")):
        options = made()[name]["command"][2].partition("gunicorn ")[2].split(" ", 2)[2]
        assert options.endswith(app)
        assert f"/venv/bin/gunicorn {options}\n" in units
    texts = compose.texts("web1", settings, BASE, postgresql=False)
    (_, env, _) = application.configuration(settings, instance)
    assert texts["harvest.env"].encode() == env.data  # type: ignore[union-attr]
    assert texts["nginx/sites-enabled/harvest.example.org"] == "-> ../sites-available/harvest.example.org"


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"tls": "letsencrypt"}, 'tls: is "letsencrypt"; containers take'),
        ({"instances": TWO}, "instances: names several"),
        ({"site": "beside"}, 'site: is "beside"'),
    ],
)
def test_what_containers_cannot_have_is_refused(changed: dict[str, Any], sentence: str) -> None:
    (said,) = compose.problems(settings_from(GOOD | changed))
    assert said.startswith(sentence)


def test_a_certificate_is_made_once_and_its_key_is_private(tmp_path: Path) -> None:
    settings = settings_from(GOOD)
    compose.write(tmp_path, "web1", settings, BASE)
    pair = [tmp_path / "tls/harvest.example.org" / name for name in ("cert.pem", "key.pem")]
    first = [path.read_bytes() for path in pair]
    assert pair[1].stat().st_mode & 0o777 == 0o600
    compose.write(tmp_path, "web1", settings, BASE)
    assert [path.read_bytes() for path in pair] == first


def test_a_base_without_a_digest_is_refused(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "provision.compose",
        "--base",
        "debian:trixie-slim",
        "web1",
        str(tmp_path / "x"),
    ]
    done = subprocess.run(command, cwd=REPO, capture_output=True, text=True)
    assert done.returncode == 1
    assert (
        done.stderr == "--base: is debian:trixie-slim; pin it by its digest: NAME@sha256: and 64 hex digits\n"
    )
    assert not (tmp_path / "x").exists()
