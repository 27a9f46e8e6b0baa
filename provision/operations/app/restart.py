"""Restart services whose ports systemd holds: a request that comes meanwhile waits, one that is at work is finished."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from provision.engine.operation import Command, converge, log, script
from provision.engine.state import HostState, Query


@dataclass(frozen=True)
class Restart:
    """Backends first: a frontend that starts asks them."""

    units: tuple[str, ...]


def changes(have: HostState, want: Restart) -> Iterator[Command]:
    for unit in want.units:
        yield log(f"restarting {unit}")
        yield script(
            f"systemctl reset-failed {shlex.quote(unit)} 2>/dev/null || :; systemctl restart {shlex.quote(unit)}"
        )


restart = converge(lambda want: Query(units=set(want.units)), changes)
