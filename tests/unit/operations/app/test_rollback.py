"""Which release a rollback goes to."""

from types import SimpleNamespace
from typing import Any

import pytest

from provision.engine.state import ReleaseRecord, Releases
from provision.operations.app import switch
from provision.operations.app.rollback import line, target
from tests.unit.states import state


def known(live: str, *records: tuple[str, str, str]) -> Releases:
    return Releases(
        live=live,
        records=[
            ReleaseRecord(id=name, outcome=outcome, previous=previous) for name, outcome, previous in records
        ],
    )


GOOD = known("c", ("a", "good", ""), ("b", "good", "a"), ("c", "live", "b"), ("d", "bad", "c"))


@pytest.mark.parametrize(
    ("have", "release", "found"),
    [
        (GOOD, "", "b"),
        (GOOD, "a", "a"),
        (GOOD, "d", "d"),
        (GOOD, "c", "c"),
        (GOOD, "x", ""),
        # The one before failed: the last that worked.
        (known("c", ("a", "good", ""), ("b", "bad", "a"), ("c", "live", "b")), "", "a"),
        (known("a", ("a", "live", "")), "", ""),
        (Releases(), "", ""),
    ],
)
def test_it_goes_to_the_release_before_or_the_last_good_one(have: Releases, release: str, found: str) -> None:
    assert target(have, release) == found


def test_a_release_is_one_line() -> None:
    record = ReleaseRecord(
        id="0123456789ab",
        outcome="bad",
        why="rolled back by me@here",
        at="2026-01-02T03:04:05Z",
        by="me@here",
        origin={"kind": "git", "ref": "main", "commit": "f" * 40},
    )
    assert line(record, "other") == (
        "0123456789ab bad 2026-01-02T03:04:05Z me@here main (ffffffffffff) - rolled back by me@here"
    )
    assert line(record, record.id).startswith("0123456789ab live ")


@pytest.mark.parametrize(
    ("stage", "refused"), [("gate", False), ("rollout", False), ("switch", True), ("rollback", True)]
)
def test_deploy_refuses_a_release_that_failed_users_or_was_left_by_hand(stage: str, refused: bool) -> None:
    """One that a rollout left may have failed on another host only: it is tried again."""
    service: Any = SimpleNamespace(root="/opt/x")
    records = [ReleaseRecord(id="new", outcome="bad", stage=stage), ReleaseRecord(id="old", outcome="live")]
    have = state(releases={"/opt/x": Releases(live="old", records=records)})
    assert bool(list(switch.refusals(have, switch.Live(service, "new")))) == refused
