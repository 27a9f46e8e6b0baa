"""User accounts. Their keys are files (files.py), their rights are sudoers files."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from provision.engine.operation import Command, converge, script
from provision.engine.state import HostState, Query
from provision.settings.secrets import value_of
from provision.settings.types import Secret


@dataclass(frozen=True)
class Account:
    """One account. `groups` are added to, never taken from. `password` is set, and asked for, only where none is."""

    name: str
    home: str
    shell: str
    groups: tuple[str, ...] = ()
    system: bool = False
    password: Secret | None = None


def query(want: Account) -> Query:
    return Query(users={want.name})


def changes(have: HostState, want: Account) -> Iterator[Command]:
    name, home, shell = map(shlex.quote, (want.name, want.home, want.shell))
    user = have.users.get(want.name)
    if user is None:
        kind = "--system --user-group --no-create-home" if want.system else "--user-group --create-home"
        groups = f"--groups {','.join(want.groups)}" if want.groups else ""
        yield script(f"useradd {kind} {groups} --home-dir {home} --shell {shell} {name}")
    else:
        if (user.home, user.shell) != (want.home, want.shell):
            yield script(f"usermod --home {home} --shell {shell} {name}")
        missing = set(want.groups) - set(user.groups) - {user.group}
        if missing:
            yield script(f"usermod --append --groups {','.join(sorted(missing))} {name}")
    if want.password is not None and (user is None or not user.has_password):
        yield script("base64 -d | chpasswd", f"{want.name}:{value_of(want.password)}".encode())


ensure = converge(query, changes)
