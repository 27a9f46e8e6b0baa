"""What is told of findings, and when: at first, again after a day, and that it is over. Runs ON the host; pure."""

from typing import Any

AGAIN_S = 24 * 3600 - 600
"""Seconds until a finding that stays is told again; somewhat less than a day, so that the hour stays the same."""
Finding = dict[str, Any]
"""{"key", "what": one line, "since": text, "log": [lines], "command": what to type, "quiet": told already by others}"""
State = dict[str, dict[str, Any]]
"""By key: {"what", "since": text, "told": seconds since the epoch}."""


def compare(known: State, found: "list[Finding]", now: float) -> "tuple[State, list[dict[str, Any]]]":
    """The state once all messages are delivered, and these messages."""
    state: State = {}
    messages = []
    for each in found:
        before = known.get(each["key"])
        since = before["since"] if before else each["since"]
        # A clock that was set back must not silence a finding for years.
        due = not before or not 0 <= now - before["told"] < AGAIN_S
        told = now if due else before["told"] if before else now
        state[each["key"]] = {"what": each["what"], "since": since, "told": told}
        if due and not (each.get("quiet") and not before):
            messages.append(_message(each["what"], since, each["log"], each["command"], False))
    for key, before in known.items():
        if key not in state:
            messages.append(_message(f"over: {before['what']}", before["since"], [], "", True))
    return state, messages


def _message(what: str, since: str, log: "list[str]", command: str, good: bool) -> "dict[str, Any]":
    return {"what": what, "since": since, "log": log, "command": command, "good": good}
