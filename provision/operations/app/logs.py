"""The journal of HARVEST's units."""

import re
import shlex
from collections.abc import Generator
from dataclasses import dataclass

from pyinfra import host
from pyinfra.api import operation
from pyinfra.api.operation import OperationMeta

from provision.engine.operation import Command, call, log_output, script
from provision.engine.state import Query

LEVELS = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug")
WORDS = ("level", "lines", "since", "unit")
UNITS = {"s": "sec", "m": "min", "h": "hour", "d": "day"}


@dataclass(frozen=True)
class Journal:
    """`since`: a number with s, m, h or d, or a day and time as journalctl has it; `unit`: one part of an instance."""

    slugs: tuple[str, ...]
    level: str = "info"
    lines: str = "100"
    since: str = ""
    unit: str = ""


def problem(words: dict[str, str]) -> str:
    """What is wrong with what --data says, "" where nothing is."""
    if (level := words.get("level", "info")) not in LEVELS:
        return f"--data level={level}: must be one of {', '.join(LEVELS)}"
    if not re.fullmatch(r"[1-9][0-9]{0,5}", lines := words.get("lines", "100")):
        return f"--data lines={lines}: must be a number, like 500"
    since = words.get("since", "1h")
    if not re.fullmatch(
        r"[0-9]+[smhd]|[0-9]{4}-[0-9]{2}-[0-9]{2}( [0-9]{2}:[0-9]{2}(:[0-9]{2})?)?|today|yesterday", since
    ):
        return f'--data since={since}: must be like 30m, 2h, 3d, today, or "2026-11-25 03:00"'
    if not re.fullmatch(
        r"(frontend|backend(@[0-9]+)?|migrate|sweep|candidate@[a-z]+)?", unit := words.get("unit", "")
    ):
        return f"--data unit={unit}: must be frontend, backend, backend@PORT, migrate or sweep"
    return ""


def journalctl(want: Journal) -> str:
    """The command."""
    words = ["journalctl", "-q", "--no-pager", "-o", "short-iso", "-p", want.level, "-n", want.lines]
    if found := re.fullmatch(r"([0-9]+)([smhd])", want.since):
        words += ["--since", f"{found[1]} {UNITS[found[2]]} ago"]
    elif want.since:
        words += ["--since", want.since]
    for slug in want.slugs:
        # Not all that begins with the name: another instance's may.
        parts = [want.unit] if want.unit else ["frontend", "backend", "migrate", "sweep", "candidate@*"]
        words += [
            word for part in parts for word in ("-u", f"{slug}-{part}{'@*' if part == 'backend' else ''}")
        ]
    return shlex.join(words)


def _apply(want: Journal) -> Generator[Command, None, None]:
    if host.state.is_executing:
        yield log_output(script(journalctl(want)))


_wrapped = operation(is_idempotent=False)(_apply)


def show(name: str, want: Journal) -> OperationMeta:
    """Nothing is changed."""
    return call(Query(), lambda: _wrapped(name=name, want=want))
