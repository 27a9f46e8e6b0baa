"""In which order hosts are changed, and how many at a time. Pure."""

from collections.abc import Sequence


class PlanError(Exception):
    """The options do not fit the hosts; the sentence says how."""


def batches(hosts: Sequence[str], canary: str = "", size: int = 0) -> tuple[tuple[str, ...], ...]:
    """The canary alone, then the other hosts in the inventory's order, `size` at a time.

    The canary is the first host unless named; a size of 0 means a quarter of the others, at least one.
    """
    if not hosts:
        raise PlanError("there is no host to roll out to")
    if canary and canary not in hosts:
        raise PlanError(f"--canary {canary}: is none of the hosts; there are {', '.join(hosts)}")
    if size < 0:
        raise PlanError(f"--batch {size}: must be 1 or more")
    first = canary or hosts[0]
    rest = [host for host in hosts if host != first]
    step = size or max(1, -(-len(rest) // 4))
    return ((first,), *(tuple(rest[at : at + step]) for at in range(0, len(rest), step)))


def plan_lines(steps: Sequence[Sequence[str]]) -> list[str]:
    """The plan as a human reads it."""
    width = len(str(len(steps)))
    return [
        f"  {number:>{width}}  {', '.join(names)}{'  (canary)' if number == 1 else ''}"
        for number, names in enumerate(steps, 1)
    ]
