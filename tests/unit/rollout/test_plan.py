import pytest

from provision.rollout.plan import PlanError, batches, plan_lines

HOSTS = ["a", "b", "c", "d", "e", "f"]


@pytest.mark.parametrize(
    ("canary", "size", "found"),
    [
        ("", 0, "a|bc|de|f"),
        ("d", 0, "d|ab|ce|f"),
        ("c", 1, "c|a|b|d|e|f"),
        ("", 9, "a|bcdef"),
    ],
)
def test_the_canary_is_first_and_alone_the_others_follow_in_order(canary: str, size: int, found: str) -> None:
    assert batches(HOSTS, canary, size) == tuple(tuple(step) for step in found.split("|"))


def test_one_host_is_a_rollout_too() -> None:
    assert batches(["a"]) == (("a",),)


@pytest.mark.parametrize(
    ("hosts", "canary", "size", "words"),
    [
        ([], "", 0, "there is no host"),
        (HOSTS, "x", 0, "--canary x: is none of the hosts; there are a, b"),
        (HOSTS, "", -1, "--batch -1: must be 1 or more"),
    ],
)
def test_what_cannot_be_planned_is_said(hosts: list[str], canary: str, size: int, words: str) -> None:
    with pytest.raises(PlanError, match=words):
        batches(hosts, canary, size)


def test_a_plan_is_a_line_a_batch() -> None:
    assert plan_lines((("a",), ("b", "c"))) == ["  1  a  (canary)", "  2  b, c"]
