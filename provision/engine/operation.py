"""How every operation of ours is made: a pure function `changes(have, want) -> commands`.

No commands, no change: a second run is a true no-op. What `have` must hold is announced when the operation is called,
so that one round trip serves all operations of a run that finds nothing to do. A run that does find something takes
the operator's lock before its first change.
"""

import base64
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Protocol, TypeVar

from paramiko import SSHException
from pyinfra import host
from pyinfra.api import FunctionCommand, StringCommand, operation
from pyinfra.api.host import Host
from pyinfra.api.operation import OperationMeta
from pyinfra.api.state import State

from provision.engine import lock
from provision.engine.state import HostState, Query, Unreadable, announce, expect, forget, state_of
from provision.engine.sudo import as_root
from provision.pyinfra_bridge.order import called_at, install, order_from_stack
from provision.pyinfra_bridge.report import Difference, Step, changing, operation_name, report_of
from provision.remote import aide, health

install()

Want = TypeVar("Want", contravariant=True)
Command = StringCommand | FunctionCommand
_gathered: dict[str, list[tuple[list[int], Callable[[], OperationMeta]]]] = {}
"""By host name: operations that wait until all are known, and where each was called."""


class Operation(Protocol[Want]):
    """What `converge` returns: called by tasks with a name for the log and the state wanted."""

    def __call__(self, name: str, want: Want, **pyinfra_arguments: Any) -> OperationMeta: ...


@contextmanager
def one_look(on: Host) -> Iterator[None]:
    """Operations that are called inside are prepared at the end, when all have said what they need to know.

    pyinfra prepares each as it is called, and without -y looks at the host for it: 38 times, for as many operations.
    """
    waiting = _gathered[on.name] = []
    try:
        yield
    finally:
        del _gathered[on.name]
    for order, prepare in waiting:
        called_at(order)
        prepare()


def call(query: Query, prepare: Callable[[], OperationMeta]) -> OperationMeta:
    """Announce the query, and prepare the operation: now, or when all of `one_look`'s are known."""
    announce(host, query)
    if host.name not in _gathered:
        return prepare()
    _gathered[host.name].append((order_from_stack(host.state), prepare))
    return OperationMeta("", None)


def converge(
    query: Callable[[Want], Query],
    changes: Callable[[HostState, Want], Iterable[Command | str]],
    remarks: Callable[[HostState, Want], Iterable[str]] = lambda have, want: (),
    *,
    plan: Callable[[HostState, Want], Iterable[str]] | None = None,
    refusals: Callable[[HostState, Want], Iterable[str]] = lambda have, want: (),
    diff: Callable[[Host, HostState, Want], Iterable[str]] = lambda on, have, want: (),
    after: Callable[[HostState, Want], HostState] = lambda have, want: have,
    differences: Callable[[HostState, Want], Iterable[Difference]] | None = None,
) -> Operation[Want]:
    """A pyinfra operation out of a query and a pure function.

    `remarks` are logged by each run, change or not. `plan` says what a change consists of, in the imperative (else the
    remarks do): a dry run shows it. `refusals` are why a run would stop here, `diff` the text that changes, `after`
    the state that later operations will find, as far as a dry run needs it, and `differences` what is not as wanted
    (else the sentences are), for operate/drift.py.
    """

    def step(have: HostState, want: Want, commands: list[Command | str]) -> Step:
        said = list((plan or remarks)(have, want))
        said += [sentence for command in commands if (sentence := log_sentence(command))]
        said = [imperative(sentence) for sentence in said]
        shown = list(diff(host, have, want)) if host.state.config.DIFF else []
        stops, name = list(refusals(have, want)), operation_name(host)
        differing = differences(have, want) if differences else by_words([*said, *stops], name)
        differing = [replace(each, what=imperative(each.what)) for each in differing]
        return Step(name, said, shown, stops, differing)

    def prepare(have: HostState, want: Want, commands: list[Command | str]) -> None:
        report = report_of(host)
        if commands:
            report.plan.append(step(have, want, commands))
            expect(host, after(have, want))
        else:
            report.noted += remarks(have, want)

    def apply(want: Want) -> Generator[Command | str, None, None]:
        try:
            have = state_of(host, query(want))
        except Unreadable as why:
            if not host.state.is_executing:
                raise Unreadable(f"{host.name}: {why}") from None
            yield FunctionCommand(_refuse, (str(why),), {})
            return
        commands = list(changes(have, want))
        if not host.state.is_executing:
            prepare(have, want, commands)
            yield from commands
            return
        if commands and not lock.holds(host):
            yield lock.take()
            forget(host)  # another run may have been at work until now
            have = state_of(host, query(want))
            commands = list(changes(have, want))
        if commands:
            record(step(have, want, commands))
        if not (commands and verbose()):
            for sentence in remarks(have, want):
                host.log(sentence)
        for command in commands:
            forget(host)
            yield command
        if commands:
            forget(host)

    wrapped = operation()(apply)

    def called(name: str, want: Want, **pyinfra_arguments: Any) -> OperationMeta:
        return call(query(want), lambda: wrapped(name=name, want=want, **pyinfra_arguments))

    return called


def by_words(sentences: Iterable[str], operation: str) -> list[Difference]:
    """Differences that are known by their sentences alone, at least one."""
    return [Difference(sentence) for sentence in sentences] or [Difference(operation)]


DOING = {
    "changing": "change",
    "putting": "put",
    "reloading": "reload",
    "removing": "remove",
    "restarting": "restart",
    "starting": "start",
    "stopping": "stop",
    "taking": "take",
    "unmasking": "unmask",
}


def imperative(sentence: str) -> str:
    """A remark as a plan has it: "starting a unit" is said while it happens, "start a unit" before."""
    first, space, rest = sentence.partition(" ")
    return DOING.get(first, first) + space + rest


def verbose() -> bool:
    """Whether each change is logged in full: -v."""
    return bool(host.state.print_noop_info)


def record(step: Step) -> None:
    """Remember what an operation changes; with -v say it, and with --diff show it where no plan has."""
    report_of(host).done.append(step)
    changing()
    if verbose():
        for sentence in step.sentences:
            host.log(sentence)
    if not host.state.check_for_changes:
        for line in step.diff:
            host.log(f"| {line}")


def log(sentence: str) -> FunctionCommand:
    """A command that logs a sentence, and changes nothing."""
    return FunctionCommand(_say, (sentence,), {})


def log_sentence(command: Command | str) -> str:
    """What `log` would say; "" for any other command."""
    if isinstance(command, FunctionCommand) and command.function is _say:
        return str(command.args[0])
    return ""


def _say(state: State, host: Host, sentence: str) -> bool:
    host.log(sentence)
    return True


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


def log_output(command: StringCommand, *, must: bool = True) -> FunctionCommand:
    """`command`, whose output is logged; with `must` off, the run goes on if it fails."""
    return FunctionCommand(_log_output, (command, must), {})


def _log_output(state: State, host: Host, command: StringCommand, must: bool) -> bool:
    try:
        ok, said = host.run_shell_command(command, **{**as_root(host), **command.connector_arguments})
    except (SSHException, EOFError, OSError):  # transport.tell_lost says so
        return False
    for line in [*said.stdout.splitlines(), *([] if ok else said.stderr.splitlines())]:
        host.log(line)
    return ok or not must


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\"'\"'") + "'"
