"""Which systems a host may run. Anything else is refused by name before a first change."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from provision.engine.operation import Command, converge, script
from provision.engine.state import HostState, Query, System

SYSTEMS = {"ubuntu": ("22.04", "24.04", "26.04"), "debian": ("12", "13")}
NAMES = "Ubuntu 22.04, 24.04, 26.04 and Debian 12, 13"


@dataclass(frozen=True)
class Supported:
    """The release is in SYSTEMS, systemd runs, Python is 3.10 or newer."""


def refusal(system: System) -> str:
    """Why we do not touch this host, "" if we do."""
    if system.version not in SYSTEMS.get(system.os, ()):
        return f"this host runs {system.pretty}; supported are {NAMES}. Nothing was changed."
    if not system.systemd:
        return f"{system.pretty} runs here without systemd, which HARVEST's units need. Nothing was changed."
    if tuple(map(int, system.python.split("."))) < (3, 10):
        return f"python3 is {system.python} here; HARVEST needs 3.10 or newer. Nothing was changed."
    return ""


def changes(have: HostState, want: Supported) -> Iterator[Command]:
    why = refusal(have.system)
    if why:
        yield script(f"printf '%s\\n' {shlex.quote(why)} >&2; exit 1")


def refusals(have: HostState, want: Supported) -> list[str]:
    return [why] if (why := refusal(have.system)) else []


require = converge(lambda want: Query(), changes, refusals=refusals)
