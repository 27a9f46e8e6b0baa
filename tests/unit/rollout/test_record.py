from pathlib import Path

import pytest

from provision.rollout.record import Busy, HostRecord, Record, folder_of, locked, read, write


def record() -> Record:
    hosts = {"a": HostRecord(stage="done"), "b": HostRecord(stage="failed"), "c": HostRecord()}
    return Record(
        inventory="inv.py",
        began="2026-11-26 12:00 UTC",
        gate="harvest",
        batches=[["b"], ["a", "c"]],
        hosts=hosts,
    )


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    assert read(tmp_path) is None
    write(tmp_path, record())
    assert read(tmp_path) == record()
    assert [file.name for file in tmp_path.iterdir()] == ["record.json"]


def test_half_a_record_is_none(tmp_path: Path) -> None:
    (tmp_path / "record.json").write_text('{"inventory":')
    assert read(tmp_path) is None


def test_touched_hosts_come_in_the_order_of_the_rollout() -> None:
    assert record().touched == ["b", "a"]


def test_a_folder_is_the_users_and_one_inventorys(tmp_path: Path) -> None:
    found = [folder_of(tmp_path / name / "prod.py", {"XDG_STATE_HOME": "/s"}) for name in ("x", "y")]
    assert {str(folder.parent) for folder in found} == {"/s/harvest-provision/rollouts"}
    assert found[0] != found[1]
    assert all(folder.name.startswith("prod-") for folder in found)
    assert str(folder_of(tmp_path, {})).startswith(str(Path.home() / ".local/state/"))


def test_one_process_at_a_time(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    with locked(folder):
        assert folder.stat().st_mode & 0o777 == 0o700
        with pytest.raises(Busy), locked(folder):
            pass
    with locked(folder):
        pass
