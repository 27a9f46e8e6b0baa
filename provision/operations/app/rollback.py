"""Back to a release that worked, and which releases a host has."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from provision.engine.operation import Command, converge, script
from provision.engine.state import HostState, Query, ReleaseRecord, Releases
from provision.operations.app import switch
from provision.operations.app.switch import Live, Service


@dataclass(frozen=True)
class Back:
    """The release that begins with `release` is live at each of `services` that has it; "" is the last good one."""

    services: tuple[Service, ...]
    release: str = ""
    restore: bool = False
    """Where the release does not work with the database of today: also go back to the one before the migration."""
    rollout: bool = False
    """A rollout stopped: the release that is left may be deployed again, once what stopped it is mended."""


def query(want: Back) -> Query:
    found = Query()
    for service in want.services:
        found |= switch.query(Live(service, ""))
    return found


def target(known: Releases, release: str) -> str:
    """The id to switch to; "" where there is none, the live one's where that is named."""
    if release:
        return next((each.id for each in known.records if each.id.startswith(release)), "")
    good = [each.id for each in known.records if each.outcome == "good" and each.id != known.live]
    live = known.find(known.live)
    return live.previous if live and live.previous in good else (good or [""])[-1]


def targets(have: HostState, want: Back) -> list[Live]:
    found = [
        Live(service, target(switch.releases_of(have, service.root), want.release))
        for service in want.services
    ]
    return [each for each in found if each.id]


def refusals(have: HostState, want: Back) -> Iterator[str]:
    if targets(have, want):
        return
    wanted = f"release {want.release}" if want.release else "a former release that worked"
    there = [line for service in want.services for line in table(have, service)]
    yield f"there is no {wanted.removeprefix('a ')} on this host. It has: {'; '.join(there) or 'none'}"


def changes(have: HostState, want: Back) -> Iterator[Command]:
    for why in refusals(have, want):
        yield script(f"echo {shlex.quote(why)} >&2; exit 1")
    for each in targets(have, want):
        if each.id != switch.releases_of(have, each.service.root).live:
            yield from switch.reload_units(have, each)
            stage = "rollout" if want.rollout else "rollback"
            yield switch.command(each, gate=False, rollback=stage, restore=want.restore)


def plan(have: HostState, want: Back) -> Iterator[str]:
    for each in targets(have, want):
        yield f"switch {each.service.slug} from {switch.releases_of(have, each.service.root).live} to {each.id}"


def line(record: ReleaseRecord, live: str) -> str:
    """One release in one line: id, what became of it, when, by whom, from where."""
    outcome = "live" if record.id == live else record.outcome or "not recorded"
    origin = record.origin
    source = f"{origin['ref']} ({origin['commit'][:12]})" if "commit" in origin else origin.get("kind", "")
    words = (record.id, outcome, record.at, record.by, source, record.why and f"- {record.why}")
    return " ".join(filter(None, words))


def table(have: HostState, service: Service) -> list[str]:
    """The newest first."""
    known = switch.releases_of(have, service.root)
    return [f"{service.slug} {line(each, known.live)}" for each in reversed(known.records)]


def remarks(have: HostState, want: Back) -> Iterator[str]:
    for service in want.services:
        yield from table(have, service) or [f"{service.slug} has no release"]


rollback = converge(query, changes, plan=plan, refusals=refusals)
show = converge(query, lambda have, want: (), remarks)
