"""What notifications put on a host: units that systemd accepts, programs that start, secrets that root alone reads."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from provision.operations.files import Absent, File, Link, due
from provision.settings.model import settings_from
from tasks import notify
from tests.unit.examples import GOOD, TWO
from tests.unit.states import state

SETTINGS = settings_from(
    GOOD
    | {
        "instances": TWO,
        "tls": "letsencrypt",
    }
    | {"notify": {"form": "ntfy", "url": {"env": "NOTIFY_URL"}, "token": {"env": "NOTIFY_TOKEN"}}}
)
UNITS = {"harvest-notify@.service", "harvest-notify-send.service", "harvest-notify.timer"}


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> dict[str, File | Link]:
    monkeypatch.setattr(notify, "host", SimpleNamespace(name="web1"))
    monkeypatch.setenv("NOTIFY_URL", "https://ntfy.example.org/topic")
    monkeypatch.setenv("NOTIFY_TOKEN", "HUNTER2")
    assert SETTINGS.notify
    items = notify.items(SETTINGS, SETTINGS.notify)
    return {item.path: item for item in items if isinstance(item, File | Link)}


def text(item: File | Link) -> str:
    assert isinstance(item, File)
    return item.data.decode()


def test_the_secret_is_in_one_file_that_root_alone_reads(files: dict[str, File | Link]) -> None:
    holders = [item for item in files.values() if isinstance(item, File) and "HUNTER2" in text(item)]
    assert [(item.path, item.mode, item.owner) for item in holders] == [
        ("/etc/harvest-notify/receiver.json", 0o600, "root")
    ]
    assert json.loads(text(holders[0])) == {
        "form": "ntfy",
        "token": "HUNTER2",
        "url": "https://ntfy.example.org/topic",
    }


def test_the_host_knows_its_name_instances_and_certificates(files: dict[str, File | Link]) -> None:
    assert json.loads(text(files["/etc/harvest-notify/host.json"])) == {
        "name": "web1",
        "instances": ["harvest", "harvest-research"],
        "certificates": ["/etc/letsencrypt/live/harvest.example.org/fullchain.pem"],
    }


def test_every_service_reports_its_failure_but_those_that_report(files: dict[str, File | Link]) -> None:
    system = "/etc/systemd/system"
    said = text(files[f"{system}/service.d/harvest-notify.conf"])
    assert "[Unit]\nOnFailure=harvest-notify@%n.service\n" in said
    for unit in ("harvest-notify@.service", "harvest-notify-send.service"):
        link = files[f"{system}/{unit}.d/harvest-notify.conf"]
        assert isinstance(link, Link)
        assert link.target == "/dev/null"


def test_systemd_accepts_the_units(files: dict[str, File | Link], tmp_path: Path) -> None:
    for path, item in files.items():
        if (name := path.rpartition("/")[2]) in UNITS:
            (tmp_path / name).write_text(text(item))
    units = ["harvest-notify@hourly.service", "harvest-notify-send.service", "harvest-notify.timer"]
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *(str(tmp_path / unit) for unit in units)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert [line for line in done.stderr.splitlines() if "harvest-notify" in line] == []


@pytest.mark.parametrize("name", ["notify", "notify_send"])
def test_the_programs_bring_along_what_they_import(
    name: str, files: dict[str, File | Link], tmp_path: Path
) -> None:
    program = tmp_path / "program.py"
    program.write_text(text(files[f"/usr/local/lib/harvest/{name}.py"]))
    load = f"import runpy; runpy.run_path({str(program)!r}, run_name='loaded')"
    done = subprocess.run([sys.executable, "-ISc", load], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_unset_leaves_nothing(monkeypatch: pytest.MonkeyPatch, files: dict[str, File | Link]) -> None:
    asked = []
    monkeypatch.setattr(notify.systemd, "running", lambda name, want: asked.append(want))
    monkeypatch.setattr(notify.files, "put", lambda name, want: asked.append(want))
    notify.configure(settings_from(GOOD))
    stopped, removed = asked
    assert stopped.stopped == ("harvest-notify.timer",)
    assert removed.items == ()
    found = {pattern: [] for pattern in removed.stale} | {notify.EVERYTHING[0]: ["/etc/harvest-notify"]}
    assert due(state(found=found), removed) == [Absent("/etc/harvest-notify")]
    for path in files:
        assert any(
            Path(path).match(each) or path.startswith(f"{each}/") for each in patterns(removed.stale)
        ), path


def patterns(stale: tuple[str, ...]) -> list[str]:
    """The patterns, and what is below them."""
    return [*stale, *(f"{each}/*" for each in stale)]
