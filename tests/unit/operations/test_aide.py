"""What others changed since the last run: what AIDE's words are taken for, and when its database is written anew."""

import hashlib
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from provision.engine.operation import script
from provision.engine.state import Entry
from provision.operations import aide
from provision.operations.aide import CONF, DATABASE, MARK, NAMED, Baseline
from provision.remote import aide as remote_aide
from tests.unit.states import state, text

WANT = Baseline(f"{MARK}\n/etc Kept\n")
THERE = {DATABASE: Entry(kind="file")}
Ask = Callable[[str, int, str], list[str]]


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """The look with an aide that says and does so."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr("os.path.exists", lambda path: True)

    def asked(config: str, code: int, said: str) -> list[str]:
        (tmp_path / "aide").write_text(f"#!/bin/sh\ncat <<'EOT'\n{said}\nEOT\nexit {code}\n")
        (tmp_path / "aide").chmod(0o755)
        (tmp_path / "aide.conf").write_text(config)
        return remote_aide.differing(str(tmp_path / "aide.conf"))

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
    assert said == [f"by deploy: {own}", f"added: {later}"]


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


def test_what_deploy_changed_is_not_told_but_noted() -> None:
    have = state(
        notes={CONF: WANT.config},
        files={DATABASE: Entry(kind="file", changed=0.0)},
        integrity={CONF: ["by deploy: /etc/a", "changed: /etc/b", "added: /etc/c", "AIDE failed: why"]},
    )
    assert list(aide.remarks(have, WANT)) == [
        "changed outside of deploy since 1970-01-01 00:00 UTC: /etc/b",
        "changed outside of deploy since 1970-01-01 00:00 UTC: /etc/c (added)",
        "AIDE failed: why",
    ]
    have.integrity[CONF] = ["by deploy: /etc/a"]
    assert text(aide.changes(have, WANT))


@pytest.mark.parametrize(
    ("known", "written"),
    [
        ({"notes": {CONF: WANT.config}}, False),
        ({"notes": {CONF: WANT.config}, "integrity": {CONF: ["added: /etc/x"]}}, True),
        ({"notes": {CONF: f"{MARK}\n/etc/ssh Kept\n"}}, True),
        ({"notes": {CONF: WANT.config}, "files": {}}, True),
        ({"notes": {}, "files": {}}, True),
        ({"notes": {CONF: "theirs"}, "files": {}}, False),
    ],
    ids=["known", "changed", "another-configuration", "no-database", "first", "theirs"],
)
def test_the_database_is_written_where_it_does_not_say_what_is_there(
    known: dict[str, Any], written: bool
) -> None:
    have = state(**{"files": THERE, "integrity": {CONF: []}, **known})
    assert bool(text(aide.changes(have, WANT))) == written


def test_a_great_many_changes_are_counted() -> None:
    many = [f"added: /etc/{number}" for number in range(NAMED + 3)]
    said = list(aide.remarks(state(notes={CONF: WANT.config}, integrity={CONF: many}), WANT))
    assert len(said) == NAMED + 1
    assert said[-1] == f"and 3 more: aide --config {CONF} --check"
