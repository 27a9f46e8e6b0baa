"""How a host is: which release runs since when, whether it answers, what will want attention. Reads only."""

import json
import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass

from pyinfra import host
from pyinfra.api import operation
from pyinfra.api.operation import OperationMeta

from provision.engine.operation import Command, call
from provision.engine.state import HostState, Query, state_of
from provision.operations import aide
from provision.operations.access import revert
from provision.operations.app import maintenance, switch
from provision.operations.app.summary import REBOOT
from provision.operations.app.switch import Service
from provision.pyinfra_bridge import report
from provision.remote import answers

HOLDER, MEMORY = "/run/harvest-lock/holder", "/proc/meminfo"
FREE_MB = 500
"""Less room than this on the disk is wrong: a release and a backup no longer fit."""
DAYS = 14
"""Fewer days of a certificate than this: its renewal has failed for two weeks."""
BACKUP_H = 50
"""Hours after which a daily backup is missing twice."""


@dataclass(frozen=True)
class Place:
    """One HARVEST: its services, what else of it must run, and its URL in a browser."""

    service: Service
    units: tuple[str, ...]
    url: str


@dataclass(frozen=True)
class Whole:
    """All that should be well on a host. `certificates`: site to file, both names of the same where there are two."""

    places: tuple[Place, ...]
    certificates: tuple[tuple[str, str], ...] = ()
    reboots: str = "never"


def backup_note(slug: str) -> str:
    return f"/var/lib/harvest-backup/{slug}/last.json"


def query(want: Whole) -> Query:
    return aide.query(None) | Query(
        files={REBOOT, revert.ARMED, maintenance.FLAG},
        notes={HOLDER, MEMORY, *(backup_note(place.service.slug) for place in want.places)},
        units={unit for place in want.places for unit in place.units},
        urls={url for place in want.places for url, _ in urls(place)},
        certificates={path for _, path in want.certificates},
        releases={switch.ROOTS},
        failed=True,
        updates=True,
    )


def urls(place: Place) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return (*place.service.json, *place.service.through)


def facts(have: HostState, want: Whole) -> dict[str, str]:
    """What to know of the host, by word; of several instances, each with its name."""
    said = {}
    for place in want.places:
        name = f"{place.service.slug} " if len(want.places) > 1 else ""
        said[f"{name}url"] = place.url
        said[f"{name}release"] = release(have, place)
        running = sum(have.units[unit].active == "active" for unit in place.units)
        said[f"{name}units"] = f"{running} of {len(place.units)} run"
        right = sum(not trouble(have, url, keys) for url, keys in urls(place))
        said[f"{name}answers"] = f"{right} of {len(urls(place))} addresses"
        said[f"{name}backup"] = backup(have, place)[0]
    for site, path in want.certificates:
        said[f"certificate of {site}"] = f"{days(have, path)} days left"
    said["disk"] = f"{have.system.free_mb / 1024:.1f} GiB free"
    said["memory"] = memory(have.notes.get(MEMORY, ""))
    waiting = [name for name, security in have.updates.items() if security]
    said["updates"] = f"{len(have.updates)} pending, {len(waiting)} of security"
    said["reboot"] = "pending" if have.files[REBOOT].kind != "absent" else "not needed"
    if closed(have):
        said["maintenance"] = "on"
    said["lock"] = holder(have.notes.get(HOLDER, ""))
    return said


def closed(have: HostState) -> bool:
    return have.files[maintenance.FLAG].kind != "absent"


def release(have: HostState, place: Place) -> str:
    known = switch.releases_of(have, place.service.root)
    record = known.find(known.live)
    if record is None:
        return known.live or "none"
    by = f" by {record.by}" if record.by else ""
    former = f"; before it {record.previous}" if record.previous else ""
    return f"{record.id} since {record.at or 'an unknown time'}{by}{former}"


def backup(have: HostState, place: Place) -> tuple[str, str]:
    """(what is known of the last one, what is wrong with it or "")."""
    note = have.notes.get(backup_note(place.service.slug))
    if note is None:
        return "none yet", ""
    try:
        last = json.loads(note)
        at, outcome = str(last["at"]), str(last["outcome"])
    except (ValueError, KeyError, TypeError):
        return "its record cannot be read", "the record of its last backup cannot be read"
    said = f"{outcome}, {at}"
    return said, "" if outcome == "good" else f"its last backup is {said}"


def days(have: HostState, path: str) -> int:
    return int(have.certificates[path].left // 86400)


def memory(text: str) -> str:
    found = {name: int(kib) for name, kib in re.findall(r"^(\w+):\s+(\d+) kB", text, re.MULTILINE)}
    if not {"MemAvailable", "MemTotal"} <= set(found):
        return "unknown"
    return f"{found['MemAvailable'] / 2**20:.1f} of {found['MemTotal'] / 2**20:.1f} GiB available"


def holder(text: str) -> str:
    if not text:
        return "free"
    try:
        return f"held by {json.loads(text)['who']}"
    except (ValueError, KeyError, TypeError):
        return "held"


def trouble(have: HostState, url: str, keys: tuple[str, ...]) -> str:
    answer = have.urls[url]
    return answers.trouble(answer.status, answer.type, answer.body, keys)


def wrong(have: HostState, want: Whole) -> Iterator[str]:
    """A sentence for each thing that is not well."""
    for place in want.places:
        yield from (
            f"{unit} is {have.units[unit].active}: journalctl -u '{unit}' -e"
            for unit in place.units
            if have.units[unit].active != "active"
        )
        yield from (f"{url} {said}" for url, keys in urls(place) if (said := trouble(have, url, keys)))
        known = switch.releases_of(have, place.service.root)
        record = known.find(known.live)
        if record and record.outcome != "live":
            yield (
                f"{place.service.slug}: release {record.id} is recorded as {record.outcome or 'nothing'}, not as live: "
                "an interrupted run; deploy again"
            )
        if said := backup(have, place)[1]:
            yield f"{place.service.slug}: {said}: journalctl -u 'harvest-backup@{place.service.slug}' -e"
    for site, path in want.certificates:
        if days(have, path) < DAYS:
            yield f"the certificate of {site} ends in {days(have, path)} days: journalctl -u certbot -e"
    if have.system.free_mb < FREE_MB:
        yield f"only {have.system.free_mb} MiB are free on the disk, fewer than {FREE_MB}"
    if aide.found(have).failed:
        yield aide.found(have).failed
    if changed := [finding.path for finding in aide.outside(have)]:
        more = f" and {len(changed) - 5} more" if len(changed) > 5 else ""
        yield f"changed outside of deploy: {', '.join(changed[:5])}{more}; look with operate/drift.py"
    if have.failed:
        yield f"failed units: {', '.join(have.failed)}: systemctl --failed"
    if have.files[revert.ARMED].kind != "absent":
        yield "a change of SSH access waits for its confirmation; the host reverts it by itself, else deploy again"


def attention(have: HostState, want: Whole) -> Iterator[str]:
    """A sentence for each thing that is well, but will want somebody."""
    if closed(have):
        yield "maintenance is on, browsers get its page; it ends with: operate/maintenance.py --data off=yes"
    waiting = sorted(name for name, security in have.updates.items() if security)
    if waiting:
        yield f"security updates are pending, which come daily by themselves: {', '.join(waiting[:5])}" + (
            f" and {len(waiting) - 5} more" if len(waiting) > 5 else ""
        )
    if have.files[REBOOT].kind != "absent":
        when = f"the host does it at {want.reboots}" if want.reboots != "never" else "type: sudo reboot"
        yield f"a reboot is pending after an update; {when}"


def _apply(want: Whole) -> Generator[Command, None, None]:
    if host.state.is_executing or host.state.check_for_changes:
        have = state_of(host, query(want))
        report.report_of(host).summary = report.Summary(
            facts(have, want), list(attention(have, want)), wrong=list(wrong(have, want))
        )
    yield from ()


_wrapped = operation()(_apply)


def show(name: str, want: Whole) -> OperationMeta:
    """Nothing is changed; the screen shows it when the run has ended, which fails where something is wrong."""
    return call(query(want), lambda: _wrapped(name=name, want=want))
