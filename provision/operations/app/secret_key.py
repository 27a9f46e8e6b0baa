"""Secrets that are made on the host, once, and never leave it."""

from collections.abc import Iterator
from dataclasses import dataclass

from provision.engine.operation import Command, converge, script
from provision.engine.state import HostState, Query


@dataclass(frozen=True)
class SecretKey:
    """A file of 64 random hex digits; it is kept as it is once made (HARVEST's annotator IDs hang on it)."""

    path: str
    group: str


def changes(have: HostState, want: SecretKey) -> Iterator[Command]:
    if have.files[want.path].kind == "absent":
        part = f"{want.path}.part"
        yield script(
            f"umask 077; python3 -c 'import secrets; print(secrets.token_hex(32))' >{part}\n"
            f"chown root:{want.group} {part}; chmod 0640 {part}; mv -n {part} {want.path}"
        )
    elif (have.files[want.path].mode, have.files[want.path].group) != (0o640, want.group):
        yield script(f"chown root:{want.group} {want.path}; chmod 0640 {want.path}")


create = converge(
    lambda want: Query(files={want.path}), changes, plan=lambda have, want: [f"make or protect {want.path}"]
)
