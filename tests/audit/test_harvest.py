"""HARVEST on the host: units, owners, modes and answers, of every instance."""

import json
import shlex
from typing import Any

import pytest
import requests

from provision.operations.app.status import FREE_MB
from provision.settings.instances import Instance
from tests.audit.checks import check
from tests.audit.doors import get

pytestmark = pytest.mark.filterwarnings("ignore:Unverified HTTPS")


def units(instance: Instance, *kinds: str) -> list[str]:
    """The instance's units of these kinds, as systemd names them."""
    return [f"{stem}.{kind}" for stem in instance.stems for kind in kinds]


def shown(run: Any, unit: str, *properties: str) -> dict[str, str]:
    """What `systemctl show` says of a unit."""
    said = run(f"systemctl show -p {','.join(properties)} '{unit}'")
    return dict(line.split("=", 1) for line in said.splitlines())


@check("harvest.units", "HARVEST's units run, and as their files say", severity="high", mends="start units")
def test_units_are_active_and_loaded_from_the_current_files(run: Any, instance: Instance) -> None:
    good = {"ActiveState": "active", "NeedDaemonReload": "no"}
    found = {unit: shown(run, unit, *good) for unit in units(instance, "socket", "service")}
    wrong = {unit: state for unit, state in found.items() if state != good}
    assert not wrong, wrong


@check("harvest.at-boot", "HARVEST starts at boot", severity="high", mends="start units")
def test_sockets_are_enabled(run: Any, instance: Instance) -> None:
    found = {unit: shown(run, unit, "UnitFileState") for unit in units(instance, "socket")}
    wrong = {unit: state for unit, state in found.items() if state != {"UnitFileState": "enabled"}}
    assert not wrong, wrong


@check("harvest.sweep", "files that no paper uses are deleted daily", severity="low", mends="start units")
def test_unused_pdf_files_are_deleted_daily(run: Any, instance: Instance) -> None:
    if not instance.app_source.embedded:
        pytest.skip("an application from elsewhere has no program for it")
    timer = f"{instance.sweep}.timer"
    good = {"ActiveState": "active", "UnitFileState": "enabled", "Unit": f"{instance.sweep}.service"}
    found = shown(run, timer, *good)
    assert found == good, f"{timer}: {found}"
    assert "00:00:00" in run(f"systemctl show -p TimersCalendar '{timer}'")


@check(
    "harvest.release", "the release that is live is the one that deploy.py recorded as live", severity="high"
)
def test_the_live_release_is_the_recorded_one(run: Any, fact: Any, instance: Instance) -> None:
    links = run(f"cd {instance.root} && readlink harvest venv").split()
    release = links[0].split("/")[1]
    record = json.loads(run(f"cat {instance.root}/releases/{release}.json"))
    fact(f"release of {instance.slug}", f"{release[:12]} since {record.get('at', '')[:16]}")
    assert record["outcome"] == "live", (
        f"{instance.root}/harvest: {release} is recorded as {record['outcome']}"
    )
    assert links[1] == f"releases/{release}/venv", f"{instance.root}/venv: {links[1]}"


@check("harvest.failed-units", "no unit of the host has failed")
def test_no_unit_has_failed(run: Any) -> None:
    assert run("systemctl list-units --failed --plain --no-legend").strip() == ""


@check("harvest.user", "HARVEST's services run as its own user", severity="high", mends="install units")
def test_services_run_as_their_own_user(run: Any, instance: Instance) -> None:
    pids = {unit: shown(run, unit, "MainPID")["MainPID"] for unit in units(instance, "service")}
    users = {unit: run(f"ps -o user:64= -p {pid} || true").strip() for unit, pid in pids.items()}
    wrong = {unit: user for unit, user in users.items() if user != instance.slug}
    assert not wrong, wrong


# Owned by another user than root, or writable by one; the mode of a link says nothing.
NOT_ROOTS = "-xdev '(' ! -user root -o ! -type l -perm /0022 ')'"


@check(
    "harvest.owners",
    "HARVEST's code and configuration are root's, and nobody else can write them",
    severity="high",
)
def test_release_and_configuration_are_owned_by_root(run: Any, instance: Instance) -> None:
    wrong = run(f"find {instance.root} {instance.etc} {NOT_ROOTS}").split()
    assert not wrong, wrong


@check("harvest.unit-owners", "unit files are root's, and nobody else can write them", severity="high")
def test_unit_files_are_owned_by_root(run: Any) -> None:
    wrong = run(f"find /etc/systemd/system {NOT_ROOTS}").split()
    assert not wrong, wrong


@check(
    "harvest.mode-{name}",
    "{name} is readable by root and the service alone",
    severity="high",
    mends="write configuration",
)
@pytest.mark.parametrize("name", ["harvest.env", "secret_key"])
def test_secrets_are_readable_by_root_and_the_service_only(host: Any, instance: Instance, name: str) -> None:
    path = f"{instance.etc}/{name}"
    found = access(host, path)
    assert found == ("root", instance.slug, "640"), f"{path}: {found}"


def access(host: Any, path: str) -> tuple[str, str, str]:
    """Owner, group and octal mode of a path."""
    file = host.file(path)
    return file.user, file.group, f"{file.mode:o}"


@check("harvest.database-mode", "the database is readable by the service alone", severity="high")
def test_the_database_is_readable_by_the_service_only(host: Any, instance: Instance) -> None:
    found = access(host, instance.state)
    assert found == (instance.slug, instance.slug, "750"), f"{instance.state}: {found}"
    database = f"{instance.state}/harvest.db"
    user, _, mode = access(host, database)
    assert (user, mode[-1]) == (instance.slug, "0"), f"{database}: {user} {mode}"


@check("harvest.disk", "there is room on the disk", severity="high")
def test_there_is_room_on_the_disk(run: Any, instance: Instance) -> None:
    for folder in ("/", "/var/log", instance.state):
        said = run(f"df --block-size=1M --output=avail,iavail,itotal {folder} | tail -n 1")
        room, nodes, all_nodes = (0 if word == "-" else int(word) for word in said.split())
        assert room >= FREE_MB, f"{folder}: {room} MiB are left"
        assert nodes >= all_nodes / 50, f"{folder}: {nodes} more files, then it is full"


SOUND = """import json, sqlite3, sys
there = sqlite3.connect("file:%s?mode=ro" % sys.argv[1], uri=True)
wrong = [row[0] for row in there.execute("pragma integrity_check(5)") if row[0] != "ok"]
loose = ["%s %s names a missing %s" % row[:3] for row in there.execute("pragma foreign_key_check")]
print(json.dumps(wrong + loose[:5]))"""


@check("harvest.database", "the database is sound", severity="high")
def test_the_database_is_sound(run: Any, instance: Instance) -> None:
    if not instance.app_source.embedded:
        pytest.skip("an application from elsewhere has a database of its own kind")
    wrong = json.loads(run("python3 -c", SOUND, f"{instance.state}/harvest.db"))
    assert not wrong, f"{instance.state}/harvest.db: {wrong}"


@check("harvest.ready", "each backend can read every table, write, and keep its secret", severity="high")
def test_each_backend_is_ready(run: Any, instance: Instance) -> None:
    if not instance.app_source.embedded:
        pytest.skip("an application from elsewhere does not say whether it is ready")
    for port in instance.backend_ports:
        reasons = json.loads(run(fetch(f"http://127.0.0.1:{port}/api/ready")))["reasons"]
        assert not reasons, f"{port}: {reasons}"


@check("harvest.backends", "each backend answers from its database", severity="high")
def test_each_backend_answers_from_its_database(run: Any, instance: Instance) -> None:
    for port in instance.backend_ports:
        answer = json.loads(run(fetch(f"http://127.0.0.1:{port}/api/choices")))
        assert len(answer.get("entity_types", ())) >= 12, f"{port}: {answer.get('error')}"
        assert len(answer["relation_types"]) >= 32, port


def fetch(url: str) -> str:
    """A command that prints the answer of `url`, be it an error; fresh hosts have no curl, all have Python."""
    return f"python3 -c {shlex.quote(FETCH)} {url}"


FETCH = """import sys, urllib.error, urllib.request
try:
    answer = urllib.request.urlopen(sys.argv[1], timeout=10)
except urllib.error.HTTPError as error:
    answer = error
print(answer.read().decode())"""


def page(instance: Instance, address: str, path: str = "") -> requests.Response:
    """GET below the base path, from the host's address under the site's name: DNS need not point there yet."""
    return get(address, instance.inner_url(address) + path)


def kind(response: requests.Response) -> str:
    """Status and media type, such as "200 text/html"."""
    return f"{response.status_code} {response.headers.get('Content-Type', '').split(';')[0]}"


@check("harvest.page", "the page answers from outside", severity="high")
def test_the_page_answers_from_outside(address: str, instance: Instance) -> None:
    found = page(instance, address)
    assert kind(found) == "200 text/html", found.url
    assert f"{instance.base_path}_dash-component-suites/" in found.text, found.url


@check("harvest.layout", "the page's layout comes from HARVEST", severity="high")
def test_the_layout_is_json(address: str, instance: Instance) -> None:
    """A wrong base path or proxy answers with the page again."""
    layout = page(instance, address, "_dash-layout")
    assert kind(layout) == "200 application/json", layout.url
    layout.json()


@check("harvest.api", "the API answers from outside", severity="high")
def test_the_api_answers_from_outside(address: str, instance: Instance) -> None:
    if instance.mode == "internal":
        pytest.skip("internal mode does not publish the API")
    found = get(address, f"{instance.inner_api_url}/api/health")
    assert kind(found) == "200 application/json", found.url
