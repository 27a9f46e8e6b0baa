"""What the look makes of the host's answers."""

import pytest

from provision.remote import host_state


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
