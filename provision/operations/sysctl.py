"""The kernel's settings, now and after the next boot. What counts is what the kernel says, not a file's date."""

import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from provision.engine.operation import Command, converge, script
from provision.engine.state import HostState, Query
from provision.engine.templates import shell
from provision.operations import stamps
from provision.pyinfra_bridge.report import Difference

TOOL = "/usr/lib/systemd/systemd-sysctl"
"""What reads the files at boot; unlike older sysctl(8) it knows patterns."""
STAMP = f"{stamps.KEPT}/sysctl"
REFUSED = f"{STAMP}.refused"
"""Values that the kernel did not take (a container may not set all), as `key = value it has`."""


@dataclass(frozen=True)
class Sysctl:
    """What `path` says is in force; `content` is that file's on this very host, `keys` all that may stand in it."""

    path: str
    content: Callable[[HostState], str]
    keys: frozenset[str]
    needs: Query


def parse(text: str) -> dict[str, str]:
    """The assignments of a file of ours, without patterns of keys."""
    pairs = [line.split(" = ") for line in text.splitlines() if " = " in line and not line.startswith("#")]
    return {key: value for key, value in pairs if "*" not in key}


def is_weaker(key: str, have: str, wanted: str) -> bool:
    """0 is off; of what is on, more is stricter. But of rp_filter's modes 1 is the strict one."""
    try:
        now, value = int(have, 0), int(wanted, 0)
    except ValueError:
        return have != wanted
    return now != value if value == 0 or key.endswith(".rp_filter") else now < value


def query(want: Sysctl) -> Query:
    return want.needs | Query(sysctl=set(want.keys), files={want.path, STAMP}, notes={REFUSED})


def drifted(have: HostState, want: Sysctl) -> dict[str, tuple[str, str]]:
    """Keys whose value is weaker than wanted, with both, unless the kernel refused to change just that one."""
    refused = have.notes.get(REFUSED, "").splitlines()
    return {
        key: (have.sysctl[key].now, value)
        for key, value in parse(want.content(have)).items()
        if have.sysctl[key].now
        and is_weaker(key, have.sysctl[key].now, value)
        and f"{key} = {have.sysctl[key].now}" not in refused
    }


def changes(have: HostState, want: Sysctl) -> Iterator[Command]:
    """The stamp is a copy of the file that was applied."""
    if have.files[STAMP].sha256 != have.files[want.path].sha256 or drifted(have, want):
        path = shlex.quote(want.path)
        # Last, what other files say of single interfaces (a VPN's), which wins over our pattern at boot too.
        yield script(
            shell("sysctl-apply", kept=stamps.KEPT, tool=TOOL, path=path, refused=REFUSED, stamp=STAMP)
        )


def remarks(have: HostState, want: Sysctl) -> Iterator[str]:
    """What was changed behind our back, and what will be at the next boot."""
    if have.files[STAMP].sha256 == have.files[want.path].sha256:
        for key, (now, value) in drifted(have, want).items():
            yield f"{key} was set to {now} on the host; setting {value} again"
    for key, value in parse(want.content(have)).items():
        boot = have.sysctl[key]
        if boot.file and boot.file != want.path and is_weaker(key, boot.boot, value):
            yield (
                f"{boot.file} is read after {want.path} and sets {key} = {boot.boot} at the next boot, which is weaker "
                f"than {value}; remove that line"
            )


def differences(have: HostState, want: Sysctl) -> Iterator[Difference]:
    found = drifted(have, want)
    for key, (now, value) in found.items():
        yield Difference(f"set {key} to {value}", key, value, now)
    if not found:
        yield Difference(f"apply {want.path}")


apply = converge(query, changes, remarks, differences=differences)
