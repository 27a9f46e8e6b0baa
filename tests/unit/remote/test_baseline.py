"""AIDE's database: what a run takes into it, what stays a finding, and what one accepts by name."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from provision.remote import aide, baseline

CONFIG = "# Written by HARVEST's deploy.py.\netc Kept\n"
AIDE = (
    f"#!{sys.executable}"
    + """
import hashlib, os, sys
from urllib.parse import quote
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(sys.argv[0])))
SPEC = "@@db_spec name lname perm uid gid inode attr acl sha256 xattrs "
def lines():
    for name in sorted(os.listdir(ROOT + "/etc")):
        path = ROOT + "/etc/" + name
        found, text = os.lstat(path), open(path, "rb").read()
        words = [quote(path), 0, oct(found.st_mode)[2:], found.st_uid, found.st_gid, found.st_ino, 7, 0]
        yield " ".join(map(str, [*words, hashlib.sha256(text).hexdigest(), 0]))
def columns(line):
    return [word for number, word in enumerate(line.split()) if number != 5]
config = sys.argv[sys.argv.index("--config") + 1]
if "broken" in open(config).read():
    print("ERROR: broken")
    sys.exit(17)
if "--init" in sys.argv:
    with open(ROOT + "/aide.db.new", "w") as file:
        print("@@begin_db", SPEC, *lines(), "@@end_db", sep="\\n", file=file)
    sys.exit(0)
old = {line.split()[0]: line for line in open(ROOT + "/aide.db") if line.startswith("/")}
new = {line.split()[0]: line for line in lines()}
both = sorted(name for name in old if name in new and columns(old[name]) != columns(new[name]))
for title, names in (("Added", sorted(new.keys() - old)), ("Removed", sorted(old.keys() - new)), ("Changed", both)):
    print(title + " entries:", "---", *("f+++: " + name.replace("%20", " ") for name in names), sep="\\n")
sys.exit(7 if old != new else 0)
"""
)
"""Enough of AIDE: the same database, and the same report."""


class Lab:
    """A host's /etc below `root`, with the programs that look at it and record it."""

    def __init__(self, root: Path) -> None:
        self.root, self.etc, self.conf = root, root / "etc", root / "aide.conf"

    def work(self, name: str, text: str) -> None:
        """Write a file as a command of a run does."""
        note = Path(aide.JOURNAL) / f"{time.monotonic_ns()}"
        note.touch()
        (self.etc / name).write_text(text)
        note.rename(f"{note}.done")
        time.sleep(3 * aide.GRAIN_S)

    def look(self) -> dict[str, Any]:
        return aide.differing(str(self.conf))

    def found(self) -> dict[str, str]:
        """What others changed, by file name."""
        return {Path(each["path"]).name: each["what"] for each in self.look()["findings"] if not each["ours"]}

    def note(self) -> None:
        found = {each["path"]: each["what"] for each in self.look()["findings"] if not each["ours"]}
        baseline.note({"found": found})

    def record(self, config: str = CONFIG, take: tuple[str, ...] = ()) -> None:
        baseline.record({"config": config, "take": self.times(take)})

    def accept(self, *names: str) -> None:
        baseline.accept({"take": self.times(names)})

    def times(self, names: tuple[str, ...]) -> dict[str, float]:
        since = {each["path"]: each["changed"] for each in self.look()["findings"]}
        paths = [name if name.startswith("/") else str(self.etc / name) for name in names]
        return {path: since.get(path, 0.0) for path in paths}


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """A host whose files were recorded."""
    found = Lab(tmp_path)
    for folder in ("etc", "journal", "bin"):
        (tmp_path / folder).mkdir()
    (tmp_path / "bin/aide").write_text(AIDE)
    (tmp_path / "bin/aide").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")
    monkeypatch.setattr(aide, "DATABASE", f"{tmp_path}/aide.db")
    monkeypatch.setattr(aide, "STATE", f"{tmp_path}/state/aide.json")
    monkeypatch.setattr(aide, "JOURNAL", f"{tmp_path}/journal")
    monkeypatch.setattr(baseline, "CONF", f"{tmp_path}/aide.conf")
    monkeypatch.setattr(baseline, "FRESH", f"{tmp_path}/aide.db.new")
    monkeypatch.setattr(baseline, "HOLDER", f"{tmp_path}/holder")
    for name in ("a", "b", "two words"):
        (found.etc / name).write_text(name)
    time.sleep(3 * aide.GRAIN_S)
    found.record()
    return found


def test_the_first_run_takes_all_that_is_there(lab: Lab) -> None:
    assert lab.look() == {"failed": "", "noted": True, "findings": [], "closed": []}


def test_what_others_changed_stays_a_finding_through_any_number_of_runs(lab: Lab) -> None:
    (lab.etc / "backdoor").write_text("x")
    (lab.etc / "a").write_text("edited")
    (lab.etc / "two words").unlink()
    (lab.etc / "b").chmod(0o666)
    wanted = {"backdoor": "added", "a": "changed", "two words": "removed", "b": "changed"}
    for _ in range(3):
        assert lab.found() == wanted
        lab.note()
        lab.record()
    assert all(each["seen"] for each in lab.look()["findings"])


def test_what_a_run_changed_is_known_from_then_on(lab: Lab) -> None:
    lab.work("a", "by deploy")
    lab.work("new", "by deploy")
    (both,) = {each["ours"] for each in lab.look()["findings"]}
    assert both
    (lab.etc / "foreign").write_text("x")
    lab.record()
    assert lab.found() == {"foreign": "added"}
    assert len(lab.look()["findings"]) == 1


def test_an_edit_stays_a_finding_though_a_run_changes_the_same_file_afterwards(lab: Lab) -> None:
    """The run notes it before; what others wrote may still be in the file."""
    (lab.etc / "a").write_text("a backdoor")
    lab.note()
    (first,) = lab.look()["findings"]
    lab.work("a", "a backdoor, and a line of ours")
    assert lab.found() == {"a": "changed"}
    (later,) = lab.look()["findings"]
    assert (later["since"], later["changed"] > first["changed"]) == (first["since"], True)
    lab.record()
    assert lab.found() == {"a": "changed"}


def test_a_finding_ends_when_the_file_is_as_it_was_or_as_the_settings_say(lab: Lab) -> None:
    (lab.etc / "a").write_text("edited")
    (lab.etc / "new").write_text("as the settings say")
    lab.note()
    lab.record()
    lab.work("a", "a")
    lab.record(take=("new",))
    assert lab.found() == {}
    assert json.loads(Path(aide.STATE).read_text())["open"] == {}


def test_a_file_that_was_removed_again_is_closed(lab: Lab) -> None:
    (lab.etc / "new").write_text("x")
    lab.note()
    lab.record()
    (lab.etc / "new").unlink()
    assert lab.look()["closed"] == [str(lab.etc / "new")]
    lab.record()
    assert lab.look()["closed"] == []
    lab.work("new", "by deploy")
    lab.record()
    assert lab.found() == {}


def test_what_is_taken_must_be_what_was_looked_at_and_bare(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    (lab.etc / "a").write_text("as the settings say")
    seen = lab.times(("a",))
    time.sleep(0.02)
    (lab.etc / "a").write_text("other")
    baseline.record({"config": CONFIG, "take": seen})
    assert lab.found() == {"a": "changed"}
    monkeypatch.setattr(os, "listxattr", lambda path, follow_symlinks: ["security.capability"])
    lab.record(take=("a",))
    assert lab.found() == {"a": "changed"}


def test_one_path_is_accepted_as_it_is_and_a_later_change_is_a_new_finding(lab: Lab) -> None:
    (lab.root / "holder").write_text(json.dumps({"who": "ann@desk", "address": "192.0.2.7"}))
    for name in ("a", "b", "new file"):
        (lab.etc / name).write_text("edited")
    (lab.etc / "two words").unlink()
    lab.note()
    lab.accept("a", "new file", "two words")
    assert lab.found() == {"b": "changed"}
    lab.record()
    assert lab.found() == {"b": "changed"}
    kept = json.loads(Path(aide.STATE).read_text())
    assert list(kept["open"]) == [str(lab.etc / "b")]
    assert [each["path"] for each in kept["accepted"]] == [
        str(lab.etc / n) for n in ("a", "new file", "two words")
    ]
    assert {(each["by"], each["address"]) for each in kept["accepted"]} == {("ann@desk", "192.0.2.7")}
    assert kept["accepted"][0]["at"].endswith("Z")
    (lab.etc / "a").write_text("edited again")
    assert lab.found() == {"a": "changed", "b": "changed"}
    lab.record()
    assert lab.found() == {"a": "changed", "b": "changed"}


def test_only_a_finding_can_be_accepted_and_only_as_it_was_shown(lab: Lab) -> None:
    with pytest.raises(baseline.Refused, match="is as the baseline has it"):
        lab.accept("a")
    (lab.etc / "a").write_text("edited")
    seen = lab.times(("a",))
    time.sleep(0.02)
    (lab.etc / "a").write_text("edited again")
    with pytest.raises(baseline.Refused, match="changed again since it was shown"):
        baseline.accept({"take": seen})
    assert lab.found() == {"a": "changed"}


def test_another_configuration_of_ours_brings_no_findings_and_loses_none(lab: Lab) -> None:
    (lab.etc / "a").write_text("edited")
    lab.note()
    lab.record(CONFIG + "other Kept\n")
    assert lab.conf.read_text().endswith("other Kept\n")
    assert lab.found() == {"a": "changed"}


@pytest.mark.parametrize("text", ["# Written by HARVEST's deploy.py.\n!etc\n", None, "database_in=other\n"])
def test_who_edits_aides_configuration_is_found(lab: Lab, text: str | None) -> None:
    (lab.etc / "a").write_text("edited")
    lab.conf.unlink() if text is None else lab.conf.write_text(text)
    assert lab.found()["aide.conf"] == ("removed" if text is None else "changed")
    if text is None or "HARVEST" in text:
        lab.record()
        assert (lab.conf.read_text(), lab.found()) == (CONFIG, {"a": "changed"})


def test_a_database_that_was_written_or_removed_by_others_is_a_finding_until_it_is_accepted(lab: Lab) -> None:
    (lab.etc / "a").write_text("edited")
    subprocess.run(["aide", "--config", str(lab.conf), "--init"], check=True)
    (lab.root / "aide.db.new").replace(lab.root / "aide.db")
    assert lab.found() == {"aide.db": "changed"}
    with pytest.raises(baseline.Refused, match="accept that alone first"):
        lab.accept("a")
    lab.accept(str(lab.root / "aide.db"))
    assert lab.found() == {}
    (lab.root / "aide.db").unlink()
    assert lab.found() == {"aide.db": "removed"}


def test_a_configuration_of_another_user_is_accepted_for_good(lab: Lab) -> None:
    lab.conf.write_text("database_in=other\n")
    lab.accept(str(lab.conf))
    (lab.root / "aide.db").write_text("theirs")
    assert lab.look() == {"failed": "", "noted": False, "findings": [], "closed": []}


def test_an_aide_that_fails_or_is_missing_is_told_and_records_nothing(lab: Lab) -> None:
    before = (lab.root / "aide.db").read_text()
    lab.conf.write_text(f"{CONFIG}broken\n")
    assert lab.look()["failed"] == "AIDE failed: ERROR: broken"
    with pytest.raises(baseline.Refused, match="AIDE failed: ERROR: broken"):
        lab.record(f"{CONFIG}broken\n")
    assert (lab.root / "aide.db").read_text() == before
    (lab.root / "bin/aide").unlink()
    assert lab.look()["failed"] == "AIDE is not installed any more"


def test_lines_of_another_version_of_aide_are_compared_by_the_columns_that_both_have() -> None:
    old = baseline.parse("@@db_spec name perm inode attr acl\n/a 644 1 7 0\n/b 644 2 7 0\n@@end_db\n")
    new = baseline.parse("@@db_spec name perm attr sha256\n/a 644 9 x\n/b 600 9 y\n@@end_db\n")
    assert baseline.differences(old, new) == {"/b": "changed"}
    text = baseline.merged(old, new, {"/b"})
    assert text == "@@db_spec name perm attr sha256\n/a 644 9 x\n/b 644 7 0\n@@end_db\n"


def test_a_name_that_cannot_be_printed_stays_a_finding(lab: Lab) -> None:
    (lab.etc / "two\nlines").write_text("x")
    lab.note()
    lab.record()
    assert len(lab.look()["findings"]) == 1
    with pytest.raises(baseline.Refused, match="cannot be printed"):
        baseline.accept({"take": {str(lab.etc / "two"): 0.0}})
