"""A group whose members are exactly the named ones."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from provision.engine.operation import Command, log, script
from provision.engine.state import HostState, Query


@dataclass(frozen=True)
class Group:
    name: str
    members: tuple[str, ...]


def query(want: Group) -> Query:
    return Query(groups={want.name})


def made(have: HostState, want: Group) -> Iterator[Command]:
    """The group itself, before its members' accounts are made."""
    if want.name not in have.groups:
        yield script(f"groupadd --system {shlex.quote(want.name)}")


def changes(have: HostState, want: Group) -> Iterator[Command]:
    """Its members, once their accounts are there."""
    found = have.groups.get(want.name, [])
    own = set(have.primary.get(want.name, [])) - set(want.members)
    for name in sorted({*found, *own} - set(want.members)):
        yield log(f"{name} is taken out of the group {want.name}, whose members may log in")
    for name in sorted(own):
        yield script(f"usermod --gid nogroup {shlex.quote(name)}")
    if set(found) != set(want.members):
        yield script(f"gpasswd --members {','.join(want.members)} {shlex.quote(want.name)} >/dev/null")
