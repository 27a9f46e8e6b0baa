"""What --dry says of each operation, and that --diff shows no secret."""

import ast
import hashlib
from pathlib import Path
from typing import Any

import pytest

from provision.engine.operation import imperative, log, log_sentence
from provision.engine.state import Entry, HostState
from provision.engine.state import Unit as UnitState
from provision.operations import apt, files, supported_os, systemd
from provision.operations.access import ufw
from tests.unit.states import state

OPERATIONS = Path(__file__).parents[3] / "provision/operations"


def entry(content: str, **different: Any) -> Entry:
    known = {"kind": "file", "mode": 0o644, "owner": "root", "group": "root"}
    return Entry(**(known | {"sha256": hashlib.sha256(content.encode()).hexdigest()} | different))


def test_a_plan_says_what_about_a_path_differs() -> None:
    have = state(
        files={
            "/a": entry("old", mode=0o600, owner="www-data"),
            "/b": entry("b"),
            "/d": Entry(kind="file"),
            "/l": Entry(kind="link", target="/x"),
        }
    )
    items: tuple[files.Item, ...] = (
        files.File("/a", "new"),
        files.File("/b", "b"),
        files.File("/c", "c"),
        files.Link("/l", "/y"),
        files.Absent("/d"),
    )
    assert list(files.plan(have, files.Files(items))) == [
        "change /a (content, mode 600 to 644, owner www-data:root to root:root)",
        "add /c",
        "change /l (link to /y)",
        "remove /d",
    ]


class Host:
    """Has one text for every path, and counts the questions."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.asked: list[list[str]] = []

    def get_fact(self, fact: Any, paths: list[str]) -> list[str]:
        self.asked.append(paths)
        return [self.text for _ in paths]


@pytest.mark.parametrize(
    ("now", "then", "shown"),
    [(0o644, 0o644, True), (0o640, 0o644, False), (0o644, 0o600, False), (0o600, 0o600, False)],
)
def test_a_diff_shows_only_what_everybody_may_read_before_and_after(now: int, then: int, shown: bool) -> None:
    host: Any = Host("password=old\n")
    have = state(files={"/a": entry("password=old\n", mode=now)})
    want = files.Files((files.File("/a", "password=new\n", then),))
    lines = list(files.diff(host, have, want))
    assert any("password" in line for line in lines) is shown
    assert any("/a" in line for line in lines)
    assert bool(host.asked) is shown, "a secret does not even leave the host"


def test_a_new_secret_is_not_shown_either_and_a_new_file_is() -> None:
    host: Any = Host("")
    want = files.Files((files.File("/s", "password", 0o640), files.File("/p", "public")))
    lines = list(files.diff(host, state(), want))
    assert [line for line in lines if line.startswith("+") and "/" not in line] == ["+public"]
    assert not any("password" in line for line in lines)


def test_a_plan_knows_what_follows_from_a_new_file() -> None:
    unit = UnitState(
        load="loaded", active="active", enabled="enabled", needs_daemon_reload=False, started=9.0, stamped=0.0
    )
    have = state(files={"/etc/a": entry("old", changed=1.0)}, units={"a.service": unit})
    units = systemd.Units((systemd.Unit("a.service", ("/etc/a",)),))
    assert list(systemd.plan(have, units)) == []
    then = files.after(have, files.Files((files.File("/etc/a", "new"),)))
    assert list(map(imperative, systemd.plan(then, units))) == [
        "restart a.service, whose files changed since"
    ]


def test_a_plan_reloads_systemd_once_and_records_what_the_run_changes() -> None:
    unit = UnitState(
        load="loaded", active="active", enabled="enabled", needs_daemon_reload=False, started=9.0, stamped=0.0
    )
    path = "/etc/systemd/system/a.service"
    have = state(units={"a.service": unit, "b.service": unit}, integrity={"/etc/aide/aide.conf": {}})
    then = files.after(have, files.Files((files.File(path, "new"),)))
    assert [(each.path, each.ours) for each in then.integrity["/etc/aide/aide.conf"].findings] == [
        (path, True)
    ]
    first, second = (systemd.Units((systemd.Unit(name, (path,)),)) for name in ("a.service", "b.service"))
    assert "have systemd read its unit files again" in list(systemd.plan(then, first))
    assert list(systemd.changes(systemd.after(then, first), first)) == []
    assert "have systemd read its unit files again" not in list(
        systemd.plan(systemd.after(then, first), second)
    )


def test_packages_and_rules_are_named() -> None:
    want = apt.Packages(("nginx", "sudo"), one_of=(("chrony", "ntp"),))
    assert list(apt.plan(state(packages={"sudo": "1"}, found={apt.OURS: []}), want)) == [
        "install nginx, chrony"
    ]
    found = {
        "enabled": True,
        "defaults": list(ufw.DEFAULTS),
        "rules": {"v4": ["allow tcp 9999 0.0.0.0/0 any 0.0.0.0/0 in"], "v6": []},
        "live": {"v4": 1, "v6": 0},
    }
    said = list(ufw.plan(state(firewall=found), ufw.Firewall((22,), ("9100/tcp from 192.0.2.0/24",))))
    assert said == [
        "add a firewall rule: allow 22/tcp from anywhere",
        "add a firewall rule: allow 9100/tcp from 192.0.2.0/24",
        "removing a firewall rule that is not in firewall_allow: allow 9999/tcp",
        "reload the firewall",
    ]


def test_what_would_stop_the_run_is_known_before() -> None:
    have: HostState = state(system={"version": "11", "pretty": "Debian 11"})
    assert supported_os.refusals(have, supported_os.Supported())[0].startswith("this host runs Debian 11")


def test_told_sentences_are_part_of_a_plan() -> None:
    assert log_sentence(log("edited by hand")) == "edited by hand"
    assert log_sentence("true") == ""


def operations() -> list[tuple[str, ast.Call]]:
    """Every operation that `converge` makes, with its file."""
    return [
        (str(file.relative_to(OPERATIONS)), node)
        for file in sorted(OPERATIONS.rglob("*.py"))
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "converge"
    ]


def test_every_operation_says_what_it_would_change() -> None:
    """By a plan, by remarks, by reasons to stop, or by sentences that it tells among its commands."""
    found = operations()
    assert len(found) > 20
    telling = {
        "access/access.py",
        "app/release.py",
        "app/restart.py",
    }  # these yield told() before each command
    silent = [
        file
        for file, node in found
        if len(node.args) < 3
        and not {"plan", "refusals"} & {word.arg for word in node.keywords}
        and file not in telling
    ]
    assert silent == []
