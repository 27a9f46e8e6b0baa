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


def add_script(want: FirstAdmin) -> str:
    """As the service itself would run it, with the password on standard input."""
    folder, path, program = f"{want.root}/harvest", "", "-m harvest user add"
    last = " --admin --if-missing"
    if want.store:
        folder, last, program = "/", "", f"-c {shlex.quote(source('upstream_admin'))}"
        path = f"--setenv=PYTHONPATH={want.store}:{want.root}/harvest --setenv=PYTHONDONTWRITEBYTECODE=1 "
    return f"""umask 077
base64 -d | systemd-run --quiet --pipe --wait --collect --property=User={want.user} --property=Group={want.user} \\
  --property=EnvironmentFile={want.environment} --property=WorkingDirectory={folder} \\
  {path}{want.root}/venv/bin/python {program} {shlex.quote(want.email)}{last} >&2
printf '%s\\n' {shlex.quote(want.email)} >{want.stamp}"""


def changes(have: HostState, want: FirstAdmin) -> Iterator[Command]:
    if have.files[want.stamp].kind == "absent":
        yield script(add_script(want), value_of(want.password).encode() + b"\n")


create = converge(
    lambda want: Query(files={want.stamp}),
    changes,
    plan=lambda have, want: [f"add the administrator {want.email}, if there is no such account"],
)
