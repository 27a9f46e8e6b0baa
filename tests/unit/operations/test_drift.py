"""What operate/drift.py tells: the plans of operations as differences, who made them, and the exit code."""

import hashlib
from typing import Any

import pytest

from provision.engine.operation import by_words
from provision.engine.state import Entry, HostState, Query, Sysctl
from provision.operations import aide, apt, drift, files, sysctl, systemd
from provision.operations.files import Absent, Directory, File, Files, Link, Mode
from provision.pyinfra_bridge.report import Difference, Step
from tests.unit.states import state

BY_HAND = {"what": "changed", "path": "/etc/issue", "since": 7.0}
ADDED = {"what": "added", "path": "/etc/cron.d/x", "since": 8.0}
OURS = {"what": "changed", "path": "/etc/ours", "since": 9.0, "ours": True}


def having(*findings: dict[str, Any], noted: bool = True, failed: str = "") -> HostState:
    return state(integrity={aide.CONF: {"findings": findings, "noted": noted, "failed": failed}})


def causes(have: HostState, *differences: Difference) -> list[tuple[str, str]]:
    """What and why, with all differences from one operation."""
    found = drift.attributed(have, [Step("Install", differences=list(differences))])
    return [(each.subject or each.what, each.cause) for each in found]


def test_a_host_without_plans_and_findings_is_as_wanted() -> None:
    found = drift.drift(having(OURS), [Step("Record the AIDE baseline")])
    assert (found.code, found.data()) == (0, {"state": "as wanted", "unknown": [], "differences": []})


def test_hand_edits_are_told_apart_from_settings_that_are_not_applied_yet() -> None:
    issue, ours = Difference("change /etc/issue", "/etc/issue"), Difference("change /etc/ours", "/etc/ours")
    assert causes(having(BY_HAND, OURS), issue, ours) == [
        ("/etc/issue", "edited"),
        ("/etc/ours", "unapplied"),
    ]
    assert causes(having(), issue) == [("/etc/issue", "unapplied")]


@pytest.mark.parametrize("path", ["/opt/harvest/x", "/etc/harvest/tls/x/key.pem", "/etc/letsencrypt/x", ""])
def test_of_what_aide_does_not_watch_nobody_can_say_who_changed_it(path: str) -> None:
    assert causes(having(), Difference("change it", path)) == [(path or "change it", "state")]


def test_without_a_recorded_baseline_nothing_is_called_not_applied() -> None:
    issue = Difference("change /etc/issue", "/etc/issue")
    assert causes(having(noted=False), issue) == [("/etc/issue", "state")]
    assert causes(having(failed="AIDE failed: x"), issue) == [("/etc/issue", "state")]


def test_an_edit_is_found_in_a_sentence_and_told_once_with_its_time() -> None:
    (one,) = drift.attributed(
        having(BY_HAND), [Step("Edit", differences=[Difference("put a line into /etc/issue: text")])]
    )
    assert (one.subject, one.cause, one.since, one.operation) == ("/etc/issue", "edited", 7.0, "Edit")
    assert causes(having(BY_HAND), Difference("put a line into /etc/issue.net: text")) == [
        ("put a line into /etc/issue.net: text", "state"),
        ("/etc/issue", "foreign"),
    ]


def test_what_no_operation_answers_for_is_told_with_what_was_there() -> None:
    removed = {"what": "removed", "path": "/etc/gone"}
    found = list(drift.attributed(having(BY_HAND, ADDED, removed), []))
    assert [(each.subject, each.expected, each.found, each.cause) for each in found] == [
        ("/etc/issue", "as the last run left it", "changed", "foreign"),
        ("/etc/cron.d/x", "absent", "there", "foreign"),
        ("/etc/gone", "there", "absent", "foreign"),
    ]
    assert drift.drift(having(ADDED), []).code == 2


def test_an_aide_that_fails_leaves_the_answer_open() -> None:
    found = drift.drift(having(ADDED, failed="AIDE failed: why"), [])
    assert (found.code, found.unknown, len(found.differences)) == (1, ["AIDE failed: why"], 1)


def test_data_holds_times_in_words_and_no_content() -> None:
    (one,) = drift.drift(having(BY_HAND), []).data()["differences"]  # type: ignore[misc, attr-defined]
    assert one == {
        "what": "changed outside of deploy since 1970-01-01 00:00 UTC: /etc/issue",
        "subject": "/etc/issue",
        "expected": "as the last run left it",
        "found": "changed",
        "since": "1970-01-01T00:00:07Z",
        "operation": "",
        "cause": "foreign",
    }


def test_files_say_what_is_expected_and_found_and_no_content() -> None:
    digest = hashlib.sha256(b"secret").hexdigest()
    here = {"kind": "file", "owner": "root", "group": "root", "mode": 0o600, "changed": 5.0}
    have = state(
        files={
            "/a": Entry(**here, sha256="0"),
            "/b": Entry(**{**here, "mode": 0o644, "owner": "ann"}, sha256=digest),
            "/d": Entry(**here),
            "/l": Entry(kind="link", target="/old", owner="root", group="root"),
            "/x": Entry(**here),
        }
    )
    items = (
        File("/a", "secret", 0o600),
        File("/b", "secret", 0o600),
        File("/c", "secret", 0o600),
        Directory("/d"),
        Link("/l", "/new"),
        Mode("/x", 0o640),
    )
    found = list(files.differences(have, Files((*items, Absent("/a")))))
    assert [(each.subject, each.expected, each.found, each.since) for each in found] == [
        ("/a", "the content of the settings", "another content", 5.0),
        ("/b", "mode 600, owner root:root", "mode 644, owner ann:root", 5.0),
        ("/c", "there", "absent", 0.0),
        ("/d", "directory, mode 755", "file, mode 600", 5.0),
        ("/l", "link to /new", "link /old", 0.0),
        ("/x", "mode 640", "mode 600", 5.0),
        ("/a", "absent", "there", 5.0),
    ]
    assert "secret" not in repr(found)
    assert digest not in repr(found)


def unit(**changed: Any) -> dict[str, Any]:
    well = {"load": "loaded", "active": "active", "enabled": "enabled", "needs_daemon_reload": False}
    return {**well, "started": 1.0, "stamped": 1.0, **changed}


def test_units_packages_and_kernel_values_say_what_is_expected_and_found() -> None:
    units = {"a.service": unit(active="failed"), "b.service": unit(), "c.service": unit(enabled="disabled")}
    wanted = systemd.Units((systemd.Unit("a.service"), systemd.Unit("c.service")), stopped=("b.service",))
    found = list(systemd.differences(state(units=units), wanted))
    assert [(each.what, each.expected, each.found) for each in found] == [
        ("stop b.service", "stopped", "active"),
        ("start a.service", "active", "failed"),
        ("disable b.service", "", ""),
        ("enable c.service", "", ""),
    ]
    have = state(packages={"ufw": "1"}, found={apt.OURS: []})
    (one,) = apt.differences(have, apt.Packages(("ufw", "sudo")))
    assert (one.subject, one.expected, one.found) == ("sudo", "installed", "not installed")
    key = "kernel.kptr_restrict"
    want = sysctl.Sysctl("/etc/sysctl.d/x.conf", lambda have: f"{key} = 2\n", frozenset({key}), Query())
    (one,) = sysctl.differences(state(sysctl={key: Sysctl(now="0")}), want)
    assert (one.subject, one.expected, one.found) == (key, "2", "0")


def test_an_operation_that_says_nothing_is_a_difference_all_the_same() -> None:
    assert by_words([], "Apply it") == [Difference("Apply it")]
    assert by_words(["install x"], "Apply it") == [Difference("install x")]
