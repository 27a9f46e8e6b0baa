"""HARVEST on the host: units, files and their owners, and its answers."""

import json
from typing import Any

import pytest
import requests

from provision.settings.model import Settings
from tests.audit.doors import get

SERVICE_PATHS = ("/opt/harvest", "/etc/harvest", "/etc/systemd/system")


def units(settings: Settings) -> list[str]:
    stems = ["harvest-frontend", *(f"harvest-backend@{port}" for port in settings.backend_ports)]
    return [f"{stem}.{kind}" for stem in stems for kind in ("socket", "service")]


def test_every_unit_runs_what_lies_on_disk(run: Any, settings: Settings) -> None:
    for unit in units(settings):
        shown = dict(
            line.split("=", 1)
            for line in run(f"systemctl show -p ActiveState,NeedDaemonReload '{unit}'").splitlines()
        )
        assert shown == {"ActiveState": "active", "NeedDaemonReload": "no"}, unit


def test_every_socket_is_there_after_a_reboot(run: Any, settings: Settings) -> None:
    for unit in units(settings):
        if unit.endswith(".socket"):
            assert run(f"systemctl is-enabled '{unit}'").strip() == "enabled"


def test_files_that_no_paper_has_are_swept_daily(run: Any, settings: Settings) -> None:
    for each in settings.all_instances:
        if not each.app_source.embedded:
            continue  # what upstream has no program for
        shown = run(f"systemctl show -p ActiveState,UnitFileState,Unit '{each.sweep}.timer'").split()
        assert set(shown) == {"ActiveState=active", "UnitFileState=enabled", f"Unit={each.sweep}.service"}
        assert "00:00:00" in run(f"systemctl show -p TimersCalendar '{each.sweep}.timer'")


def test_no_unit_of_the_host_has_failed(run: Any) -> None:
    assert run("systemctl list-units --failed --plain --no-legend").strip() == ""


def test_harvest_runs_as_its_own_user(run: Any, settings: Settings) -> None:
    for unit in units(settings):
        if unit.endswith(".service"):
            pid = run(f"systemctl show -p MainPID --value '{unit}'").strip()
            assert run(f"ps -o user= -p {pid}").strip() == "harvest"


def test_harvest_can_write_none_of_its_code_or_configuration(run: Any) -> None:
    for path in SERVICE_PATHS:
        assert run(f"find {path} -xdev ! -user root -print -quit").strip() == ""
        assert run(f"find {path} -xdev ! -type l -perm /0022 -print -quit").strip() == ""


@pytest.mark.parametrize("path", ["/etc/harvest/harvest.env", "/etc/harvest/secret_key"])
def test_secrets_are_root_s_and_the_service_s_only(host: Any, path: str) -> None:
    file = host.file(path)
    assert (file.user, file.group, file.mode) == ("root", "harvest", 0o640)


def test_the_database_is_the_service_s_own(host: Any) -> None:
    state = host.file("/var/lib/harvest")
    assert (state.user, state.group, state.mode) == ("harvest", "harvest", 0o750)
    assert host.file("/var/lib/harvest/harvest.db").user == "harvest"


def test_the_backend_is_truly_ready(run: Any, settings: Settings) -> None:
    for port in settings.backend_ports:
        answer = json.loads(run(fetch(f"http://127.0.0.1:{port}/api/choices")))
        assert len(answer["entity_types"]) >= 12
        assert len(answer["relation_types"]) >= 32


def fetch(url: str) -> str:
    """A command that prints what `url` answers; fresh hosts have no curl, all have Python."""
    return f"python3 -c 'import urllib.request; print(urllib.request.urlopen(\"{url}\", timeout=10).read().decode())'"


def ask(settings: Settings, address: str, path: str) -> requests.Response:
    """GET below the base path, at the host's address under the site's name: DNS need not point here yet."""
    return get(address, settings.all_instances[0].inner_url(address) + path)


@pytest.mark.filterwarnings("ignore:Unverified HTTPS")
def test_the_page_answers_from_here(address: str, settings: Settings) -> None:
    page = ask(settings, address, "")
    assert (page.status_code, page.headers["Content-Type"].split(";")[0]) == (200, "text/html")
    assert f"{settings.base_path}_dash-component-suites/" in page.text


@pytest.mark.filterwarnings("ignore:Unverified HTTPS")
def test_the_page_s_layout_is_json_and_not_the_page_again(address: str, settings: Settings) -> None:
    layout = ask(settings, address, "_dash-layout")
    assert (layout.status_code, layout.headers["Content-Type"]) == (200, "application/json")
    layout.json()
