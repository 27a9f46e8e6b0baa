"""What operate/status.py says, and when it says that something is wrong."""

import json
from typing import Any

import pytest

from provision.engine.state import Entry, HostState
from provision.operations import aide
from provision.operations.app import status
from provision.operations.app.status import Place, Whole
from provision.settings.model import settings_from
from tasks.application import service
from tests.unit.examples import GOOD
from tests.unit.states import state

SETTINGS = settings_from(GOOD)
SERVICE = service(SETTINGS, SETTINGS.all_instances[0])
UNITS = ("harvest-frontend.service", "harvest-backend@5001.service")
PLACE = Place(SERVICE, UNITS, "https://harvest.example.org/")
WANT = Whole((PLACE,), (("harvest.example.org", "/live/cert.pem"),), "04:00")
MEMORY = "MemTotal:  4194304 kB\nMemFree: 1 kB\nMemAvailable: 1048576 kB\n"


def unit(active: str = "active") -> dict[str, Any]:
    return {
        "load": "loaded",
        "active": active,
        "enabled": "enabled",
        "needs_daemon_reload": False,
        "started": 1,
        "stamped": 1,
    }


def have(**changed: Any) -> HostState:
    """A host on which all is well, but for what is changed."""
    good = {
        "status": 200,
        "type": "application/json",
        "body": json.dumps({"entity_types": [1], "relation_types": [1]}),
    }
    well = {
        "units": dict.fromkeys(UNITS, unit()),
        "urls": dict.fromkeys((url for url, _ in status.urls(PLACE)), good),
        "certificates": {"/live/cert.pem": {"names": ["harvest.example.org"], "left": 62.5 * 86400}},
        "releases": {
            SERVICE.root: {
                "live": "bbb",
                "records": [
                    {"id": "bbb", "outcome": "live", "at": "2026-11-25T03:00:00Z", "by": "ann@laptop"}
                ],
            }
        },
        "notes": {status.MEMORY: MEMORY},
    }
    return state(**{**well, **changed})


def test_what_others_changed_is_wrong_until_it_is_accepted() -> None:
    paths = [f"/etc/{number}" for number in range(7)]
    findings = [{"what": "added", "path": path, "seen": "2026-01-31T12:00:00Z"} for path in paths]
    findings += [{"what": "changed", "path": "/etc/ours", "ours": True}]
    found = have(integrity={aide.CONF: {"findings": findings, "failed": "AIDE failed: why"}})
    assert list(status.wrong(found, WANT)) == [
        "AIDE failed: why",
        f"changed outside of deploy: {', '.join(paths[:5])} and 2 more; look with operate/drift.py",
    ]


def test_a_host_that_is_well_has_nothing_wrong() -> None:
    assert list(status.wrong(have(), WANT)) == []
    assert list(status.attention(have(), WANT)) == []
    said = status.facts(have(), WANT)
    assert said["release"] == "bbb since 2026-11-25T03:00:00Z by ann@laptop"
    assert said["units"] == "2 of 2 run"
    assert said["certificate of harvest.example.org"] == "62 days left"
    assert said["memory"] == "1.0 of 4.0 GiB available"
    assert (said["backup"], said["lock"], said["reboot"]) == ("none yet", "free", "not needed")


def note(**last: str) -> dict[str, str]:
    return {status.backup_note(SERVICE.slug): json.dumps(last)}


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "unit": (
        {"units": {UNITS[0]: unit("failed"), UNITS[1]: unit()}},
        "harvest-frontend.service is failed: journalctl",
    ),
    "certificate": (
        {"certificates": {"/live/cert.pem": {"names": ["x"], "left": 5 * 86400}}},
        "ends in 5 days",
    ),
    "disk": ({"system": {"free_mb": 120}}, "only 120 MiB are free on the disk"),
    "failed": ({"failed": ["certbot.service"]}, "failed units: certbot.service"),
    "release": (
        {"releases": {SERVICE.root: {"live": "bbb", "records": [{"id": "bbb", "outcome": "trying"}]}}},
        "release bbb is recorded as trying, not as live",
    ),
    "armed": ({"files": {status.revert.ARMED: {"kind": "file"}}}, "waits for its confirmation"),
    "backup": ({"notes": note(at="2026-11-24", outcome="failed")}, "its last backup is failed, 2026-11-24"),
    "backup's note": (
        {"notes": {status.backup_note(SERVICE.slug): "{"}},
        "the record of its last backup cannot",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_each_thing_that_is_not_well_is_said(case: str) -> None:
    changed, words = WRONG[case]
    if "files" in changed:
        changed = {"files": {path: Entry(**value) for path, value in changed["files"].items()}}
    (sentence,) = status.wrong(have(**changed), WANT)
    assert words in sentence


def test_an_address_that_does_not_answer_is_named() -> None:
    urls = {url: {"status": 502, "type": "text/html", "body": "Bad Gateway"} for url, _ in status.urls(PLACE)}
    said = list(status.wrong(have(urls=urls), WANT))
    assert [sentence.split()[0] for sentence in said] == [url for url, _ in status.urls(PLACE)]
    assert "answered 502: Bad Gateway" in said[0]


def test_security_updates_want_attention_and_are_not_wrong() -> None:
    found = have(updates={"openssl": True, "vim": False})
    assert list(status.wrong(found, WANT)) == []
    assert "openssl" in next(status.attention(found, WANT))
    assert status.facts(found, WANT)["updates"] == "2 pending, 1 of security"
