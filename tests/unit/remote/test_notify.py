"""What is found on a host, when it is reported, and that nothing stops the report."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from provision.remote import notify, notify_findings, readings
from provision.remote.notify_findings import (
    IGNORED,
    Finding,
    backups,
    certificates,
    disks,
    mounted,
    reboots,
    units,
)
from provision.remote.notify_repeats import AGAIN_S, State, compare

DAY = 86400.0
NOW = 1_800_000_000.0
FULL = Finding("space /", "/ is almost full", "du", NOW)


def told(messages: "list[dict[str, Any]]") -> list[str]:
    return [each["what"] for each in messages]


def test_a_finding_is_reported_once_a_day_and_resolved_once() -> None:
    state: State = {}
    said = []
    for hour in range(26):
        state, messages = compare("web1", state, [FULL], NOW + hour * 3600)
        said += [(hour, what) for what in told(messages)]
    assert said == [(0, "/ is almost full"), (24, "/ is almost full")]
    state, messages = compare("web1", state, [], NOW + 26 * 3600)
    assert told(messages) == ["resolved: / is almost full"]
    assert messages[0]["resolved"]
    assert messages[0]["since"] == "2027-01-15 08:00 UTC", "since it began"
    assert compare("web1", state, [], NOW + 27 * 3600) == ({}, [])


def test_a_clock_that_was_set_back_silences_nothing() -> None:
    state, _ = compare("web1", {}, [FULL], NOW)
    assert told(compare("web1", state, [FULL], NOW - DAY)[1]) == ["/ is almost full"]
    assert told(compare("web1", state, [FULL], NOW + AGAIN_S - 1)[1]) == []


class Disk:
    """What statvfs says of a disk of 100 GiB."""

    f_blocks, f_frsize, f_files = 100 * 2**30 // 4096, 4096, 1000

    def __init__(self, free: float, inodes: float = 1.0) -> None:
        self.f_bavail, self.f_favail = int(self.f_blocks * free), int(self.f_files * inodes)


@pytest.mark.parametrize(
    ("disk", "known", "keys"),
    [
        (Disk(0.2), set(), []),
        (Disk(0.05), set(), ["space /"]),
        (Disk(0.5, 0.05), set(), ["inodes /"]),
        (Disk(0.11), set(), []),
        (Disk(0.11), {"space /"}, ["space /"]),
        (Disk(0.13), {"space /"}, []),
    ],
)
def test_a_full_disk_is_found_once_and_does_not_flicker(
    disk: Disk, known: set[str], keys: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "statvfs", lambda path: disk)
    assert [each.key for each in disks(["/", "/", "/nowhere"], known, NOW)] == keys


def test_disks_that_hold_data_are_watched() -> None:
    mounts = (
        "overlay / overlay rw\n/dev/a /data\\040x ext4 rw\ntmpfs /run tmpfs rw\n/dev/l /snap squashfs ro\n"
    )
    assert mounted(mounts) == ["/", "/data x"]


@pytest.mark.parametrize(
    ("life", "left", "what"),
    [
        (90, 20, "expires in 20 days"),
        (90, 25, None),
        (6, 2, None),
        (6, 1, "expires in 1 days"),
        (90, -3, "expired 3 days ago"),
    ],
)
def test_a_certificate_that_was_not_renewed_is_found(
    life: int, left: int, what: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {"left": left * DAY, "life": life * DAY}
    monkeypatch.setattr(notify_findings, "certificate", lambda path: found)
    assert [each.what for each in certificates(["/c.pem"], NOW)] == (
        [f"the certificate /c.pem {what}"] if what else []
    )


def test_a_certificate_that_is_not_there_yet_is_no_finding(tmp_path: Path) -> None:
    assert list(certificates([str(tmp_path / "none.pem")], NOW)) == []


@pytest.fixture
def backup_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    unit = tmp_path / "harvest-backup@.service"
    unit.touch()
    os.utime(unit, (NOW, NOW))
    monkeypatch.setattr(readings, "BACKUP_UNIT", str(unit))
    monkeypatch.setattr(readings, "BACKUPS", str(tmp_path))
    (tmp_path / "harvest").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("record", "age", "found"),
    [
        (None, 1, []),
        (None, 9, ["harvest had no backup yet", "harvest had no drill yet"]),
        ("good", 1, []),
        ("good", 3, ["the last backup of harvest is too old"]),
        ("failed", 1, ["the last backup of harvest failed"]),
    ],
)
def test_a_backup_that_fails_or_is_too_old_is_found(
    record: str | None, age: int, found: list[str], backup_folder: Path
) -> None:
    if record:
        note = {"at": "2027-01-15T08:00:00Z", "outcome": record}
        (backup_folder / "harvest/last.json").write_text(json.dumps(note))
    said = [each.what for each in backups(["harvest"], NOW + age * DAY)]
    assert [each for each in said if "drill" not in each or age > 8] == found


def test_without_backups_nothing_is_said_of_them(backup_folder: Path) -> None:
    (backup_folder / "harvest-backup@.service").unlink()
    assert list(backups(["harvest"], NOW + 99 * DAY)) == []


def test_a_reboot_that_did_not_come_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "reboot-required"
    monkeypatch.setattr(readings, "REBOOT", str(file))
    assert list(reboots(NOW)) == []
    file.touch()
    os.utime(file, (NOW - DAY, NOW - DAY))
    assert list(reboots(NOW)) == [], "the night is yet to come"
    assert [each.since for each in reboots(NOW + DAY)] == [NOW - DAY]


def systemd(failed: str) -> Any:
    def output(*command: str, check: bool = False) -> str:
        if command[1] == "list-units":
            assert check, "an error must not look like none failed"
            return "".join(f"{name} loaded failed failed x\n" for name in failed.split())
        return "Result=exit-code\nStateChangeTimestampMonotonic=0\n"

    return output


def test_failed_units_are_found_and_the_one_that_runs_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notify_findings, "last_lines", lambda unit: [f"log of {unit}"])
    monkeypatch.setattr(
        notify_findings, "output", systemd("a.service harvest-notify-send.service run-u7.service")
    )
    found = list(units("b.service", NOW))
    assert [each.what for each in found] == ["a.service failed (exit-code)", "b.service failed (exit-code)"]
    assert found[0].log == ("log of a.service",)
    assert found[0].command == "systemctl status 'a.service'; journalctl -u 'a.service' -e"
    assert [each.key for each in units("hourly", NOW)] == ["unit a.service"]


@pytest.mark.parametrize(
    ("unit", "ignored"),
    [
        ("harvest-notify@nginx.service.service", True),
        ("harvest-notify-send.service", True),
        ("harvest-x-candidate@frontend.service", True),
        ("harvest-standby@backend@5001.service", True),
        ("harvest-backend@5001.service", False),
        ("nginx.service", False),
    ],
)
def test_what_reports_and_what_a_deploy_reports_is_ignored(unit: str, ignored: bool) -> None:
    assert bool(IGNORED.fullmatch(unit)) == ignored


class Host:
    """notify.py with its files in a folder, and a receiver that takes messages or not."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.takes = folder, True
        self.sent: list[str] = []
        self.found: list[Finding] = []
        (folder / "host.json").write_text('{"name": "web1", "instances": [], "certificates": []}')
        monkeypatch.setattr(notify, "NOTIFY_ETC", str(folder))
        monkeypatch.setattr(notify, "NOTIFY_MESSAGES", str(folder / "messages.json"))
        monkeypatch.setattr(notify, "STATE", str(folder / "state.json"))
        monkeypatch.setattr(notify, "look", lambda host, subject, known: self.found)
        monkeypatch.setattr(notify.subprocess, "run", self.start)

    def start(self, command: list[str], **more: Any) -> Any:
        assert command == ["systemctl", "start", "harvest-notify-send.service"]
        messages = self.folder / "messages.json"
        assert messages.stat().st_mode & 0o777 == 0o600
        if self.takes:
            self.sent += told(json.loads(messages.read_text()))
        return type("Done", (), {"returncode": 0 if self.takes else 1})


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    return Host(tmp_path, monkeypatch)


def test_what_was_not_delivered_is_sent_by_the_next_run(host: Host) -> None:
    host.found, host.takes = [FULL], False
    assert notify.run("hourly") == 0, "a dead receiver is no failure of the host's"
    assert host.sent == []
    host.takes = True
    notify.run("hourly")
    notify.run("hourly")
    assert host.sent == ["/ is almost full"]


@pytest.mark.parametrize("state", ["", "{cut", None])
def test_a_state_that_cannot_be_read_or_written_stops_no_message(
    host: Host, state: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.found = [FULL]
    if state is None:
        monkeypatch.setattr(notify, "STATE", str(host.folder / "missing/state.json"))
    else:
        (host.folder / "state.json").write_text(state)
    assert notify.run("hourly") == 0
    assert host.sent == ["/ is almost full"]


def test_a_test_fails_where_it_is_not_delivered_and_changes_no_state(host: Host) -> None:
    host.found = [FULL]
    assert notify.run("test") == 0
    assert host.sent == ["test message: notifications work"]
    assert not (host.folder / "state.json").exists()
    host.takes = False
    assert notify.run("test") == 1
