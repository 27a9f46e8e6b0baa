"""A release is switched to only when it works, and left again where it does not; users notice neither."""

import json
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import requests

from lab import hosts
from tests.host import rehearsal
from tests.host.checkouts import checkout, deploy_from
from tests.host.faults import BROKEN, KILL, MOMENTS, ONLY_LIVE
from tests.host.runs import REPO, Run, deploy, rollout, typed
from tests.host.traffic import Traffic
from tests.host.web_hosts import visited

pytestmark = [
    pytest.mark.parametrize(
        "lab_host",
        [{"name": "t-releases", "suite": "bookworm", "shape": "vps", "group": "harvest_nginx"}],
        ids=["t-releases"],
        indirect=True,
        scope="module",
    ),
    pytest.mark.xdist_group("t-releases"),
]

SCHEMA_HEAD = max((REPO / "app/harvest/migrations/versions").glob("[0-9]*.py")).name[:4]


@pytest.fixture(scope="module")
def twin(lab_host: hosts.Host) -> Iterator[hosts.Host]:
    """A second host, for its files alone."""
    host = hosts.up("t-twin", suite="bookworm", group="harvest_nginx", fresh=True)
    yield host
    host.down()


@pytest.fixture(scope="module")
def deployed(lab_host: hosts.Host, twin: hosts.Host) -> hosts.Host:
    run = deploy(lab_host.name, twin.name)
    assert run.code == 0, run.said
    return lab_host


def records(host: hosts.Host) -> dict[str, Any]:
    found = [json.loads(path.read_text()) for path in (host.root / "opt/harvest/releases").glob("*.json")]
    return {record["id"]: record for record in found}


def live(host: hosts.Host) -> str:
    return host.exec("readlink /opt/harvest/harvest").stdout.split("/")[1]


def reader(host: hosts.Host) -> Callable[[requests.Session], requests.Response]:
    """Somebody who asks for the page, its frame and the API in turn, through nginx."""
    paths = ["", "_dash-layout", "api/choices", "api/ready"]

    def ask(session: requests.Session) -> requests.Response:
        paths.append(path := paths.pop(0))
        return session.get(f"http://{host.fqdn}/{path}", timeout=30)

    return ask


# Of each file: path, mode, owner, time and content. What is compiled, or marks the end of a build, has its own time.
LISTED = """
import hashlib, os, stat
for top in ("/opt/harvest/releases", "/opt/harvest/venvs"):
    for where, folders, names in os.walk(top):
        for name in folders + names:
            path = os.path.join(where, name)
            if where == top and name.endswith(".json"):
                continue
            found = os.lstat(path)
            content = os.readlink(path) if stat.S_ISLNK(found.st_mode) else ""
            if stat.S_ISREG(found.st_mode):
                content = hashlib.sha256(open(path, "rb").read()).hexdigest()
            timed = stat.S_ISREG(found.st_mode) and name != ".complete" and not name.endswith(".pyc")
            at = found.st_mtime_ns if timed else 0
            print(path, oct(found.st_mode), found.st_uid, found.st_gid, at, content)
"""


def test_the_same_release_is_the_same_on_every_host(deployed: hosts.Host, twin: hosts.Host) -> None:
    """Byte by byte: else two servers behind one balancer name the same file differently."""
    trees = []
    for host in (deployed, twin):
        (host.root / "root/listed.py").write_text(LISTED)
        trees.append(set(host.exec("python3 /root/listed.py").stdout.splitlines()))
    assert sorted(trees[0] ^ trees[1])[:10] == []
    assert len(trees[0]) > 1000


def test_a_rollout_that_fails_on_the_second_host_returns_the_first_and_is_resumed(
    deployed: hosts.Host, twin: hosts.Host, tmp_path: Path
) -> None:
    folder = checkout(tmp_path / "copy", {"harvest/clock.py": "# rolled out"})
    both, before = (deployed, twin), live(deployed)
    state = tmp_path / "state"
    twin.exec(
        "systemd-run -q --unit=sore --wait false || true"
    )  # the audit's quick part sees it, deploy.py does not
    limits = [word for host in both for word in ("--limit", host.name)]
    with visited(reader(deployed)) as failures:
        code, said = rollout(folder, state, "--canary", deployed.name, *limits, "-y")
        assert (code, [live(host) for host in both]) == (1, [before, before]), said
        assert f"1/2  {deployed.name}: deployed in" in said
        assert (
            f"2/2  {twin.name}: failed: harvest.failed-units: not so: no unit of the host has failed" in said
        )
        assert f"{deployed.name}  returned" in said
        left = next(each for each in records(deployed).values() if each["outcome"] == "bad")
        assert left["stage"] == "rollout"
        twin.exec("systemctl reset-failed sore")
        code, said = rollout(folder, state, "resume", *limits, "-y")
    assert failures == []
    assert (code, [live(host) for host in both]) == (0, [left["id"], left["id"]]), said
    assert records(deployed)[before]["outcome"] == "good"
    twin.down()
    run = deploy(deployed.name)
    assert (run.code, live(deployed)) == (0, before), run.said


@pytest.mark.parametrize("case", BROKEN)
def test_a_release_that_fails_its_check_is_refused_and_nobody_notices(
    case: str, deployed: hosts.Host, tmp_path: Path
) -> None:
    changes, words = BROKEN[case]
    folder, before = checkout(tmp_path / "copy", changes), live(deployed)
    started = deployed.exec(
        "systemctl show -p MainPID --value 'harvest-backend@5001' harvest-frontend"
    ).stdout
    with visited(reader(deployed)) as failures:
        run = deploy_from(folder, deployed.name)
    assert failures == []
    assert (run.code, live(deployed)) == (1, before), run.said
    assert "failed its check, so it was not switched to" in run.said
    assert words in run.said, run.said
    assert f"{before} serves on" in run.said
    assert (
        deployed.exec("systemctl show -p MainPID --value 'harvest-backend@5001' harvest-frontend").stdout
        == started
    )
    (bad,) = [
        each for each in records(deployed).values() if each["outcome"] == "bad" and each["stage"] == "gate"
    ][-1:]
    assert bad["previous"] == before
    left = deployed.exec("ls -d /opt/harvest/candidate /run/harvest-candidate 2>/dev/null || true")
    assert left.stdout == ""
    units = deployed.exec("systemctl list-units --all --plain --no-legend 'harvest-candidate@*'")
    assert units.stdout == ""
    deployed.exec("rm -f /var/lib/harvest/fill*")


def test_a_release_that_fails_only_once_it_is_live_is_left_again(
    deployed: hosts.Host, tmp_path: Path
) -> None:
    folder, before = checkout(tmp_path / "copy", ONLY_LIVE), live(deployed)
    with visited(reader(deployed)) as failures:
        run = deploy_from(folder, deployed.name)
    assert failures == []
    assert (run.code, live(deployed)) == (1, before), run.said
    for words in ("failed after the switch", "| only live", f"returned to {before}, which answers"):
        assert words in run.said, run.said
    again = deploy_from(folder, deployed.name)
    assert again.code == 1
    assert "was live and is marked bad" in again.said
    assert again.changed == []
    run = deploy(deployed.name)
    assert run.changed == [], run.said


def test_a_good_release_is_switched_to_recorded_and_the_next_run_changes_nothing(
    deployed: hosts.Host, tmp_path: Path
) -> None:
    folder, before = checkout(tmp_path / "copy", {"harvest/clock.py": "# another release"}), live(deployed)
    with visited(reader(deployed)) as failures:
        run = deploy_from(folder, deployed.name)
    assert (run.code, failures) == (0, []), run.said
    record = records(deployed)[live(deployed)]
    assert (record["outcome"], record["previous"], record["origin"]["kind"]) == ("live", before, "embedded")
    assert record["by"]
    assert records(deployed)[before]["outcome"] == "good"
    assert deploy_from(folder, deployed.name).changed == []


def test_a_switch_that_is_killed_is_finished_by_the_next_run(deployed: hosts.Host, tmp_path: Path) -> None:
    said: list[Run] = []
    with visited(reader(deployed)) as failures:
        for number, moment in enumerate(MOMENTS.values()):
            folder = checkout(tmp_path / "copy", {"harvest/clock.py": f"# killed {number}"})
            (deployed.root / "root/kill.py").write_text(KILL.replace("{moment}", moment))
            deployed.exec("systemd-run -q --collect --unit=killer python3 /root/kill.py")
            run = deploy_from(folder, deployed.name)
            assert run.code == 1, run.said
            deployed.exec("systemctl stop killer 2>/dev/null || true")
            healed = deploy_from(folder, deployed.name)
            said.append(healed)
            assert healed.code == 0, healed.said
            assert records(deployed)[live(deployed)]["outcome"] == "live"
            assert deploy_from(folder, deployed.name).changed == []
    assert failures == []
    assert len(deployed.exec("ls -d /opt/harvest/releases/*/").stdout.split()) == 5, "keep_releases"
    left = deployed.exec("ls -d /opt/harvest/candidate /run/harvest-candidate 2>/dev/null || true")
    assert left.stdout == ""


def test_one_command_goes_back_and_the_release_that_was_left_stays_away(
    deployed: hosts.Host, tmp_path: Path
) -> None:
    folder, before = checkout(tmp_path / "copy", {"harvest/clock.py": "# to be left"}), live(deployed)
    assert deploy_from(folder, deployed.name).code == 0
    left = live(deployed)
    with visited(reader(deployed)) as failures:
        run = deploy(deployed.name, file="operate/rollback.py")
    assert (run.code, live(deployed), failures) == (0, before, []), run.said
    again = deploy_from(folder, deployed.name)
    assert (again.code, again.changed, live(deployed)) == (1, [], before)
    assert "rolled back by" in again.said
    shown = deploy(deployed.name, file="operate/releases.py")
    assert (shown.code, shown.changed) == (0, [])
    assert f"harvest {before} live" in shown.said
    assert f"harvest {left} bad" in shown.said
    named = deploy(deployed.name, file="operate/rollback.py", options=("--data", f"release={left}"))
    assert (named.code, live(deployed)) == (0, left), named.said
    assert records(deployed)[before]["outcome"] == "good"
    none = deploy(deployed.name, file="operate/rollback.py", options=("--data", "release=nosuch"))
    assert (none.code, live(deployed)) == (1, left)
    assert "there is no release nosuch on this host" in none.said


def migrated(**files: str) -> dict[str, str]:
    """A release with migrations on top of ours: number_name=lines."""
    found, after = {}, SCHEMA_HEAD
    for name, lines in files.items():
        number = name.strip("_").partition("_")[0]
        lines = f'revision = "{number}"\ndown_revision = "{after}"\n{lines}\ndef upgrade():\n    pass'
        found[f"harvest/migrations/versions/{number}_more.py"], after = lines, number
    return {**found, "harvest/tables.py": f'SCHEMA_HEAD = "{after}"'}


def test_going_back_over_a_migration_keeps_what_was_saved_or_asks(
    deployed: hosts.Host, tmp_path: Path
) -> None:
    def rollback(*options: str) -> Run:
        return deploy(deployed.name, file="operate/rollback.py", options=options)

    before = live(deployed)
    with visited(reader(deployed)) as failures:
        adds = checkout(tmp_path / "adds", migrated(_9001="FORMER_CODE_RUNS = True"))
        assert deploy_from(adds, deployed.name).code == 0
        run = rollback()
        assert (run.code, live(deployed)) == (0, before), run.said
        # As at a reboot: the former code finds the later schema, and nothing to do.
        deployed.exec("systemctl restart harvest-migrate harvest-backend@5001")
        both = checkout(tmp_path / "both", migrated(_9001="FORMER_CODE_RUNS = True", _9002=""))
        run = deploy_from(both, deployed.name)
        assert run.code == 0, run.said
        latest = live(deployed)
        run = rollback()
        assert (run.code, live(deployed)) == (1, latest), run.said
        assert "whose schema (9002) a later release made. Nothing was changed" in run.said
        run = rollback("--data", "restore=yes")
        assert (run.code, live(deployed)) == (0, before), run.said
    assert failures == []
    kept = {each["id"] + ".db" for each in records(deployed).values() if each.get("backup")}
    assert set(deployed.exec("ls /var/backups/harvest").stdout.split()) == {
        *kept,
        f"{before}-before-restore.db",
    }
    assert deploy(deployed.name).code == 0


def operate(host: hosts.Host, page: str, *words: str) -> Run:
    """A page of operate/ as typed: no -y, and no terminal to ask."""
    data = [word for each in words for word in ("--data", each)]
    code, said = typed(host.name, *data, file=f"operate/{page}.py", answer=None)
    return Run(code, [], said, said)


def test_status_says_whether_all_is_well_and_asks_nothing(deployed: hosts.Host) -> None:
    well = operate(deployed, "status")
    assert well.code == 0, well.said
    for words in ("all is well", f"http://{deployed.fqdn}/", live(deployed), "5 of 5 run"):
        assert words in well.said
    assert not (deployed.root / "run/harvest-lock/holder").exists(), "who looks locks nothing"
    deployed.exec(
        "systemctl mask -q --runtime --now harvest-backend@5001.socket harvest-backend@5001.service"
    )
    ill = operate(deployed, "status")
    deployed.exec("systemctl unmask -q --runtime harvest-backend@5001.socket harvest-backend@5001.service")
    deployed.exec("systemctl start harvest-backend@5001.socket harvest-backend@5001.service")
    assert ill.code == 1
    assert "harvest-backend@5001.service is inactive" in ill.said
    assert "http://127.0.0.1:5001/api/ready answered nothing" in ill.said


def test_restart_loses_no_request(deployed: hosts.Host) -> None:
    pids = "systemctl show -p MainPID --value 'harvest-backend@5001' harvest-frontend"
    before = deployed.exec(pids).stdout
    with visited(reader(deployed)) as failures:
        run = deploy(deployed.name, file="operate/restart.py")
    assert (run.code, failures) == (0, []), run.said
    assert not {*before.split()} & {*deployed.exec(pids).stdout.split()}
    unasked = operate(deployed, "restart")
    assert (unasked.code, "add -y" in unasked.said) == (1, True)


def test_accounts_are_listed_made_and_given_passwords(deployed: hosts.Host) -> None:
    made = deploy(deployed.name, file="operate/user.py", options=("--data", "add=bob@example.org"))
    assert made.code == 0, made.said
    found = re.search(r"the password of bob@example.org is now: (\S+)", made.said)
    assert found
    answer = requests.post(
        f"http://{deployed.fqdn}/api/login",
        json={"email": "bob@example.org", "password": found[1]},
        timeout=30,
    )
    assert answer.status_code == 200
    assert found[1] not in deployed.exec("journalctl -o cat --no-pager; ps -ewwo args").stdout
    twice = deploy(deployed.name, file="operate/user.py", options=("--data", "add=bob@example.org"))
    assert (twice.code, "There is an account for bob@example.org already" in twice.said) == (1, True)
    listed = operate(deployed, "user", "list=yes")
    assert listed.code == 0, listed.said
    assert "bob@example.org  -  annotator" in listed.said


def test_logs_are_shown_and_wrong_words_get_the_right_ones(deployed: hosts.Host) -> None:
    shown = operate(deployed, "logs", "unit=backend", "lines=2")
    assert shown.code == 0, shown.said
    assert "Booting worker" in shown.said, shown.said
    wrong = operate(deployed, "logs", "level=loud")
    assert (wrong.code, "must be one of emerg" in wrong.said) == (1, True)


def test_an_upgrade_of_a_library_does_not_cut_users_of_nginx_off(deployed: hosts.Host) -> None:
    """needrestart calls this; systemctl restart shuts the ports for 5 s where somebody uploads."""
    before = deployed.exec("cat /run/nginx.pid").stdout
    with Traffic(deployed, f"http://{deployed.fqdn}") as users:
        time.sleep(2)
        deployed.exec("/etc/needrestart/restart.d/nginx.service")
        assert deployed.exec("cat /run/nginx.pid").stdout != before
    assert (users.errors, users.missing) == ([], [])
    assert users.answered["upload"] >= 2
    assert (
        deployed.exec("systemctl show -P MainPID nginx").stdout == deployed.exec("cat /run/nginx.pid").stdout
    )


def test_a_run_that_is_killed_at_an_operation_is_finished_by_the_next_one(
    deployed: hosts.Host, tmp_path: Path
) -> None:
    """At a sample of the operations; with EVERY_OPERATION, at each (`make rehearse`)."""
    first = checkout(tmp_path / "first", {"harvest/clock.py": "# rehearsal"})
    chosen: Sequence[str] = rehearsal.SAMPLE
    if os.environ.get("EVERY_OPERATION"):
        chosen = rehearsal.operations(first, deployed.name)
    with Traffic(deployed, f"http://{deployed.fqdn}") as users:
        for number, operation in enumerate(chosen):
            folder = checkout(tmp_path / "copy", {"harvest/clock.py": f"# rehearsal {number}"})
            assert rehearsal.killed_at(folder, deployed.name, operation), operation
            healed = deploy_from(folder, deployed.name)
            assert healed.code == 0, (operation, healed.said)
            assert records(deployed)[live(deployed)]["outcome"] == "live"
            assert users.errors == [], (operation, users.errors)
        assert deploy_from(folder, deployed.name).changed == []
    assert (users.errors, users.missing) == ([], [])
    assert len(users.saved) > 10


def test_a_disk_that_fills_up_while_a_release_is_unpacked_leaves_the_former_one_live(
    deployed: hosts.Host, tmp_path: Path
) -> None:
    folder, before = checkout(tmp_path / "copy", {"harvest/clock.py": "# too large"}), live(deployed)
    planned, _ = rehearsal.process(folder, deployed.name, "--dry").communicate(timeout=120)
    (wanted,) = re.findall(r"check release (\w+) next to", planned)
    place = f"/opt/harvest/releases/{wanted}"
    deployed.exec(f"mkdir {place}; mount -t tmpfs -o size=200k tmpfs {place}")
    run = deploy_from(folder, deployed.name)
    assert (run.code, live(deployed)) == (1, before), run.said
    assert "No space left on device" in run.said
    assert requests.get(f"http://{deployed.fqdn}/api/ready", timeout=20).json()["ok"]
    deployed.exec(f"umount {place}")
    run = deploy_from(folder, deployed.name)
    assert (run.code, live(deployed)) == (0, wanted), run.said
