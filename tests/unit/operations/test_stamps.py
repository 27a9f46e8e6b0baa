"""What counts as changed since it was read: by equality where a stamp says so, whatever the clock did since."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from provision.engine.state import Entry
from provision.operations import clock, run_when_newer, stamps, systemd
from provision.operations.run_when_newer import Script
from provision.operations.tls import certificates
from tests.unit.states import state, text

NOW = {"now": 1_000_000.0}
BEFORE_THE_CLOCK_WENT_BACK = 60_000_000.0
WANT = Script("x", "do it", ("/etc/x",))
UNIT = systemd.Unit("a.service", ("/etc/a",))


def file(changed: float) -> Entry:
    return Entry(kind="file", changed=changed)


def applied(changed: float, stamp: float, noted: str = "") -> bool:
    """Whether the command is due."""
    files = {WANT.path: file(stamp), "/etc/x": file(changed)}
    notes = {WANT.path: noted}
    return bool(text(run_when_newer.changes(state(files=files, notes=notes, system=NOW), WANT)))


def stale(changed: float, **unit: Any) -> bool:
    loaded = {"load": "loaded", "active": "active", "enabled": "enabled", "needs_daemon_reload": False}
    units = {"a.service": {**loaded, "started": 1000.0, "stamped": 0.0, **unit}}
    return systemd.is_stale(state(files={"/etc/a": file(changed)}, units=units, system=NOW), UNIT)


def test_a_stamp_notes_the_times_that_the_look_reads(tmp_path: Path) -> None:
    there, stamp = tmp_path / "with blanks", tmp_path / "stamp"
    there.touch()
    line = stamps.write((str(there), "/nowhere"), str(stamp))
    subprocess.run(["sh", "-euc", line], check=True)
    noted = stamps.read(stamp.read_text())
    assert list(noted) == [str(there)]
    assert stamps.same(file(there.stat().st_ctime), noted[str(there)])
    there.chmod(0o600)
    assert not stamps.same(file(there.stat().st_ctime), noted[str(there)])
    assert stamps.same(Entry(kind="absent"), noted.get("/nowhere"))


def test_something_is_applied_once_and_again_when_its_file_changed() -> None:
    (command,) = text(run_when_newer.changes(state(), WANT))
    assert "\ndo it\nmv -f /var/lib/harvest-provision/x.new /var/lib/harvest-provision/x" in command
    assert not applied(4.0, 5.0, "4.000000000 /etc/x\n")
    assert applied(4.5, 5.0, "4.000000000 /etc/x\n"), "whatever the stamp's own time is"
    assert applied(0.0, 5.0, "4.000000000 /etc/x\n"), "it was removed"


def test_a_clock_that_was_set_back_neither_hides_a_change_nor_repeats_one() -> None:
    late = BEFORE_THE_CLOCK_WENT_BACK
    assert not applied(late, late + 1, f"{late:.9f} /etc/x\n")
    assert applied(999_000.0, late + 1, f"{late:.9f} /etc/x\n")
    assert not stale(late, stamped=late + 1, noted=f"{late:.9f} /etc/a\n")
    assert stale(999_000.0, stamped=late + 1, noted=f"{late:.9f} /etc/a\n")
    assert stale(late), "once, where no stamp says whether it was read; the restart writes one"


def test_stamps_without_times_go_by_order_unless_they_lie_in_the_future() -> None:
    assert not applied(4.0, 5.0)
    assert applied(6.0, 5.0)
    assert applied(999_000.0, BEFORE_THE_CLOCK_WENT_BACK)
    assert not stale(2000.0, stamped=3000.0)
    assert stale(4000.0, stamped=3000.0)
    assert stale(999_000.0, stamped=BEFORE_THE_CLOCK_WENT_BACK)


def test_a_start_by_another_after_the_change_has_read_it() -> None:
    assert not stale(900.0, noted="800.000000000 /etc/a\n")


def test_a_self_signed_certificate_from_the_future_is_made_again() -> None:
    want = certificates.SelfSigned("/etc/x", ("a.example",))
    year, path = 365 * 86400.0, "/etc/x/cert.pem"
    good = state(certificates={path: {"names": ["a.example"], "left": year - 5, "life": year}})
    assert not text(certificates.changes(good, want))
    early = state(certificates={path: {"names": ["a.example"], "left": 2 * year, "life": year}})
    assert len(text(certificates.changes(early, want))) == 1


@pytest.mark.parametrize(
    ("ahead", "words"),
    [
        (299, ""),
        (-301, "5 minutes behind"),
        (7200, "2 hours ahead of"),
        (-2 * 365 * 86400, "730 days behind"),
    ],
)
def test_a_clock_that_is_more_than_five_minutes_off_is_named(ahead: float, words: str) -> None:
    said = list(clock.remarks(state(system={"now": 1e9, "ahead_s": ahead}), clock.Clock()))
    assert [words in sentence for sentence in said] == ([True] if words else [])
