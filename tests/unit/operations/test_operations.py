"""The pure halves: what is there and what is wanted in, exact commands out."""

import base64
import hashlib
import io
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

from provision.engine.operation import script
from provision.engine.state import Entry
from provision.operations import apt, apt_locks, files, supported_os, systemd
from provision.operations.app import release
from tests.unit.states import state, text

FILE = files.File("/etc/x/a.conf", "hello\n", 0o640, "root", "harvest")
THERE = Entry(
    kind="file", mode=0o640, owner="root", group="harvest", sha256=hashlib.sha256(b"hello\n").hexdigest()
)


def test_a_script_stops_at_its_first_error_and_survives_quotes() -> None:
    (command,) = text([script("false; echo 'not reached'")])
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")


def test_what_a_script_gets_on_its_input_is_not_on_its_command_line() -> None:
    command = script("base64 -d", b"hunter2")
    assert "hunter2" not in command.get_raw_value()
    assert base64.b64encode(b"hunter2").decode() not in command.get_raw_value()
    assert base64.b64decode(command.connector_arguments["_stdin"]) == b"hunter2"


def test_a_file_that_is_right_is_left_alone() -> None:
    assert not text(files.changes(state(files={FILE.path: THERE}), files.Files((FILE,))))


@pytest.mark.parametrize(
    "difference", [{"mode": 0o644}, {"owner": "nobody"}, {"group": "root"}, {"sha256": "0"}, {"kind": "link"}]
)
def test_a_file_that_differs_in_anything_is_put_again(difference: dict[str, Any]) -> None:
    found = THERE.model_copy(update=difference)
    assert len(text(files.changes(state(files={FILE.path: found}), files.Files((FILE,))))) == 1


def test_a_file_is_staged_then_renamed_in_place() -> None:
    assert files.put_line(FILE, "") == (
        'mkdir -p /etc/x; cp -a "$stage"/etc/x/a.conf /etc/x/.a.conf.new; mv -fT /etc/x/.a.conf.new /etc/x/a.conf'
    )


def test_files_travel_with_their_owners_and_modes() -> None:
    with tarfile.open(fileobj=io.BytesIO(files.archive([FILE]))) as tar:
        info = tar.getmember("etc/x/a.conf")
        assert (info.mode, info.uname, info.gname) == (0o640, "root", "harvest")


def test_only_what_differs_is_sent() -> None:
    other = files.File("/etc/x/b.conf", "b")
    (command,) = files.changes(state(files={FILE.path: THERE}), files.Files((FILE, other)))
    sent = base64.b64decode(command.connector_arguments["_stdin"])  # type: ignore[union-attr]
    with tarfile.open(fileobj=io.BytesIO(sent)) as tar:
        assert tar.getnames() == ["etc/x/b.conf"]


def test_packages_that_are_there_cost_nothing() -> None:
    want = apt.Packages(("ufw", "nginx"))
    found: dict[str, list[str]] = {apt.OURS: []}
    assert not text(apt.changes(state(packages={"ufw": "1", "nginx": "1"}, found=found), want))
    (command,) = text(apt.changes(state(packages={"ufw": "1"}, found=found), want))
    assert "install --no-install-recommends nginx >&2" in command


def test_the_policy_of_a_run_that_was_cut_off_is_removed_and_named() -> None:
    have = state(packages={"ufw": "1"}, found={apt.OURS: [apt.POLICY]})
    (command,) = text(apt.changes(have, apt.Packages(("ufw",))))
    assert f"rm -f {apt.POLICY}" in command
    (sentence,) = apt.remarks(have, apt.Packages(("ufw",)))
    assert sentence.startswith(f"removing {apt.POLICY}")


def unit(**known: Any) -> dict[str, Any]:
    good = {"load": "loaded", "active": "active", "enabled": "enabled", "needs_daemon_reload": False}
    return {**good, "started": 100.0, "stamped": 0.0, **known}


WANT = systemd.Units((systemd.Unit("a.service", ("/etc/a",)),), stopped=("b.service",))
GONE = {"b.service": unit(load="not-found", active="inactive", enabled="")}


def test_a_unit_that_runs_what_is_on_disk_is_left_alone() -> None:
    found = state(
        units={"a.service": unit(), **GONE}, files={"/etc/a": THERE.model_copy(update={"changed": 99.0})}
    )
    assert not text(systemd.changes(found, WANT))


def test_a_unit_older_than_its_file_is_restarted_on_any_later_run() -> None:
    found = state(
        units={"a.service": unit(), **GONE}, files={"/etc/a": THERE.model_copy(update={"changed": 101.0})}
    )
    (command,) = text(systemd.changes(found, WANT))
    assert "systemctl restart a.service" in command


def test_a_reload_that_we_did_counts() -> None:
    found = state(
        units={"a.service": unit(stamped=102.0), **GONE},
        files={"/etc/a": THERE.model_copy(update={"changed": 101.0})},
    )
    assert not text(systemd.changes(found, WANT))


def test_a_unit_that_must_not_run_is_stopped() -> None:
    found = state(units={"a.service": unit(), "b.service": unit()})
    (command,) = text(systemd.changes(found, WANT))
    assert "systemctl disable --now --quiet b.service" in command


def test_a_mask_is_taken_away_wherever_it_lies_and_nothing_else_is_done_to_what_others_start() -> None:
    want = systemd.Units((), startable=("a.service",))
    masked = state(units={"a.service": unit(load="masked", active="inactive", enabled="masked-runtime")})
    (command,) = text(systemd.changes(masked, want))
    for folder in ("", "--runtime "):
        assert f"systemctl unmask {folder}--quiet a.service" in command
    assert "start" not in command
    assert list(systemd.remarks(masked, want)) == ["unmasking a.service"]
    idle = state(units={"a.service": unit(active="inactive", enabled="static")})
    assert not text(systemd.changes(idle, want))


@pytest.mark.parametrize(
    ("system", "why"),
    [
        (
            {"version": "11", "pretty": "Debian GNU/Linux 11 (bullseye)"},
            "runs Debian GNU/Linux 11 (bullseye); supported",
        ),
        ({"os": "ubuntu", "version": "20.04"}, "supported are Ubuntu 22.04"),
        ({"os": "fedora"}, "supported are Ubuntu 22.04"),
        ({"systemd": False}, "without systemd"),
        ({"python": "3.9"}, "python3 is 3.9 here"),
    ],
)
def test_an_unsupported_host_is_refused_by_name(system: dict[str, Any], why: str) -> None:
    assert why in supported_os.refusal(state(system=system).system)


@pytest.mark.parametrize(("name", "version"), [("debian", "12"), ("debian", "13"), ("ubuntu", "24.04")])
def test_a_supported_host_is_taken(name: str, version: str) -> None:
    assert supported_os.refusal(state(system={"os": name, "version": version}).system) == ""


def test_nobody_is_waited_for_when_nothing_is_to_be_installed() -> None:
    assert not list(apt_locks.changes(state(packages={"ufw": "1"}), apt_locks.Free(("ufw",))))
    assert list(apt_locks.changes(state(), apt_locks.Free(("ufw",))))


def test_no_release_is_begun_without_room_for_it() -> None:
    from provision.operations.app.artifact import pack

    want = release.Release("/opt/harvest", pack(Path(__file__).parent), "flask==1\n")
    (command,) = text(release.space_changes(state(system={"free_mb": 10}), want))
    assert "only 10 MiB are free" in command
    assert "exit 1" in command


def test_what_was_edited_by_hand_is_built_anew_and_what_changed_hands_is_taken_back() -> None:
    from provision.operations.app.artifact import pack

    want = release.Release("/opt/h", pack(Path(__file__).parent), "flask==1\n", shared="/opt/h")
    venv = want.venv("3.11")
    links = {
        path: THERE.model_copy(update={"kind": "link", "target": target})
        for path, target in {
            f"{want.folder}/venv": f"../../venvs/{venv.rsplit('/', 1)[1]}",
            "/opt/h/harvest": "releases/another/harvest",
            "/opt/h/venv": "releases/another/venv",
        }.items()
    }
    there = {want.marker: THERE, f"{venv}/.complete": THERE, **links}
    assert not [
        *release.prebuild_changes(state(files=there), want),
        *release.changes(state(files=there), want),
    ]
    edited = state(files=there, edited={want.marker: ["/a"], f"{venv}/.complete": ["/b"]})
    said, built = release.prebuild_changes(edited, want)
    assert said.args == ("edited by hand, rebuilding: /b",)  # type: ignore[union-attr]
    assert f"rm -f {venv}/.complete; systemd-run" in text([built])[0]
    assert len(list(release.changes(edited, want))) == 3
    said, put_right = release.ownership_changes(state(files=there, foreign={"/opt/h": ["/c"]}), want)
    assert said.args == ("owner or mode changed by hand, restoring: /c",)  # type: ignore[union-attr]
    assert "chown -h root:root" in text([put_right])[0]


def test_another_python_or_lock_is_another_environment() -> None:
    from provision.operations.app.artifact import pack

    source = pack(Path(__file__).parent)
    one, two = release.Release("/o", source, "flask==1\n"), release.Release("/o", source, "flask==2\n")
    assert len({one.venv("3.11"), one.venv("3.13"), two.venv("3.11")}) == 3


def test_the_same_folder_gives_the_same_archive(tmp_path: Path) -> None:
    from provision.operations.app.artifact import pack

    for name in ("one", "two"):
        (tmp_path / name / "sub" / "__pycache__").mkdir(parents=True)
        (tmp_path / name / "sub" / "a.py").write_text("x = 1\n")
    (tmp_path / "two/sub/__pycache__/a.pyc").write_text("junk")
    assert pack(tmp_path / "one") == pack(tmp_path / "two")


CLOCK = systemd.Units((systemd.Unit("x.service"),), one_of=(("timesyncd.service", "chrony.service"),))


def stopped(**known: Any) -> dict[str, Any]:
    return unit(active="inactive", started=0.0, **known)


def test_what_is_enabled_and_was_never_started_is_started() -> None:
    none = unit(load="not-found", active="inactive", enabled="")
    for there, gone in (("timesyncd", "chrony"), ("chrony", "timesyncd")):
        units = {"x.service": stopped(), f"{there}.service": stopped(), f"{gone}.service": none}
        commands = text(systemd.changes(state(units=units), CLOCK))
        assert [f"systemctl start {name}.service " in " ".join(commands) for name in ("x", there, gone)] == [
            True,
            True,
            False,
        ]
        assert list(systemd.remarks(state(units=units), CLOCK)) == [
            "starting x.service, which does not run",
            f"starting {there}.service, which does not run",
        ]


def test_of_two_clocks_the_one_that_runs_stays_the_one() -> None:
    units = {"x.service": unit(), "timesyncd.service": stopped(enabled="disabled"), "chrony.service": unit()}
    assert not text(systemd.changes(state(units=units), CLOCK))


def test_a_unit_whose_condition_was_not_met_is_no_change_on_each_run() -> None:
    units = {"x.service": stopped(skipped=True), "timesyncd.service": stopped(skipped=True)}
    units["chrony.service"] = unit(load="not-found", active="inactive", enabled="")
    assert not text(systemd.changes(state(units=units), CLOCK))
    assert not list(systemd.remarks(state(units=units), CLOCK))
