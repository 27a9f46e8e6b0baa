"""When a finding is reported: at first, again after a day, and that it is resolved. Runs ON the host; pure."""

import time
from typing import Any

from provision.remote.notify_findings import Finding

AGAIN_S = 24 * 3600 - 600
"""Seconds until a finding that stays is reported again; somewhat less than a day, so that the hour stays the same."""
State = dict[str, dict[str, Any]]
"""By key: {"what", "since", "told"}, both times in seconds since the epoch."""


def compare(
    host: str, known: State, found: "list[Finding]", now: float
) -> "tuple[State, list[dict[str, Any]]]":
    """The state once all messages are delivered, and these messages."""
    state: State = {}
    messages = []
    for each in found:
        before = known.get(each.key)
        since = before["since"] if before else each.since
        # A clock that was set back must not silence a finding for years.
        due = not before or not 0 <= now - before["told"] < AGAIN_S
        told = now if due or not before else before["told"]
        state[each.key] = {"what": each.what, "since": since, "told": told}
        if due:
            messages.append(message(host, each.what, since, each.log, each.command))
    for key, before in known.items():
        if key not in state:
            messages.append(message(host, f"resolved: {before['what']}", before["since"], resolved=True))
    return state, messages


def message(
    host: str,
    what: str,
    since: float,
    log: "tuple[str, ...]" = (),
    command: str = "",
    resolved: bool = False,
) -> "dict[str, Any]":
    """What notify_send.py sends: plain values, times in words."""
    when = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(since))
    return {
        "host": host,
        "what": what,
        "since": when,
        "log": list(log),
        "command": command,
        "resolved": resolved,
    }
