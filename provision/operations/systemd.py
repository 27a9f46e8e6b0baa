"""systemd units: enabled, running, and running what lies on disk now.

A unit is stale when one of the files it was started from changed since its start (or since our last reload of it).
That holds on any later run too, so a run that died between a file and its restart is healed by the next one.
"""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from provision.engine.operation import Command, converge, script
from provision.engine.state import HostState, Query
from provision.engine.state import Unit as UnitState
from provision.engine.templates import shell
from provision.operations import stamps
from provision.pyinfra_bridge.report import Difference

DISABLED = ("disabled", "masked", "", "static", "not-found")

SYSTEMD_LINES = (
    r"^([^ ]+\.(service|socket|timer|path): |((Re)?[Ss]tart|[Ss]topp|Reload)(ing|ed) |(Reload|Failed|Job) )"
)
"""How lines of a unit's journal begin that systemd itself wrote."""
REASON = (
    "emerg|alert|crit|error|fail|fatal|invalid|unknown|denied|refused|cannot|could not|unable|no such|in use"
)


@dataclass(frozen=True)
class Unit:
    """One unit that shall run. `watches` are the files that a start (or `reload`) reads."""

    name: str
    watches: tuple[str, ...] = ()
    reload: bool = False
    static: bool = False
    """Pulled in by another unit (its socket), so not enabled itself."""


@dataclass(frozen=True)
class Units:
    """Units that shall run, in the order in which they are started, and units that shall not."""

    running: tuple[Unit, ...]
    stopped: tuple[str, ...] = ()
    startable: tuple[str, ...] = ()
    """Units that others start when it is their time: only not masked."""
    one_of: tuple[tuple[str, ...], ...] = ()
    """Units of which the one that is installed shall run; of several, the one that runs or is enabled."""


def _query(want: Units) -> Query:
    chosen = {name for names in want.one_of for name in names}
    names = {*(unit.name for unit in want.running), *want.stopped, *want.startable, *chosen}
    return Query(units=names, files={path for unit in want.running for path in unit.watches})


def chosen(have: HostState, want: Units) -> tuple[Unit, ...]:
    """The units that shall run on this very host."""

    def rank(name: str) -> tuple[bool, bool, bool]:
        state = have.units[name]
        return (not _runs(state), not state.enabled.startswith("enabled"), state.load == "masked")

    there = [[name for name in names if have.units[name].load != "not-found"] for names in want.one_of]
    return (*want.running, *(Unit(min(names, key=rank)) for names in there if names))


def is_stale(have: HostState, unit: Unit) -> bool:
    """Whether a watched file changed after the unit last read it.

    A start is as long ago as the kernel's monotonic clock says, which is never set.
    """
    state = have.units[unit.name]
    noted = stamps.read(state.noted)
    since = state.started if noted else max(state.started, stamps.sane(have, state.stamped))
    changed = [
        have.files[path] for path in unit.watches if not stamps.same(have.files[path], noted.get(path))
    ]
    return any(entry.changed > since for entry in changed)


def act(unit: Unit, verb: str) -> str:
    """Start, restart or reload; on failure the reason first, the next command to type, the unit's last words.

    systemd counts a deliberate start like one after a crash: several deploys in a minute would reach the unit's
    StartLimitBurst, so the count is reset. Certificate renewals reload nginx too, at any time: each writer has its own
    temporary name for the stamp.
    """
    name = shlex.quote(unit.name)
    stamp = shlex.quote(f"{stamps.RUN}/{unit.name}")
    return shell(
        "systemd-act",
        stamps=stamps.RUN,
        write_stamp=stamps.write(unit.watches, f"{stamp}.new"),
        name=name,
        verb=verb,
        systemd_lines=shlex.quote(SYSTEMD_LINES),
        reason=shlex.quote(REASON),
        hint=shlex.quote(f"so {unit.name} did not {verb}; look with: journalctl -u {unit.name}"),
        stamp=stamp,
    )


def _unmask(name: str) -> str:
    """A mask can lie in /etc or, until the next boot, in /run."""
    return f"systemctl unmask --quiet {name}; systemctl unmask --runtime --quiet {name}"


def changes(have: HostState, want: Units) -> Iterator[Command]:
    wanted = chosen(have, want)
    states = [have.units[unit.name] for unit in wanted]
    if any(state.needs_daemon_reload or state.load == "not-found" for state in states):
        yield script("systemctl daemon-reload")
    for name in want.stopped:
        state = have.units[name]
        if state.load != "not-found" and (_runs(state) or state.enabled.startswith("enabled")):
            yield script(f"systemctl disable --now --quiet {shlex.quote(name)}")
    for name in want.startable:
        if have.units[name].load == "masked":
            yield script(_unmask(name))
    for unit in wanted:
        state = have.units[unit.name]
        if not unit.static and not state.enabled.startswith("enabled"):
            yield script(f"{_unmask(unit.name)}; systemctl enable --quiet {unit.name}")
        if not _runs(state):
            if not state.skipped:
                yield script(act(unit, "start"))
        elif is_stale(have, unit):
            yield script(act(unit, "reload" if unit.reload else "restart"))


def remarks(have: HostState, want: Units) -> Iterator[str]:
    """A sentence for each unit that starts, stops, or takes over what changed."""
    for name in want.stopped:
        if _runs(have.units[name]):
            yield f"stopping {name}"
    wanted = chosen(have, want)
    for name in (*want.startable, *(unit.name for unit in wanted)):
        if have.units[name].load == "masked":
            yield f"unmasking {name}"
    for unit in wanted:
        if not _runs(have.units[unit.name]):
            if not have.units[unit.name].skipped:
                yield f"starting {unit.name}, which does not run"
        elif is_stale(have, unit):
            yield f"{'reloading' if unit.reload else 'restarting'} {unit.name}, whose files changed since"


def _runs(state: UnitState) -> bool:
    return state.active in ("active", "activating", "reloading")


def plan(have: HostState, want: Units) -> Iterator[str]:
    """The sentences of `words`, and what is enabled or disabled."""
    for name in want.stopped:
        if have.units[name].enabled.startswith("enabled"):
            yield f"disable {name}"
    for unit in want.running:
        if not unit.static and not have.units[unit.name].enabled.startswith("enabled"):
            yield f"enable {unit.name}"
    yield from remarks(have, want)
    if any(have.units[unit.name].needs_daemon_reload for unit in want.running):
        yield "have systemd read its unit files again"


def differences(have: HostState, want: Units) -> Iterator[Difference]:
    """What runs or is enabled otherwise, by unit; then the rest of the plan."""
    told = set()
    for name in want.stopped:
        if _runs(have.units[name]):
            told.add(f"stopping {name}")
            yield Difference(f"stop {name}", name, "stopped", have.units[name].active)
    for unit in chosen(have, want):
        state = have.units[unit.name]
        if not (_runs(state) or state.skipped):
            told.add(f"starting {unit.name}, which does not run")
            yield Difference(f"start {unit.name}", unit.name, "active", state.active)
    yield from (Difference(words) for words in plan(have, want) if words not in told)


def after(have: HostState, want: Units) -> HostState:
    """As it will be once they run what is on disk: a dry run plans no second reload for the next ones."""
    running = {unit.name for unit in want.running}
    units = {
        name: unit.model_copy(
            update={"needs_daemon_reload": False}
            | ({"active": "active", "started": float("inf")} if name in running else {})
        )
        for name, unit in have.units.items()
    }
    return have.model_copy(update={"units": units})


running = converge(_query, changes, remarks, plan=plan, after=after, differences=differences)
