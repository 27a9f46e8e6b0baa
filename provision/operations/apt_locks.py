"""Wait until cloud-init is done and apt's locks are free, where a run is going to install packages."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from pyinfra.api import FunctionCommand, QuoteString, StringCommand
from pyinfra.api.host import Host
from pyinfra.api.state import State

from provision.engine.operation import Command, converge
from provision.engine.state import HostState, Query
from provision.engine.sudo import as_root
from provision.operations.apt import APT_WAIT_S
from provision.remote import source


@dataclass(frozen=True)
class Free:
    """cloud-init is done and apt's locks are free, within `limit_s` seconds.

    Checked only if one of `packages` is missing, or if packages are half installed: a run that installs nothing
    waits for nothing.
    """

    packages: tuple[str, ...]
    limit_s: int = APT_WAIT_S


def _wait(state: State, host: Host, limit_s: int) -> bool:
    started = time.monotonic()
    shown = ""
    while True:
        busy = StringCommand("python3", "-c", QuoteString(source("apt_busy")))
        ok, said = host.run_shell_command(busy, **as_root(host))
        if ok:
            return True
        spent = int(time.monotonic() - started)
        reason = said.stderr.strip().splitlines()[-1]
        if spent >= limit_s:
            host.log(f"gave up after {spent} s: {reason}. Look with: ps -ef | grep -E 'apt|dpkg|cloud'")
            return False
        if reason != shown or spent % 10 < 2:
            host.log(f"waiting, {spent} s of at most {limit_s} s: {reason}")
            shown = reason
        time.sleep(1)


def changes(have: HostState, want: Free) -> Iterator[Command]:
    if set(want.packages) - set(have.packages) or have.health.get("dpkg"):
        yield FunctionCommand(_wait, (want.limit_s,), {})


def plan(have: HostState, want: Free) -> Iterator[str]:
    yield "wait until cloud-init is done and apt's locks are free"


wait = converge(
    lambda want: Query(packages=set(want.packages), health={"dpkg"}),
    changes,
    plan=plan,
    differences=lambda have, want: (),
)
