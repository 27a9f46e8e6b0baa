"""What others changed: what AIDE's words are taken for, when the baseline is recorded, and what can be accepted."""

import base64
import hashlib
import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from provision.engine.operation import script
from provision.engine.state import Entry, HostState
from provision.operations import aide, files
from provision.operations.aide import CONF, DATABASE, MARK, NAMED, Accepted, Baseline
from provision.remote import aide as remote_aide
from tests.unit.states import state, text

WANT = Baseline(f"{MARK}\n/etc Kept\n")
THERE = {DATABASE: Entry(kind="file")}
Ask = Callable[[str, int, str], list[str]]


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """The look with an aide that says and does so: what it found, or that it failed."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr("os.path.exists", lambda path: True)
    monkeypatch.setattr(remote_aide, "STATE", f"{tmp_path}/none.json")

    def asked(config: str, code: int, said: str) -> list[str]:
        (tmp_path / "aide").write_text(f"#!/bin/sh\ncat <<'EOT'\n{said}\nEOT\nexit {code}\n")
        (tmp_path / "aide").chmod(0o755)
        (tmp_path / "aide.conf").write_text(config)
        answer = remote_aide.differing(str(tmp_path / "aide.conf"))
        lines = [f"{'ours ' if e['ours'] else ''}{e['what']}: {e['path']}" for e in answer["findings"]]
        return [*lines, *filter(None, [answer["failed"]])]

    return asked


FOUND = """Added entries:
---
f++++: /etc/a b
---
Changed entries:
f = ...: /etc/c
---
Detailed information
f: /etc/d"""
# Without changed entries no details follow, but the database's digests: base64, in which a line may begin with "/".
ADDED = """Added entries:
---
f++++: /etc/a
---
The attributes of the (uncompressed) database(s):
---
/var/lib/aide/aide.db
 SHA256    : /Oo+nosUOv9O5qXFixixcI0AYIuAHLlq
 MD5: /Oo+nosUOv9O5qXFixixcI=="""


def test_what_aide_lists_is_told_and_an_aide_that_fails_is_not_taken_for_one_that_finds_nothing(
    ask: Ask,
) -> None:
    assert ask(WANT.config, 5, FOUND) == ["added: /etc/a b", "changed: /etc/c"]
    assert ask(WANT.config, 0, "All files match.") == []
    assert ask(WANT.config, 17, "ERROR: no such database") == ["AIDE failed: ERROR: no such database"]


def test_a_digest_that_begins_with_a_slash_is_no_file(ask: Ask) -> None:
    assert ask(WANT.config, 1, ADDED) == ["added: /etc/a"]


def test_changes_during_a_command_of_ours_are_marked_as_by_deploy(
    ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal, own, later = tmp_path / "journal", tmp_path / "own", tmp_path / "later"
    journal.mkdir()
    (journal / "note").touch()
    own.touch()
    (journal / "note").rename(journal / "note.done")
    time.sleep(3 * remote_aide.GRAIN_S)
    later.touch()
    monkeypatch.setattr(remote_aide, "JOURNAL", str(journal))
    said = ask(WANT.config, 1, f"Added entries:\n---\nf+++: {own}\nf+++: {later}")
    assert said == [f"ours added: {own}", f"added: {later}"]


def test_a_foreign_aide_configuration_is_not_run(ask: Ask) -> None:
    """It may look at the whole disk, for hours."""
    assert ask("database_in=file:/srv/aide.db\n", 5, FOUND) == []


def test_a_package_file_is_news_once_somebody_edited_it_or_others_may(tmp_path: Path) -> None:
    path, link = tmp_path / "conf", tmp_path / "link"
    path.write_text("as it came\n")
    link.symlink_to(path)
    digest = hashlib.md5(b"as it came\n").hexdigest()  # noqa: S324 - dpkg's own
    sums = {str(path): digest, str(link): digest}
    root = os.getuid() == 0
    assert remote_aide.of_packages(str(path), sums) == root
    assert not remote_aide.of_packages(str(link), sums)
    assert not remote_aide.of_packages(str(path), {})
    for mode in (0o664, 0o646):
        path.chmod(mode)
        assert not remote_aide.of_packages(str(path), sums)
    path.chmod(0o644)
    if root:
        os.chown(path, 1, 0)
        assert not remote_aide.of_packages(str(path), sums)
        os.chown(path, 0, 0)
    path.write_text("edited\n")
    assert not remote_aide.of_packages(str(path), sums)


def test_changes_of_a_run_are_known_though_it_was_cut_off_and_later_edits_are_not(tmp_path: Path) -> None:
    """By the journal that each script keeps, whatever became of the run."""
    journal, etc = tmp_path / "journal", tmp_path / "etc"
    etc.mkdir()
    (etc / "gone").touch()
    (command,) = text([script(f"echo 1 >{etc}/own; echo 1 >{etc}/edited; rm {etc}/gone; exit 7")])
    done = subprocess.run(["sh", "-c", command.replace(remote_aide.JOURNAL, str(journal))])
    assert done.returncode == 7
    assert [path.suffix for path in journal.iterdir()] == [".done"]
    windows = remote_aide.at_work(str(journal), 0.0)
    assert remote_aide.of_run("removed", f"{etc}/gone", windows)
    time.sleep(3 * remote_aide.GRAIN_S)
    (etc / "edited").write_text("2")
    (etc / "other").touch()
    assert remote_aide.of_run("added", f"{etc}/own", windows)
    assert not remote_aide.of_run("changed", f"{etc}/edited", windows)
    assert not remote_aide.of_run("added", f"{etc}/other", windows)
    remote_aide.forget(str(journal), time.time())
    assert list(journal.iterdir()) == []


def test_a_command_that_was_killed_was_at_work_until_then_or_until_the_host_went_down(tmp_path: Path) -> None:
    (tmp_path / "note").touch()
    os.utime(tmp_path / "note", (1000.0, 1000.0))
    ((_, killed),) = remote_aide.at_work(str(tmp_path), boot=500.0)
    ((_, rebooted),) = remote_aide.at_work(str(tmp_path), boot=5000.0)
    assert (round(killed), round(rebooted)) == (1060, 5000)


def having(*findings: dict[str, Any], **known: Any) -> HostState:
    """A host that a run recorded, and what differs since."""
    integrity = {"noted": True, "findings": findings, **known.pop("integrity", {})}
    given = {"notes": {CONF: WANT.config}, "files": THERE, **known}
    return state(**given, integrity={CONF: integrity})


OURS = {"what": "changed", "path": "/etc/a", "ours": True}
EDITED = {"what": "changed", "path": "/etc/b", "since": 86400.0, "changed": 90000.0, "bare": True}
ADDED_FILE = {"what": "added", "path": "/etc/c", "seen": "2026-01-31T12:00:00Z"}


def test_each_run_names_what_others_changed_and_not_what_deploy_did() -> None:
    have = having(OURS, EDITED, ADDED_FILE, integrity={"failed": "AIDE failed: why"})
    assert list(aide.remarks(have, WANT)) == [
        "AIDE failed: why",
        "changed outside of deploy since 1970-01-02 00:00 UTC: /etc/b",
        "changed outside of deploy since an unknown time: /etc/c (added)",
        "what of this is right, accept by name: operate/drift.py --data accept=PATH",
    ]
    assert list(aide.remarks(having(OURS), WANT)) == []


def stdin(command: Any) -> dict[str, Any]:
    """The order that a command gives to the program on the host."""
    answer: dict[str, Any] = json.loads(base64.b64decode(command.connector_arguments["_stdin"]))
    return answer


def test_a_run_notes_what_others_changed_before_it_changes_anything_and_once() -> None:
    (command,) = aide.notes(having(OURS, EDITED, ADDED_FILE), WANT)
    assert stdin(command) == {"found": {"/etc/b": "changed", "/etc/c": "added"}}
    assert list(aide.notes(having(OURS, ADDED_FILE), WANT)) == []


@pytest.mark.parametrize(
    ("have", "recorded"),
    [
        (having(), False),
        (having(OURS), True),
        (having(EDITED), False),
        (having(integrity={"closed": ["/etc/b"]}), True),
        (having(integrity={"noted": False}), True),
        (having(notes={CONF: f"{MARK}\n/etc/ssh Kept\n"}), True),
        (having(files={}), True),
        (having(notes={}, files={}), True),
        (having(OURS, notes={CONF: "theirs"}), False),
        (having(OURS, {"what": "changed", "path": DATABASE}), False),
        (having(integrity={"failed": "why", "noted": False}), False),
        (having(integrity={"failed": "why"}, notes={CONF: f"{MARK}\nbroken"}), True),
    ],
    ids=[
        "known",
        "ours",
        "others'",
        "closed",
        "of-an-earlier-version",
        "another-configuration",
        "no-database",
        "first",
        "theirs",
        "database-of-others",
        "failed",
        "failed-on-an-edited-configuration",
    ],
)
def test_the_baseline_is_recorded_where_there_is_something_of_ours_to_record(
    have: HostState, recorded: bool
) -> None:
    assert bool(text(aide.changes(have, WANT))) == recorded


def test_what_settings_say_of_a_path_covers_it_once_it_is_so() -> None:
    file = files.File("/etc/b", "text")
    entry = Entry(
        kind="file", mode=0o644, owner="root", group="root", sha256=hashlib.sha256(b"text").hexdigest()
    )
    want = Baseline(WANT.config, (file,))
    (command,) = aide.changes(having(EDITED, files={**THERE, "/etc/b": entry}), want)
    assert stdin(command)["take"] == {"/etc/b": 90000.0}
    other = entry.model_copy(update={"sha256": "0"})
    assert list(aide.changes(having(EDITED, files={**THERE, "/etc/b": other}), want)) == []
    assert list(aide.changes(having({**EDITED, "bare": False}, files={**THERE, "/etc/b": entry}), want)) == []
    mode = Baseline(WANT.config, (files.Mode("/etc/b", 0o644),))
    assert list(aide.changes(having(EDITED, files={**THERE, "/etc/b": entry}), mode)) == []


def test_what_is_accepted_is_named_with_its_time_and_nothing_else_is() -> None:
    have, want = having(OURS, EDITED, ADDED_FILE), Accepted(("/etc/b",))
    (command,) = aide.acceptances(have, want)
    assert stdin(command) == {"take": {"/etc/b": 90000.0}}
    assert "umask 077" in text([command])[0]
    assert list(aide.accept_plan(have, want)) == [
        "accept /etc/b as it is (changed, since 1970-01-02 00:00 UTC)"
    ]
    assert list(aide.problems(have, want)) == []


@pytest.mark.parametrize("path", ["/etc/a", "/etc/other", "etc/b", ""])
def test_what_is_no_finding_cannot_be_accepted(path: str) -> None:
    have, want = having(OURS, EDITED), Accepted((path,))
    said = f"--data accept={path}: is not a change outside of deploy on this host; there are /etc/b"
    assert list(aide.problems(have, want)) == [said]
    assert "exit 1" in text(aide.acceptances(have, want))[0]
    assert next(aide.problems(having(), want)).endswith("on this host; there is none")


def test_a_great_many_changes_are_counted() -> None:
    many = [{"what": "added", "path": f"/etc/{number}"} for number in range(NAMED + 3)]
    said = list(aide.remarks(having(*many), WANT))
    assert len(said) == NAMED + 2
    assert said[-2] == "and 3 more: operate/drift.py lists all"
