"""What the look asks of the host, where only the answer to a strange clock is of interest."""

import os
import time
from pathlib import Path
from typing import Any

import pytest

from provision.remote import host_state


@pytest.mark.parametrize("ahead_s", [0, 2 * 365 * 86400])
def test_an_edit_is_found_though_the_marker_is_from_before_the_clock_was_set_back(
    tmp_path: Path, ahead_s: int
) -> None:
    """Where it lies ahead, so do the change times of all that was there with it, which here nobody can set."""
    marker = tmp_path / ".complete"
    marker.touch()
    os.utime(marker, (time.time() + ahead_s,) * 2)
    asked: dict[str, Any] = {"foreign": [], "sysctl": [], "edited": [str(marker)]}
    found = host_state.lines(host_state.finding(asked)[str(marker)])
    assert (str(marker) in found) is bool(ahead_s), "changed by this host's clock, not by that of the marker"
    os.utime(marker, (time.time() + ahead_s - 10,) * 2)
    (tmp_path / "edited").touch()
    assert str(tmp_path / "edited") in host_state.lines(host_state.finding(asked)[str(marker)])


def test_a_unit_whose_condition_was_never_tried_is_not_taken_for_one_that_cannot_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """systemd says "no" of those too."""
    shown = "Id={}\nConditionResult={}\nAssertResult={}\nConditionTimestampMonotonic={}\n"
    blocks = [("a", "no", "no", 0), ("b", "no", "no", 5), ("c", "yes", "no", 5), ("d", "yes", "yes", 5)]
    answer = "\n".join(shown.format(*block) for block in blocks)
    monkeypatch.setattr(host_state, "output", lambda *words: answer)
    found = host_state.units(["a", "b", "c", "d"])
    assert [found[name]["skipped"] for name in "abcd"] == [False, True, True, False]
