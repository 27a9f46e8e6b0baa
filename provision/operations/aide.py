"""Changes outside of deploy since the last run, reported by each run and by the audit, found by AIDE.

AIDE's database is what the last run left behind. A run first names every file that is no longer so, then does its
work, and in the end takes what lies there as known.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from provision.engine.operation import Command, converge, script
from provision.engine.state import HostState, Query
from provision.remote.aide import JOURNAL, OWN

CONF = "/etc/aide/aide.conf"
DATABASE = "/var/lib/aide/aide.db"
MARK = "# Written by HARVEST's deploy.py."
NAMED = 20
"""More than so many are counted, not named."""


@dataclass(frozen=True)
class Baseline:
    """The host's configuration as it is now, `config` saying where AIDE looks."""

    config: str


def _query(want: Baseline) -> Query:
    return Query(integrity={CONF}, notes={CONF}, files={DATABASE})


def _theirs(have: HostState) -> bool:
    """AIDE is configured by another user: that stays, and ours is left out."""
    return not have.notes.get(CONF, MARK).startswith(MARK)


def remarks(have: HostState, want: Baseline) -> Iterator[str]:
    """A sentence for each path that others changed since AIDE's database was written."""
    if _theirs(have):
        yield f"{CONF} was not written by HARVEST and is left alone: changes outside of deploy are not reported"
        return
    changed = [line for line in have.integrity[CONF] if not line.startswith(OWN)]
    since = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(have.files[DATABASE].changed))
    for line in changed[:NAMED]:
        what, _, path = line.partition(": ")
        if path.startswith("/"):
            kind = "" if what == "changed" else f" ({what})"
            yield f"changed outside of deploy since {since}: {path}{kind}"
        else:
            yield line
    if len(changed) > NAMED:
        yield f"and {len(changed) - NAMED} more: aide --config {CONF} --check"


def changes(have: HostState, want: Baseline) -> Iterator[Command]:
    if _theirs(have):
        return
    known = have.notes.get(CONF) == want.config and have.files[DATABASE].kind == "file"
    if known and not have.integrity[CONF]:
        return
    yield script(
        f"umask 077; mkdir -p /etc/aide /var/lib/aide; base64 -d >{CONF}.new; mv -f {CONF}.new {CONF}\n"
        f"aide --config {CONF} --init >/dev/null; mv -f {DATABASE}.new {DATABASE}\n"
        # What ran until now is in it. This very command is still at work.
        f'find {JOURNAL} -type f ! -newer {DATABASE} ! -path "$HARVEST_NOTE" -delete',
        want.config.encode(),
    )


report = converge(_query, lambda have, want: (), remarks)
record = converge(_query, changes, plan=lambda have, want: [f"record the AIDE baseline {DATABASE}"])
