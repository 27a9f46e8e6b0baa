"""The controller's part of the guard: run a change, revert it if it fails, prove a new login, report the outcome."""

import time

from pyinfra.api import FunctionCommand, QuoteString, StringCommand
from pyinfra.api.host import Host
from pyinfra.api.state import State

from provision.engine import patience
from provision.engine.operation import Command, script
from provision.engine.sudo import as_root
from provision.operations.access import revert
from provision.pyinfra_bridge.logins import probe_login

PATIENCE_S, PAUSE_S = 8.0, 1.0
COMMAND_LIMIT_S = 60
"""A connection that a firewall swallowed must not hold the run up for ever. More on a slow host, as PATIENCE_S."""


def guarded(command: Command) -> Command:
    """`command`, unless the host has reverted the change already; if it fails, everything is reverted at once."""
    if not isinstance(command, StringCommand):
        return command
    step = StringCommand("sh", "-c", QuoteString(revert.STEP), "step", command)
    step.connector_arguments.update(command.connector_arguments)
    return FunctionCommand(_run, (step,), {})


def proven(user: str, port: int) -> FunctionCommand:
    """A new login as `user` on `port`, with sudo; if it fails, everything is reverted at once."""
    return FunctionCommand(_prove, (user, port), {})


def _run(state: State, host: Host, command: StringCommand) -> bool:
    limit_s = patience.limit(host, COMMAND_LIMIT_S)
    arguments = {**as_root(host), **command.connector_arguments, "_timeout": int(limit_s)}
    try:
        ok, said = host.run_shell_command(command, **arguments)
        words = said.stderr.strip() or said.stdout.strip()
    except Exception as error:
        ok, words = False, patience.failure(error, limit_s)
    return ok or _undo(state, host, words)


def _prove(state: State, host: Host, user: str, port: int) -> bool:
    started = time.monotonic()
    while True:
        why = probe_login(host, user, port)
        if why is None:
            host.log(f"confirmed by a fresh login as {user} on port {port}, with sudo")
            return True
        # sshd may be between two of its lives; who was refused is not asked twice (fail2ban counts).
        if "no login with root rights" in why or time.monotonic() - started > patience.limit(
            host, PATIENCE_S
        ):
            break
        time.sleep(PAUSE_S)
    return _undo(state, host, f"a fresh login as {user} on port {port} failed: the host {why}")


def _undo(state: State, host: Host, why: str) -> bool:
    host.log(f"refused: {why}")
    limit_s = patience.limit(host, COMMAND_LIMIT_S)
    try:
        command = script(revert.revert_script(why[-1000:]))
        ok, said = host.run_shell_command(command, _timeout=int(limit_s), **as_root(host))
        words = said.stderr.strip()
    except Exception as error:
        ok, words = False, patience.failure(error, limit_s)
    if ok:
        host.log("reverted: accounts, keys, sudo, firewall and sshd are as they were before this run")
    else:
        host.log(f"cannot be reverted from here ({words}); the host will do it itself in a moment")
    return False
