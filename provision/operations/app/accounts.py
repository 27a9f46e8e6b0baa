"""HARVEST's own accounts, by its own program: listed, added, given another password."""

import secrets
import shlex
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field

from pyinfra import host
from pyinfra.api import operation
from pyinfra.api.operation import OperationMeta

from provision.engine import lock
from provision.engine.operation import Command, call, log, log_output, record, script
from provision.engine.state import Query
from provision.operations.app.first_admin import as_service
from provision.pyinfra_bridge.report import Step, operation_name, report_of

WORDS = ("add", "reset", "list")


@dataclass(frozen=True)
class Accounts:
    """What to do with accounts of the HARVEST of `user` below `root`: list them, or `add` or `reset` an address."""

    user: str
    root: str
    environment: str
    add: str = ""
    reset: str = ""
    admin: bool = False
    password: str = field(default_factory=lambda: secrets.token_urlsafe(12), repr=False)
    """Made here, shown once to the operator, and read by the host on standard input alone."""


def problem(words: dict[str, str]) -> str:
    """What is wrong with what --data says, "" where nothing is."""
    said = [word for word in WORDS if words.get(word)]
    if len(said) != 1:
        return "say one of --data add=ADDRESS, --data reset=ADDRESS, --data list=yes"
    address = words[said[0]]
    if said[0] != "list" and ("@" not in address or any(sign.isspace() for sign in address)):
        return f"--data {said[0]}={address}: must be an e-mail address"
    return ""


def program(want: Accounts) -> str:
    """The words for HARVEST's program."""
    if want.add:
        return f"-m harvest user add {shlex.quote(want.add)}{' --admin' if want.admin else ''}"
    if want.reset:
        return f"-m harvest user password {shlex.quote(want.reset)}"
    return "-m harvest user list"


def commands(want: Accounts) -> Iterator[Command]:
    run = as_service(want.user, want.root, want.environment, program(want))
    address = want.add or want.reset
    if not address:
        yield log_output(script(run))
        return
    yield log_output(script(f"base64 -d | {run}", want.password.encode() + b"\n"))
    yield log(
        f"the password of {address} is now: {want.password}   (shown this once; hand it over, to be changed)"
    )


def sentence(want: Accounts) -> str:
    if want.add:
        return f"add {want.add}{' as an admin' if want.admin else ''} to {want.user}, with a new password"
    return f"give {want.reset} of {want.user} a new password, which ends all its sessions"


def _apply(want: Accounts) -> Generator[Command, None, None]:
    changes = bool(want.add or want.reset)
    step = Step(operation_name(host), [sentence(want)]) if changes else None
    if not host.state.is_executing:
        if step:
            report_of(host).plan.append(step)
            yield from commands(want)
        return
    if step:
        if not lock.holds(host):
            yield lock.take()
        record(step)
    yield from commands(want)


_wrapped = operation(is_idempotent=False)(_apply)


def manage(name: str, want: Accounts) -> OperationMeta:
    """A new password each time: no second run finds it done."""
    return call(Query(), lambda: _wrapped(name=name, want=want))
