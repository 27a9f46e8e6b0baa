"""User accounts. Their keys are files (files.py), their rights are sudoers files."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from provision.engine.operation import Command, converge, log, script
from provision.engine.state import HostState, Query
from provision.settings.secrets import value_of
from provision.settings.types import Secret


@dataclass(frozen=True)
class Account:
    """One account. `groups` are added to, never taken from. `password` is set, and asked for, only where none is.

    A person's account that is there keeps its home, its shell and its group; a `system` one gets these.
    """

    name: str
    home: str
    shell: str
    groups: tuple[str, ...] = ()
    system: bool = False
    password: Secret | None = None


def query(want: Account) -> Query:
    return Query(users={want.name}, groups={want.name})


def changes(have: HostState, want: Account) -> Iterator[Command]:
    name, home, shell = map(shlex.quote, (want.name, want.home, want.shell))
    user = have.users.get(want.name)
    if user is None:
        group = f"--gid {name}" if want.name in have.groups else "--user-group"
        kind = f"--system {group} --no-create-home" if want.system else f"{group} --create-home"
        groups = f"--groups {','.join(want.groups)}" if want.groups else ""
        yield script(f"useradd {kind} {groups} --home-dir {home} --shell {shell} {name}")
    else:
        if want.system and user.group != want.name:
            made = "" if want.name in have.groups else f"groupadd --system {name}; "
            yield script(f"{made}usermod --gid {name} {name}")
        if want.system and user.home != want.home:
            yield script(f"usermod --home {home} {name}")
        if user.shell != want.shell if want.system else not user.logs_in:
            yield log(f"the shell of {want.name} becomes {want.shell}; it was {user.shell or 'not set'}")
            yield script(f"usermod --shell {shell} {name}")
        missing = set(want.groups) - set(user.groups) - {user.group}
        if missing:
            yield script(f"usermod --append --groups {','.join(sorted(missing))} {name}")
    if want.password is not None and (user is None or not user.has_password):
        yield script("base64 -d | chpasswd", f"{want.name}:{value_of(want.password)}".encode())


def plan(have: HostState, want: Account) -> Iterator[str]:
    user = have.users.get(want.name)
    if user is None:
        yield f"add the user {want.name}"
        return
    if want.system and user.group != want.name:
        yield f"make {want.name} the group of {want.name} (is {user.group})"
    if want.system and user.home != want.home:
        yield f"change the home of {want.name} from {user.home} to {want.home}"
    if user.shell != want.shell if want.system else not user.logs_in:
        yield f"change the shell of {want.name} from {user.shell or 'none'} to {want.shell}"
    if missing := set(want.groups) - set(user.groups) - {user.group}:
        yield f"add {want.name} to {', '.join(sorted(missing))}"
    if want.password is not None and not user.has_password:
        yield f"set {want.name}'s password"


user = converge(query, changes, plan=plan)
