"""How benchmarks judge what they measured."""

import pytest

from benchmarks.goals import require, verdict


@pytest.mark.parametrize(
    ("value", "goal", "said"),
    [
        (20.0, ">= 20", "met"),
        (19.9, ">= 20", "MISSED"),
        (0.3, "<= 0.3", "met"),
        (3.0, "< 3", "MISSED"),
        (0, "= 0", "met"),
        (1, "= 0", "MISSED"),
        (7.0, "", ""),
    ],
)
def test_a_value_is_judged_by_its_goal(value: float, goal: str, said: str) -> None:
    assert verdict(value, goal) == said


def test_a_missing_program_is_named_with_what_installs_it() -> None:
    with pytest.raises(SystemExit, match=r"not installed: no-such-program.*make bench"):
        require("sh", "no-such-program")
