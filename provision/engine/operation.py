"""How every operation of ours is made: a pure function `changes(have, want) -> commands`.

No commands, no change: a second run is a true no-op. What `have` must hold is announced when the deploy is
prepared, so that one round trip serves all operations of a run that finds nothing to do. A run that does find
something takes the operator's lock before its first change.
"""

import base64
from collections.abc import Callable, Generator, Iterable
from typing import Any, Protocol, TypeVar

from paramiko import SSHException
from pyinfra import host
from pyinfra.api import FunctionCommand, StringCommand, operation
from pyinfra.api.host import Host
from pyinfra.api.operation import OperationMeta
from pyinfra.api.state import State

from provision.engine import lock
from provision.engine.state import HostState, Query, Unreadable, announce, forget, state_of
from provision.engine.sudo import as_root
from provision.pyinfra_bridge.order import install
from provision.remote import aide, health

install()

Want = TypeVar("Want", contravariant=True)
Command = StringCommand | FunctionCommand


class Operation(Protocol[Want]):
    """What `converge` returns: called by tasks with a name for the log and the state wanted."""

    def __call__(self, name: str, want: Want, **pyinfra_arguments: Any) -> OperationMeta: ...


def converge(
    query: Callable[[Want], Query],
    changes: Callable[[HostState, Want], Iterable[Command | str]],
    remarks: Callable[[HostState, Want], Iterable[str]] = lambda have, want: (),
) -> Operation[Want]:
    """A pyinfra operation out of a query and a pure function; `remarks` are told, change or not."""

    def apply(want: Want) -> Generator[Command | str, None, None]:
        try:
            have = state_of(host, query(want))
        except Unreadable as why:
            if not host.state.is_executing:
                raise Unreadable(f"{host.name}: {why}") from None
            yield FunctionCommand(_refuse, (str(why),), {})
            return
        commands = list(changes(have, want))
        if host.state.is_executing:
            for sentence in remarks(have, want):
                host.log(sentence)
        for command in commands:
            if host.state.is_executing:
                if not lock.holds(host):
                    yield lock.take()
                forget(host)
            yield command
        if commands and host.state.is_executing:
            forget(host)

    wrapped = operation()(apply)

    def call(name: str, want: Want, **pyinfra_arguments: Any) -> OperationMeta:
        announce(host, query(want))
        return wrapped(name=name, want=want, **pyinfra_arguments)

    return call


STEP = f"""export {health.MARK}
mkdir -p {aide.JOURNAL} 2>/dev/null && note=$(mktemp {aide.JOURNAL}/XXXXXXXX) || note=
export HARVEST_NOTE="$note"
code=0; sh -c "$1" || code=$?
[ -z "$note" ] || mv "$note" "$note.done" 2>/dev/null || true
exit $code"""
"""Around each script: what it starts is known by its environment, and when it was at work by the journal. Both
outlive the run: the next one waits for what is at work still, and does not take our own changes for others'."""


def script(text: str, stdin: bytes = b"") -> StringCommand:
    """A POSIX shell script that runs as one command and stops at its first error.

    `stdin` reaches the script as base64 on its standard input, which neither the host's process list nor
    `--debug` shows: the way for secrets and for archives.
    """
    command = StringCommand("sh", "-c", _quoted(STEP), "step", _quoted("set -eu\n" + text))
    if stdin:
        command.connector_arguments["_stdin"] = base64.encodebytes(stdin).decode()
    return command


def _refuse(state: State, host: Host, sentence: str) -> bool:
    host.log(sentence)
    return False


def telling(command: StringCommand, *, must: bool = True) -> FunctionCommand:
    """`command`, whose output is told to the operator; with `must` off, the run goes on where it fails."""
    return FunctionCommand(_tell, (command, must), {})


def _tell(state: State, host: Host, command: StringCommand, must: bool) -> bool:
    try:
        ok, said = host.run_shell_command(command, **{**as_root(host), **command.connector_arguments})
    except (SSHException, EOFError, OSError):  # transport.tell_lost says so
        return False
    for line in [*said.stdout.splitlines(), *([] if ok else said.stderr.splitlines())]:
        host.log(line)
    return ok or not must


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\"'\"'") + "'"
