"""Which release is live: switched to after a check next to the one that serves, left again where it does not answer.

What happens on the host stands in provision/remote/switch.py; here is when it is due, and what it is told.
"""

import json
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field

from provision.engine.operation import Command, converge, log_output, script
from provision.engine.state import HostState, Query, ReleaseRecord, Releases
from provision.operations.systemd import Unit
from provision.remote import program

PROGRAM = program("switch", "answers", "releases", "schema", "candidate", "host_files", "logs")
ROOTS = "/opt/harvest*"
"""Where any instance's releases lie."""
LIMIT_S = 30
MIGRATE_S = 900


@dataclass(frozen=True)
class Service:
    """One HARVEST as the switch needs it: its units, where it answers, what its candidate is started with."""

    root: str
    slug: str
    database: str
    migrate: Unit | None
    """None where the application has no migrations."""
    services: tuple[Unit, ...]
    frontend_port: int
    backend_ports: tuple[int, ...]
    gunicorn: str
    workers: int
    """What answers during a restart has as many as the live service; the candidate has one."""
    links: tuple[str, ...]
    json: tuple[tuple[str, tuple[str, ...]], ...]
    """URLs at its own ports, each with the keys that its JSON must have."""
    pages: tuple[str, ...]
    """URLs at its own ports of pages, which link to files that must be there."""
    shared: str
    """Where environments lie."""
    keep: int
    """Releases that stay on the host."""
    through: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """URLs through nginx: asked after a switch where they answered before it."""
    limit_s: float = LIMIT_S

    @property
    def candidate(self) -> str:
        return f"{self.slug}-candidate@backend.service"


@dataclass(frozen=True)
class Live:
    """The release `id` is live at `service`; `origin` is where its code comes from."""

    service: Service
    id: str
    origin: dict[str, str] = field(default_factory=dict, compare=False)


def query(want: Live) -> Query:
    units = {want.service.candidate, *(unit.name for unit in want.service.services)}
    return Query(releases={ROOTS}, units=units)


def releases_of(have: HostState, root: str) -> Releases:
    return have.releases.get(root) or Releases()


def record_of(have: HostState, want: Live) -> ReleaseRecord:
    return releases_of(have, want.service.root).find(want.id) or ReleaseRecord(id=want.id)


def is_due(have: HostState, want: Live) -> bool:
    return releases_of(have, want.service.root).live != want.id or record_of(have, want).outcome != "live"


def order(want: Live, **more: object) -> str:
    """What the program on the host is told; nothing of it is secret."""
    service = want.service
    migrate, *units = [
        unit and {"name": unit.name, "watches": list(unit.watches)}
        for unit in (service.migrate, *service.services)
    ]
    return json.dumps(
        {
            "root": service.root,
            "slug": service.slug,
            "id": want.id,
            "database": service.database,
            "migrate": migrate,
            "services": units,
            "frontend_port": service.frontend_port,
            "backend_ports": service.backend_ports,
            "gunicorn": service.gunicorn,
            "workers": service.workers,
            "links": service.links,
            "json": service.json,
            "pages": service.pages,
            "through": service.through,
            "limit_s": service.limit_s,
            "shared": service.shared,
            "keep": service.keep,
            "migrate_s": MIGRATE_S,
            "origin": want.origin,
            "gate": True,
            **more,
        },
        sort_keys=True,
    )


def restart(service: Service, live: str) -> Command:
    """Restart the live release's units without a wait for users: a standby answers meanwhile."""
    return command(Live(service, live), restart=True)


def command(want: Live, **more: object) -> Command:
    """Run the program, and show what it says."""
    return log_output(
        script(f'exec python3 -c "$(base64 -d)" {shlex.quote(order(want, **more))}', PROGRAM.encode())
    )


def reload_units(have: HostState, want: Live) -> Iterator[Command]:
    states = [have.units[name] for name in sorted(query(want).units)]
    if any(state.needs_daemon_reload or state.load == "not-found" for state in states):
        yield script("systemctl daemon-reload")


def changes(have: HostState, want: Live) -> Iterator[Command]:
    if not is_due(have, want):
        return
    if releases_of(have, want.service.root).live == want.id and not record_of(have, want).outcome:
        # The first release of a host, or one from before there were records: nothing to switch from.
        yield command(want, adopt=True)
        return
    yield from reload_units(have, want)
    yield command(want)


def _sentence(have: HostState, want: Live) -> str:
    live = releases_of(have, want.service.root).live
    if not record_of(have, want).outcome and live in ("", want.id):
        return f"record release {want.id} as live"
    if live == want.id:
        return f"check release {want.id} again, whose switch an earlier run did not finish"
    return f"check release {want.id} next to {live}, then switch to it"


def plan(have: HostState, want: Live) -> Iterator[str]:
    if is_due(have, want):
        yield _sentence(have, want)


def refusals(have: HostState, want: Live) -> Iterator[str]:
    """A release that users met and that failed them is not switched to again by itself."""
    record = record_of(have, want)
    if (
        record.outcome != "bad"
        or record.stage == "gate"
        or releases_of(have, want.service.root).live == want.id
    ):
        return
    yield (
        f"release {want.id} was live and is marked bad since {record.at}: {record.why}. Nothing was changed. Deploy "
        f"other code; or, if the reason lay outside of it, on the host: rm {want.service.root}/releases/{want.id}.json"
    )


def refuse(have: HostState, want: Live) -> Iterator[Command]:
    for why in refusals(have, want):
        yield script(f"echo {shlex.quote(why)} >&2; exit 1")


require_not_bad = converge(query, refuse, refusals=refusals)
switch = converge(query, changes, plan=plan)
