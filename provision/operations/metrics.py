"""Prometheus' node exporter when it is no longer wanted: stopped, if it was ours; another's is left alone."""

from collections.abc import Iterator
from dataclasses import dataclass

from provision.engine.operation import Command, converge, script
from provision.engine.state import HostState, Query

EXPORTER, TIMER = "prometheus-node-exporter.service", "harvest-metrics.timer"
DROP_IN = f"/etc/systemd/system/{EXPORTER}.d/harvest.conf"


@dataclass(frozen=True)
class Unwanted:
    """Nothing of ours serves metrics; `files` go with it."""

    files: tuple[str, ...]


def changes(have: HostState, want: Unwanted) -> Iterator[Command]:
    if have.files[DROP_IN].kind != "absent":
        # The drop-in goes last: a run that dies before that begins here again.
        yield script(
            f"systemctl disable --now --quiet {EXPORTER} {TIMER}\n"
            f"rm -rf {' '.join(want.files)}; rm -f {DROP_IN}; systemctl daemon-reload"
        )


remove = converge(
    lambda want: Query(files={DROP_IN}), changes, plan=lambda have, want: [f"stop and disable {EXPORTER}"]
)
