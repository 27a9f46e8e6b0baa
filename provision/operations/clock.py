"""The host's clock, compared with the controller's."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from provision.engine.operation import converge
from provision.engine.state import HostState, Query

CLOCK_LIMIT_S = 300


@dataclass(frozen=True)
class Clock:
    """The host's clock, whose difference from the controller's is reported."""


def remarks(have: HostState, want: Clock) -> Iterator[str]:
    off = have.system.ahead_s
    if abs(off) > CLOCK_LIMIT_S:
        shown = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(have.system.now))
        yield (
            f"the clock says {shown}, {span(abs(off))} {'ahead of' if off > 0 else 'behind'} this machine's; apt, "
            "certificates and logs go by it. Set the wrong one right: timedatectl set-ntp true, or date -s"
        )


def span(seconds: float) -> str:
    """A time span in its largest unit."""
    for unit, length in (("days", 86400), ("hours", 3600)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds / 60:.0f} minutes"


report = converge(lambda want: Query(), lambda have, want: (), remarks)
