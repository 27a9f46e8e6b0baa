"""The gate at the end: HARVEST truly answers, or the run fails and says why."""

import shlex
import time
from collections.abc import Iterator
from dataclasses import dataclass

from pyinfra.api import FunctionCommand, StringCommand
from pyinfra.api.host import Host
from pyinfra.api.state import State

from provision.engine import patience
from provision.engine.operation import Command, converge
from provision.engine.state import HostState, Query, state_of
from provision.engine.sudo import as_root
from provision.remote.answers import trouble

LIMIT_S = 30


@dataclass(frozen=True)
class Ready:
    """URLs as seen on the host itself, each with the JSON keys that its answer must have."""

    urls: tuple[tuple[str, tuple[str, ...]], ...]
    units: tuple[str, ...]
    hint: str = ""
    """What to look at first when it does not."""


def _query(want: Ready) -> Query:
    return Query(urls={url for url, _ in want.urls})


def troubles(have: HostState, want: Ready) -> list[str]:
    answers = [(url, have.urls[url], keys) for url, keys in want.urls]
    said = [(url, trouble(answer.status, answer.type, answer.body, keys)) for url, answer, keys in answers]
    return [f"{url} {words}" for url, words in said if words]


def _wait(state: State, host: Host, want: Ready) -> bool:
    from provision.engine.state import forget

    started, limit_s = time.monotonic(), patience.limit(host, LIMIT_S)
    while wrong := troubles(state_of(host, _query(want)), want):
        if time.monotonic() - started > limit_s:
            for line in wrong:
                host.log(f"not ready after {limit_s:.0f} s: {line}")
            units = " ".join(f"-u {shlex.quote(unit)}" for unit in want.units)
            _, log = host.run_shell_command(
                StringCommand(f"journalctl --no-pager -o short -n 30 {units}"), **as_root(host)
            )
            for line in log.stdout_lines:
                host.log(f"| {line}")
            if want.hint:
                host.log(want.hint)
            host.log(f"next: journalctl {units} -e; systemctl status 'harvest-*'")
            return False
        time.sleep(0.3)
        forget(host)
    return True


def changes(have: HostState, want: Ready) -> Iterator[Command]:
    if troubles(have, want):
        yield FunctionCommand(_wait, (want,), {})


wait = converge(_query, changes, plan=lambda have, want: [f"wait: {line}" for line in troubles(have, want)])
