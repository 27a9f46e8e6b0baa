"""The host's name and time zone."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from provision.engine.operation import Command, converge, script
from provision.engine.state import HostState, Query


@dataclass(frozen=True)
class Identity:
    """The host's name and time zone; None leaves either as it is."""

    hostname: str | None
    timezone: str | None


def changes(have: HostState, want: Identity) -> Iterator[Command]:
    if want.hostname and want.hostname != have.system.hostname:
        name = shlex.quote(want.hostname)
        short = shlex.quote(want.hostname.split(".")[0])
        # sudo and others look the name up: it must resolve without DNS (hosts(5), Debian policy: 127.0.1.1).
        yield script(
            f"hostnamectl hostname {name} 2>/dev/null || hostnamectl set-hostname {name}\n"
            "sed -i '/^127\\.0\\.1\\.1[[:space:]]/d' /etc/hosts\n"
            f"printf '127.0.1.1 %s %s\\n' {name} {short} >>/etc/hosts"
        )
    if want.timezone and want.timezone != have.system.timezone:
        yield script(f"timedatectl set-timezone {shlex.quote(want.timezone)}")


def plan(have: HostState, want: Identity) -> Iterator[str]:
    if want.hostname and want.hostname != have.system.hostname:
        yield f"set the host name to {want.hostname} (is {have.system.hostname})"
    if want.timezone and want.timezone != have.system.timezone:
        yield f"set the time zone to {want.timezone} (is {have.system.timezone})"


configure = converge(lambda want: Query(), changes, plan=plan)
