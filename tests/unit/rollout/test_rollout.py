"""A rollout's course, with a stand-in for pyinfra and the audit (standin.py): real processes, no hosts."""

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from provision.rollout import __main__ as command_line
from provision.rollout.commands import Words
from provision.rollout.plan import batches
from provision.rollout.record import HostRecord, Record, folder_of, locked, read, write
from provision.rollout.rollout import Rollout
from provision.rollout.shell import Shell

STANDIN = Path(__file__).with_name("standin.py")
REPO = Path(__file__).parents[3]


class Fleet:
    """Hosts a, b, c, d that run release 1, a rollout of 2 over them, and what was said and typed meanwhile."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.said: list[str] = []
        (folder / "bin").mkdir()
        for name in ("pyinfra", "python"):
            file = folder / "bin" / name
            file.write_text(f'#!/bin/sh\nFLEET={folder} exec {sys.executable} {STANDIN} "$@"\n')
            file.chmod(0o755)
        hosts = {name: {"live": "1", "fails": []} for name in "abcd"}
        self.file = folder / "fleet.json"
        self.file.write_text(json.dumps({"new": "2", "hosts": hosts}))

    def fails(self, host: str, *at: str) -> None:
        """From now on a host fails at these words of standin.py."""
        known = json.loads(self.file.read_text())
        known["hosts"][host]["fails"] = list(at)
        self.file.write_text(json.dumps(known))

    def live(self) -> str:
        """Of each host its release."""
        hosts: dict[str, dict[str, str]] = json.loads(self.file.read_text())["hosts"]
        return " ".join(host["live"] for host in hosts.values())

    def typed(self, page: str = "") -> list[str]:
        found = (self.folder / "typed").read_text().splitlines()
        return [line for line in found if line.startswith(page)]

    def rollout(self, record: Record | None = None) -> Rollout:
        record = record or Record(
            inventory="inv.py",
            began="2026-11-26 12:00 UTC",
            gate="harvest",
            batches=[list(step) for step in batches(list("abcd"), "", 2)],
            hosts={name: HostRecord() for name in "abcd"},
        )
        words = Words(self.folder / "bin", "inv.py")
        shell = Shell(self.folder, self.folder / "log")
        return Rollout(
            record, self.folder, words, shell, "python -m provision.rollout inv.py", self.said.append
        )

    def again(self) -> Rollout:
        """As a later process would read it."""
        self.said.clear()
        record = read(self.folder)
        assert record
        return self.rollout(record)

    def stages(self) -> str:
        record = read(self.folder)
        assert record
        return " ".join(host.stage for host in record.hosts.values())


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    return Fleet(tmp_path)


def test_the_canary_then_each_batch_is_deployed_and_checked(fleet: Fleet) -> None:
    assert fleet.rollout().go() == 0
    assert (fleet.live(), fleet.stages()) == ("2 2 2 2", "done done done done")
    assert fleet.typed() == [
        "operate/releases.py a b c d",
        *("deploy.py a", "operate/releases.py a", "audit a"),
        *("deploy.py b c", "operate/releases.py b c", "audit b c"),
        *("deploy.py d", "operate/releases.py d", "audit d"),
    ]
    said = "\n".join(fleet.said)
    assert "1/3  a: deployed in 0 s: 2 (was 1)" in said
    assert "2/3  c: 1 checks passed" in said
    assert "begun 2026-11-26 12:00 UTC: done" in said
    assert "$ " in (fleet.folder / "log").read_text()


@pytest.mark.parametrize("at", ["deploy", "gate"])
def test_the_first_failure_stops_it_and_returns_what_was_switched(fleet: Fleet, at: str) -> None:
    fleet.fails("c", at)
    assert fleet.rollout().go() == 1
    assert fleet.live() == "1 1 1 1"
    assert fleet.stages() == "returned returned failed waiting"
    assert fleet.typed("deploy.py") == ["deploy.py a", "deploy.py b c"], "d is left alone"
    (back,) = fleet.typed("operate/rollback.py")
    assert back.endswith("instance=harvest release=1 rollout=yes")
    said = "\n".join(fleet.said)
    why = {"deploy": "no such luck", "gate": "harvest.page: not so: the page answers"}[at]
    assert f"c: failed: {why}" in said
    assert "a  returned   runs 1, as before" in said
    assert "d  not begun  runs 1, as before" in said
    assert "python -m provision.rollout inv.py resume" in said


def test_resumed_it_begins_with_the_canary_again(fleet: Fleet) -> None:
    fleet.fails("c", "gate")
    assert fleet.rollout().go() == 1
    fleet.fails("c")
    assert fleet.again().go() == 0
    assert fleet.live() == "2 2 2 2"
    assert fleet.typed("deploy.py")[2:] == ["deploy.py a", "deploy.py b c", "deploy.py d"]


def test_hosts_that_got_different_releases_are_said(fleet: Fleet) -> None:
    assert fleet.rollout().go() == 0
    assert "same release" not in "\n".join(fleet.said)
    known = json.loads(fleet.file.read_text())
    known["hosts"]["b"]["live"] = "1"
    rollout = fleet.again()
    rollout.deploy = lambda step, batch: True  # type: ignore[method-assign]
    fleet.file.write_text(json.dumps(known))
    assert rollout.go() == 0
    assert fleet.said[-1] == "These hosts do not all have the same release: did a branch move meanwhile?"


def test_a_host_that_cannot_be_reached_stops_it_before_the_first_change(fleet: Fleet) -> None:
    fleet.fails("d", "reach")
    assert fleet.rollout().go() == 1
    assert fleet.typed() == ["operate/releases.py a b c d"]
    assert fleet.said[0] == "d: cannot be asked which release it has: inv.py: host d: no route to it"
    assert "--exclude NAME" in fleet.said[1]
    assert read(fleet.folder) is None


def test_a_host_that_is_not_returned_is_said_and_returned_later(fleet: Fleet) -> None:
    fleet.fails("a", "rollback")
    fleet.fails("d", "gate")
    assert fleet.rollout().go() == 1
    assert fleet.live() == "2 1 1 1"
    assert fleet.stages() == "failed returned returned failed"
    said = "\n".join(fleet.said)
    assert "a: not returned: no such luck" in said
    assert "inv.py return" in said
    fleet.fails("a")
    back = fleet.again()
    back.go_back()
    assert (fleet.live(), back.record.state) == ("1 1 1 1", "returned")


def test_a_host_that_died_keeps_no_other_from_going_back(fleet: Fleet) -> None:
    rollout = fleet.rollout()
    assert rollout.go() == 0
    fleet.fails("b", "reach")
    rollout.go_back()
    assert fleet.live() == "1 2 1 1"
    assert (rollout.record.state, fleet.stages()) == ("failed", "returned failed returned returned")


def test_hosts_go_back_one_by_one_where_one_stops_pyinfra(fleet: Fleet) -> None:
    rollout = fleet.rollout()
    assert rollout.go() == 0
    fleet.fails("b", "reach")
    lost = rollout.roll_back(["a", "b", "c"], "harvest", "1")
    assert (fleet.live(), set(lost)) == ("1 2 1 2", {"b"})


def test_a_first_release_has_no_way_back(fleet: Fleet) -> None:
    rollout = fleet.rollout()
    rollout.record.hosts["a"].stage = "checking"
    rollout.record.hosts["a"].release = {"harvest": "2"}
    rollout.go_back()
    assert fleet.typed("operate/rollback.py") == []
    assert fleet.stages() == "checking waiting waiting waiting"


def test_an_audit_that_did_not_run_is_a_failure(fleet: Fleet) -> None:
    (fleet.folder / "bin/python").write_text("#!/bin/sh\necho no module; exit 4\n")
    assert fleet.rollout().go() == 1
    assert "a: failed: the audit did not run (exit code 4)\n  | no module" in "\n".join(fleet.said)
    assert fleet.live() == "1 1 1 1"


def test_a_former_audit_is_no_proof(fleet: Fleet) -> None:
    assert fleet.rollout().go() == 0
    (fleet.folder / "bin/python").write_text("#!/bin/sh\nexit 4\n")
    assert fleet.again().go() == 1


@pytest.fixture
def interruptible() -> Iterator[None]:
    """A shell starts what it puts into the background with Ctrl-C ignored; here it is heard."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_interrupted_it_waits_for_its_command_and_says_both_ways(fleet: Fleet) -> None:
    fleet.fails("c", "hang")
    rollout = fleet.rollout()

    def interrupt() -> None:
        end = time.monotonic() + 20
        while not (fleet.folder / "hangs").exists() and time.monotonic() < end:
            time.sleep(0.02)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    threading.Thread(target=interrupt).start()
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        rollout.go()
    assert rollout.interrupted() == 130
    assert time.monotonic() - began < 30, "the command was told too"
    assert fleet.stages() == "done deploying deploying waiting"
    said = "\n".join(fleet.said)
    assert "b  was being deployed" in said
    assert "inv.py resume" in said
    assert "inv.py return" in said
    fleet.fails("c")
    assert fleet.again().go() == 0
    record = read(fleet.folder)
    assert record
    assert {host.before["harvest"] for host in record.hosts.values()} == {"1"}, "before the whole rollout"


def test_interrupted_before_its_first_change_it_leaves_no_record(fleet: Fleet) -> None:
    assert fleet.rollout().interrupted() == 130
    assert fleet.said == ["Stopped; nothing was changed."]
    assert read(fleet.folder) is None


HOSTS = """
harvest_internal = [("web1", {"ssh_hostname": "192.0.2.1"}), ("web2", {"ssh_hostname": "192.0.2.2"})]
from provision.inventory import resolve
resolve(globals())
"""
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFsuRVzokCUaWR9bFm5zAHKD2v7exAMJCseH78nJu9jS me"


def typed(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The real command line, over an inventory whose hosts are never asked."""
    (folder / "inventories").mkdir(exist_ok=True)
    (folder / "group_data").mkdir(exist_ok=True)
    (folder / "group_data/all.py").write_text(f"admin_user = 'sysop'\nadmin_keys = ['{KEY}']\n")
    (folder / "inventories/fleet.py").write_text(HOSTS)
    command = [sys.executable, "-m", "provision.rollout", *words]
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder)}
    return subprocess.run(
        command, cwd=REPO, capture_output=True, text=True, env=environment, stdin=subprocess.DEVNULL
    )


def test_dry_shows_the_plan_and_asks_no_host(tmp_path: Path) -> None:
    done = typed(tmp_path, str(tmp_path / "inventories/fleet.py"), "--canary", "web2", "--dry")
    assert done.returncode == 0, done.stderr
    assert "  1  web2  (canary)\n  2  web1\n" in done.stdout
    assert "deploy.py --dry --limit web2" in done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nosuch.py"], "nosuch.py: is not there; name the inventory, like inventories/prod.py"),
        (["FLEET", "--dry", "--canary", "web9"], "--canary web9: is none of the hosts; there are web1, web2"),
        (["FLEET", "--dry", "--limit", "web9"], '--limit "web9" matches no host; there are web1, web2'),
        (["FLEET", "--dry", "--gate", "harvset"], '--gate "harvset": chooses no check of the audit'),
        (["FLEET", "--dry", "--gate", "ssh and ("], '--gate "ssh and (": the audit cannot be run:'),
        (["FLEET", "resume"], "has no rollout to resume"),
        (["FLEET", "show"], "has no rollout"),
        (["FLEET"], "There is no terminal here to ask whether to go on, so nothing was changed"),
    ],
)
def test_a_mistake_is_one_sentence_and_changes_nothing(tmp_path: Path, words: list[str], said: str) -> None:
    file = str(tmp_path / "inventories/fleet.py")
    done = typed(tmp_path, *[file if word == "FLEET" else word for word in words])
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) < 4, done.stderr


def test_a_rollout_that_is_half_way_is_not_begun_again(tmp_path: Path) -> None:
    file = tmp_path / "inventories/fleet.py"
    folder = folder_of(file, {"XDG_STATE_HOME": str(tmp_path / ".local/state")})
    folder.mkdir(parents=True)
    hosts = {"web1": HostRecord(stage="deploying"), "web2": HostRecord()}
    write(
        folder,
        Record(inventory=str(file), began="then", gate="harvest", batches=[["web1"], ["web2"]], hosts=hosts),
    )
    done = typed(tmp_path, str(file), "-y")
    assert (done.returncode, done.stdout) == (1, "")
    assert "A former rollout is half-way." in done.stderr
    assert "web1  was being deployed" in done.stderr
    assert f"{file} resume" in done.stderr
    assert f"{file} return" in done.stderr


def test_two_rollouts_of_one_inventory_do_not_run_at_once(tmp_path: Path) -> None:
    file = tmp_path / "inventories/fleet.py"
    with locked(folder_of(file, {"XDG_STATE_HOME": str(tmp_path / ".local/state")})):
        done = typed(tmp_path, str(file), "-y")
    assert done.returncode == 1
    assert "another process is at its rollout; watch it: tail -f " in done.stderr


def test_stopped_at_its_first_questions_it_changed_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    (tmp_path / "inv.py").touch()
    monkeypatch.setattr(sys, "argv", ["rollout", str(tmp_path / "inv.py"), "-y"])
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(command_line, "hosts_of", interrupted)
    monkeypatch.setattr(command_line.signal, "signal", lambda *_: None)
    assert command_line.main() == 130
    assert capsys.readouterr().out == "Stopped; nothing was changed.\n"
