"""HARVEST on the host: units, owners, modes and answers, of every instance."""

import json
from typing import Any

import pytest
import requests

from provision.settings.instances import Instance
from tests.audit.doors import get

pytestmark = pytest.mark.filterwarnings("ignore:Unverified HTTPS")


def units(instance: Instance, *kinds: str) -> list[str]:
    """The instance's units of these kinds, as systemd names them."""
    return [f"{stem}.{kind}" for stem in instance.stems for kind in kinds]


def shown(run: Any, unit: str, *properties: str) -> dict[str, str]:
    """What `systemctl show` says of a unit."""
    said = run(f"systemctl show -p {','.join(properties)} '{unit}'")
    return dict(line.split("=", 1) for line in said.splitlines())


def test_units_are_active_and_loaded_from_the_current_files(run: Any, instance: Instance) -> None:
    good = {"ActiveState": "active", "NeedDaemonReload": "no"}
    found = {unit: shown(run, unit, *good) for unit in units(instance, "socket", "service")}
    assert {unit: state for unit, state in found.items() if state != good} == {}


def test_sockets_are_enabled(run: Any, instance: Instance) -> None:
    found = {unit: shown(run, unit, "UnitFileState") for unit in units(instance, "socket")}
    assert {unit: state for unit, state in found.items() if state != {"UnitFileState": "enabled"}} == {}


def test_unused_pdf_files_are_deleted_daily(run: Any, instance: Instance) -> None:
    timer = f"{instance.sweep}.timer"
    good = {"ActiveState": "active", "UnitFileState": "enabled", "Unit": f"{instance.sweep}.service"}
    assert (timer, shown(run, timer, *good)) == (timer, good)
    assert "00:00:00" in run(f"systemctl show -p TimersCalendar '{timer}'")


def test_no_unit_has_failed(run: Any) -> None:
    assert run("systemctl list-units --failed --plain --no-legend").strip() == ""


def test_services_run_as_their_own_user(run: Any, instance: Instance) -> None:
    pids = {unit: shown(run, unit, "MainPID")["MainPID"] for unit in units(instance, "service")}
    users = {unit: run(f"ps -o user:64= -p {pid} || true").strip() for unit, pid in pids.items()}
    assert {unit: user for unit, user in users.items() if user != instance.slug} == {}


# Owned by another user than root, or writable by one; the mode of a link says nothing.
NOT_ROOTS = "-xdev '(' ! -user root -o ! -type l -perm /0022 ')'"


def test_release_and_configuration_are_owned_by_root(run: Any, instance: Instance) -> None:
    assert run(f"find {instance.root} {instance.etc} {NOT_ROOTS}").split() == []


def test_unit_files_are_owned_by_root(run: Any) -> None:
    assert run(f"find /etc/systemd/system {NOT_ROOTS}").split() == []


@pytest.mark.parametrize("name", ["harvest.env", "secret_key"])
def test_secrets_are_readable_by_root_and_the_service_only(host: Any, instance: Instance, name: str) -> None:
    file = host.file(f"{instance.etc}/{name}")
    assert (file.path, file.user, file.group, file.mode) == (file.path, "root", instance.slug, 0o640)


def test_the_database_is_readable_by_the_service_only(host: Any, instance: Instance) -> None:
    state = host.file(instance.state)
    assert (state.path, state.user, state.group, state.mode) == (
        instance.state,
        instance.slug,
        instance.slug,
        0o750,
    )
    database = host.file(f"{instance.state}/harvest.db")
    assert (database.path, database.user, database.mode & 0o007) == (database.path, instance.slug, 0)


def test_each_backend_answers_from_its_database(run: Any, instance: Instance) -> None:
    for port in instance.backend_ports:
        answer = json.loads(run(fetch(f"http://127.0.0.1:{port}/api/choices")))
        assert len(answer["entity_types"]) >= 12, port
        assert len(answer["relation_types"]) >= 32, port


def fetch(url: str) -> str:
    """A command that prints the answer of `url`; fresh hosts have no curl, all have Python."""
    return f"python3 -c 'import urllib.request; print(urllib.request.urlopen(\"{url}\", timeout=10).read().decode())'"


def page(instance: Instance, address: str, path: str = "") -> requests.Response:
    """GET below the base path, from the host's address under the site's name: DNS need not point there yet."""
    return get(address, instance.inner_url(address) + path)


def test_the_page_answers_from_outside(address: str, instance: Instance) -> None:
    found = page(instance, address)
    assert (found.url, found.status_code, found.headers["Content-Type"].split(";")[0]) == (
        found.url,
        200,
        "text/html",
    )
    assert f"{instance.base_path}_dash-component-suites/" in found.text


def test_the_layout_is_json(address: str, instance: Instance) -> None:
    """A wrong base path or proxy answers with the page again."""
    layout = page(instance, address, "_dash-layout")
    assert (layout.url, layout.status_code, layout.headers["Content-Type"]) == (
        layout.url,
        200,
        "application/json",
    )
    layout.json()


def test_the_api_answers_from_outside(address: str, instance: Instance) -> None:
    if instance.mode == "internal":
        pytest.skip("internal mode does not publish the API")
    found = get(address, f"{instance.inner_api_url}/api/health")
    assert (found.url, found.status_code, found.headers["Content-Type"]) == (
        found.url,
        200,
        "application/json",
    )
