"""HARVEST's first administrator: made once, so that somebody can sign in and make the other accounts."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from provision.engine.operation import Command, converge, script
from provision.engine.state import HostState, Query
from provision.remote import source
from provision.settings.secrets import value_of
from provision.settings.types import Secret


@dataclass(frozen=True)
class FirstAdmin:
    """An account in the HARVEST below `root`; an account that exists keeps its password.

    `password` is asked for only when the account is to be made. `stamp` remembers on the host that it was.
    """

    email: str
    password: Secret
    user: str
    root: str
    environment: str
    stamp: str
    store: str = ""
    """The folder of upstream's config.py where upstream's own store makes the account; "" where `harvest` does."""


def as_service(
    user: str, root: str, environment: str, program: str, *, folder: str = "", options: str = ""
) -> str:
    """A command that runs the release's Python as the service itself would, with this one's standard input."""
    return f"""systemd-run --quiet --pipe --wait --collect --property=User={user} --property=Group={user} \\
  --property=EnvironmentFile={environment} --property=WorkingDirectory={folder or f"{root}/harvest"} \\
  {options}{root}/venv/bin/python {program}"""


def add_script(want: FirstAdmin) -> str:
    """As the service itself would run it, with the password on standard input."""
    if want.store:
        program = f"-c {shlex.quote(source('upstream_admin'))} {shlex.quote(want.email)}"
        path = f"--setenv=PYTHONPATH={want.store}:{want.root}/harvest --setenv=PYTHONDONTWRITEBYTECODE=1 "
        run = as_service(want.user, want.root, want.environment, program, folder="/", options=path)
    else:
        program = f"-m harvest user add {shlex.quote(want.email)} --admin --if-missing"
        run = as_service(want.user, want.root, want.environment, program)
    return f"""umask 077
base64 -d | {run} >&2
printf '%s\\n' {shlex.quote(want.email)} >{want.stamp}"""


def changes(have: HostState, want: FirstAdmin) -> Iterator[Command]:
    if have.files[want.stamp].kind == "absent":
        yield script(add_script(want), value_of(want.password).encode() + b"\n")


create = converge(
    lambda want: Query(files={want.stamp}),
    changes,
    plan=lambda have, want: [f"add the administrator {want.email}, if there is no such account"],
)
