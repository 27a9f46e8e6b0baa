"""The gate at the end: HARVEST truly answers, or the run fails and says why.

HARVEST's health URL is a constant and any wrong path gives 200 text/html, so the answers themselves are read.
"""

import json
import shlex
import time
from collections.abc import Iterator
from dataclasses import dataclass

from pyinfra.api import FunctionCommand, StringCommand
from pyinfra.api.host import Host
from pyinfra.api.state import State

from provision.engine import patience
from provision.engine.operation import Command, converge
from provision.engine.state import Answer, HostState, Query, state_of
from provision.engine.sudo import as_root

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


def trouble(answer: Answer, keys: tuple[str, ...]) -> str:
    """What is wrong with one answer, "" if nothing."""
    if answer.status != 200:
        return f"answered {answer.status or 'nothing'}: {answer.body[:200]}"
    if not answer.type.startswith("application/json"):
        return f"answered {answer.type or 'no content type'} where JSON is due (the path leads elsewhere)"
    if not keys:
        return ""
    try:
        found = json.loads(answer.body)
    except ValueError:
        return "answered broken JSON"
    missing = [key for key in keys if not (isinstance(found, dict) and found.get(key))]
    return f"lacks {', '.join(missing)}: {answer.body[:200]}" if missing else ""


def troubles(have: HostState, want: Ready) -> list[str]:
    said = [(url, trouble(have.urls[url], keys)) for url, keys in want.urls]
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
