"""What others changed since the last run: told by each run and by the audit, by AIDE's word.

AIDE's database is what the last run left behind. A run first names every file that is no longer so, then does its
work, and in the end takes what lies there as known.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from provision.engine.operation import Command, converge, script
from provision.engine.state import HostState, Query

CONF = "/etc/aide/aide.conf"
DATABASE = "/var/lib/aide/aide.db"
MARK = "# Written by HARVEST's deploy.py."
NAMED = 20
"""More than so many are counted, not named."""


@dataclass(frozen=True)
class Known:
    """The host's configuration as it is now, `config` saying where AIDE looks."""

    config: str


def _query(want: Known) -> Query:
    return Query(integrity={CONF}, notes={CONF}, files={DATABASE})


def _theirs(have: HostState) -> bool:
    """Somebody runs AIDE in a way of their own: that stays, and this is left out."""
    return not have.notes.get(CONF, MARK).startswith(MARK)


def told(have: HostState, want: Known) -> Iterator[str]:
    """A sentence for each path that changed since the last run."""
    if _theirs(have):
        yield f"{CONF} is not HARVEST's, and is left alone: what others change on this host is not told"
        return
    changed = have.integrity[CONF]
    for line in changed[:NAMED]:
        yield f"since the last run, not by it: {line}"
    if len(changed) > NAMED:
        yield f"and {len(changed) - NAMED} more: aide --config {CONF} --check"


def learn(have: HostState, want: Known) -> Iterator[Command]:
    if _theirs(have):
        return
    known = have.notes.get(CONF) == want.config and have.files[DATABASE].kind == "file"
    if known and not have.integrity[CONF]:
        return
    yield script(
        f"umask 077; mkdir -p /etc/aide /var/lib/aide; base64 -d >{CONF}.new; mv -f {CONF}.new {CONF}\n"
        f"aide --config {CONF} --init >/dev/null; mv -f {DATABASE}.new {DATABASE}",
        want.config.encode(),
    )


tell = converge(_query, lambda have, want: (), told)
know = converge(_query, learn)
