"""Changes outside of deploy: found by AIDE, reported by each run, status and the audit until they are accepted by name.

AIDE's database is what the last run left, but for what others changed: of that it keeps the former state
(provision/remote/baseline.py). A run notes what others changed before it changes anything itself, since both may touch
the same files. A change ends as a finding when the path is as it was, as a `File` of ours says, or accepted.
"""

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from provision.engine.operation import Command, converge, script
from provision.engine.state import Finding, HostState, Integrity, Query
from provision.operations.files import Directory, File, Item, Link
from provision.pyinfra_bridge.report import ACCEPT, moment
from provision.remote import aide, program

CONF = "/etc/aide/aide.conf"
DATABASE = aide.DATABASE
MARK = "# Written by HARVEST's deploy.py."
NAMED = 20
"""More than so many are counted, not named."""
PROGRAM = program("baseline", "aide")


@dataclass(frozen=True)
class Baseline:
    """The host's configuration as it is now, `config` saying where AIDE looks; `managed` is what settings cover."""

    config: str
    managed: tuple[Item, ...] = ()


@dataclass(frozen=True)
class Accepted:
    """Paths whose present state an operator takes as right."""

    paths: tuple[str, ...]


def split(words: str) -> tuple[str, ...]:
    """The paths that --data accept names; a comma before a slash stands between two."""
    return tuple(dict.fromkeys(re.split(r",(?=/)", words)))


def query(want: Baseline | Accepted | None) -> Query:
    return Query(integrity={CONF}, notes={CONF}, files={DATABASE})


def is_foreign(have: HostState) -> bool:
    """AIDE is configured by another user: that stays, and ours is left out."""
    return not have.notes.get(CONF, MARK).startswith(MARK)


def found(have: HostState) -> Integrity:
    return have.integrity.get(CONF, Integrity())


def outside(have: HostState) -> list[Finding]:
    """What others changed and no operator accepted."""
    return [finding for finding in found(have).findings if not finding.ours]


def sentence(finding: Finding) -> str:
    kind = "" if finding.what == "changed" else f" ({finding.what})"
    return f"changed outside of deploy since {moment(finding.since)}: {finding.path}{kind}"


def remarks(have: HostState, want: Baseline) -> Iterator[str]:
    """A sentence for each path that others changed, and how to accept it."""
    if is_foreign(have):
        yield f"{CONF} was not written by HARVEST and is left alone: changes outside of deploy are not reported"
    if found(have).failed:
        yield found(have).failed
    changed = outside(have)
    yield from map(sentence, changed[:NAMED])
    if len(changed) > NAMED:
        yield f"and {len(changed) - NAMED} more: operate/drift.py lists all"
    if changed:
        yield ACCEPT


def order(verb: str, **words: Any) -> Command:
    """The program on the host, which gets its order by its standard input."""
    forget = ""
    if verb == "record":
        # What ran until now is in it. This very command is still at work.
        forget = f'\nfind {aide.JOURNAL} -type f ! -newer {DATABASE} ! -path "$HARVEST_NOTE" -delete'
    text = f"umask 077; base64 -d | python3 -c {shlex.quote(PROGRAM)} {verb}{forget}"
    return script(text, json.dumps(words).encode())


def notes(have: HostState, want: Baseline) -> Iterator[Command]:
    """What no run has noted yet."""
    if any(not finding.seen for finding in outside(have)):
        yield order("note", found={finding.path: finding.what for finding in outside(have)})


def covered(have: HostState, want: Baseline) -> dict[str, float]:
    """What others changed into just what the settings say, with the time of that change."""
    managed = {item.path: item for item in want.managed if isinstance(item, File | Directory | Link)}
    fitting = {}
    for finding in outside(have):
        item, entry = managed.get(finding.path), have.files.get(finding.path)
        item = item.resolved(have) if isinstance(item, File) else item
        if item and entry and finding.bare and item.fits(entry):
            fitting[finding.path] = finding.changed
    return fitting


def changes(have: HostState, want: Baseline) -> Iterator[Command]:
    now, configured = found(have), have.notes.get(CONF) == want.config
    if is_foreign(have) or DATABASE in {finding.path for finding in outside(have)}:
        return
    if now.failed and configured:
        return
    known = configured and have.files[DATABASE].kind == "file" and now.noted
    take = covered(have, want)
    if not known or take or now.closed or any(finding.ours for finding in now.findings):
        yield order("record", config=want.config, take=take)


def problems(have: HostState, want: Accepted) -> Iterator[str]:
    """Why nothing can be accepted: a path is not among the findings."""
    there = [finding.path for finding in outside(have)]
    for path in want.paths:
        if path not in there:
            open_ones = f"; there are {', '.join(there[:NAMED])}" if there else "; there is none"
            yield f"--data accept={path}: is not a change outside of deploy on this host{open_ones}"


def acceptances(have: HostState, want: Accepted) -> Iterator[Command]:
    for why in problems(have, want):
        yield script(f"echo {shlex.quote(why)} >&2; exit 1")
    yield order("accept", take={each.path: each.changed for each in outside(have) if each.path in want.paths})


def accept_plan(have: HostState, want: Accepted) -> Iterator[str]:
    for finding in outside(have):
        if finding.path in want.paths:
            yield f"accept {finding.path} as it is ({finding.what}, since {moment(finding.since)})"


# What they would do is no difference of the host's: operations/drift.py tells the findings themselves.
report = converge(query, notes, remarks, differences=lambda have, want: ())
record = converge(
    query,
    changes,
    plan=lambda have, want: [f"record the AIDE baseline {DATABASE}"],
    differences=lambda have, want: (),
)
accept = converge(query, acceptances, plan=accept_plan, refusals=problems)
