"""What others changed since the last run: what AIDE's words are taken for, and when its database is written anew."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from provision.engine.state import Entry
from provision.operations.aide import CONF, DATABASE, MARK, NAMED, Known, learn, told
from provision.remote import host_state
from tests.unit.states import state, text

WANT = Known(f"{MARK}\n/etc Kept\n")
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
        return host_state.differing(str(tmp_path / "aide.conf"))

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


def test_what_aide_lists_is_told_and_an_aide_that_fails_is_not_taken_for_one_that_finds_nothing(
    ask: Ask,
) -> None:
    assert ask(WANT.config, 5, FOUND) == ["added: /etc/a b", "changed: /etc/c"]
    assert ask(WANT.config, 0, "All files match.") == []
    assert ask(WANT.config, 17, "ERROR: no such database") == ["AIDE failed: ERROR: no such database"]


def test_another_s_aide_is_not_even_asked(ask: Ask) -> None:
    """It may look at the whole disk, for hours."""
    assert ask("database_in=file:/srv/aide.db\n", 5, FOUND) == []


def test_a_package_s_own_file_is_news_once_somebody_edited_it_or_others_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "conf"
    path.write_text("as it came\n")
    sums = {str(path): hashlib.md5(b"as it came\n").hexdigest()}  # noqa: S324 - dpkg's own

    def brought(**known: Any) -> bool:
        found = {"kind": "file", "owner": "root", "mode": 0o644, **known}
        monkeypatch.setattr(host_state, "entry", lambda _: found)
        return host_state.of_packages(str(path), sums)

    assert brought()
    for difference in ({"mode": 0o664}, {"mode": 0o646}, {"owner": "eve"}, {"kind": "link"}):
        assert not brought(**difference)
    path.write_text("edited\n")
    assert not brought()


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
    assert bool(text(learn(have, WANT))) == written


def test_a_great_many_changes_are_counted() -> None:
    many = [f"added: /etc/{number}" for number in range(NAMED + 3)]
    said = list(told(state(notes={CONF: WANT.config}, integrity={CONF: many}), WANT))
    assert len(said) == NAMED + 1
    assert said[-1] == f"and 3 more: aide --config {CONF} --check"
