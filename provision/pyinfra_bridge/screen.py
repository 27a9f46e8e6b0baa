"""What pyinfra's command line shows of our runs: what would change, what did, and how each host is left.

pyinfra's own tables have a line for each operation, 46 of them where nothing is to do, and `--json` leaves out what
operations say. pyinfra 3.10 has no hooks here, so functions of its command line are replaced, by name;
tests/unit/pyinfra_bridge/test_screen.py notices when a new pyinfra no longer has one.
"""

import importlib
import logging
import re
import shlex
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from pyinfra import logger
from pyinfra.api.exceptions import PyinfraError
from pyinfra.api.host import Host

from provision.pyinfra_bridge.command_line import compares, only_looks
from provision.pyinfra_bridge.report import (
    Drift,
    drift_code,
    drift_lines,
    failure_lines,
    on_change,
    operation_name,
    plan_lines,
    report_of,
    status_lines,
    summary_lines,
)

NO_TERMINAL = (
    "There is no terminal here to ask whether to go on, so nothing was changed. Look first with --dry; "
    "then, without being asked: add -y"
)
_theirs: dict[str, Any] = {}
_log = Host.log


def install(options: Mapping[str, Any]) -> None:
    """From here on, for a run of deploy files. Ends a run that would ask where nobody can answer."""
    operations = options.get("operations") or ()
    if not operations or not all(str(name).endswith(".py") for name in operations):
        return
    asks = not only_looks(options) and not any(
        options.get(key) for key in ("yes", "dry", "json_output", "debug_operations", "debug_facts")
    )
    if asks and not sys.stdin.isatty():
        print(NO_TERMINAL, file=sys.stderr, flush=True)
        sys.exit(1)
    cli = importlib.import_module("pyinfra_cli.cli")
    if _theirs:
        return
    replaced = {
        "_handle_commands": _prepare,
        "_do_confirm": _confirm,
        "run_ops": _run,
        "print_results": _print_results,
        "print_run_json": _print_json,
    }
    for name, ours in replaced.items():
        _theirs[name] = getattr(cli, name)
        setattr(cli, name, ours)
    Host.log = _remember  # type: ignore[method-assign]


class Quiet(logging.Filter):
    """Holds an operation's headline back until it has something to say; "No changes" is nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.held: logging.LogRecord | None = None

    def filter(self, record: logging.LogRecord) -> bool:
        words = click.unstyle(str(record.msg))
        if words.startswith("--> Starting operation"):
            self.held = record
            return False
        if re.fullmatch(r"\[[^]]+\] +No changes", words.strip()):
            return False
        if words.startswith("--> "):
            self.held = None
        self.release()
        return True

    def release(self) -> None:
        """Show the headline now: it begins to change something."""
        held, self.held = self.held, None
        for handler in logger.handlers:
            if held:
                handler.handle(held)


def _remember(self: Host, message: str, *arguments: Any, **more: Any) -> None:
    report_of(self).messages.append({"operation": operation_name(self), "message": message})
    _log(self, message, *arguments, **more)


def _options() -> dict[str, Any]:
    return click.get_current_context().params


def _prepare(state: Any, config: Any, *arguments: Any, **more: Any) -> Any:
    """Prepare, show the plan and ask; pyinfra then has nothing to show or ask any more."""
    state.print_fact_info = state.print_fact_input  # -v is about what changes; -vv shows queries
    if not state.print_input and not _options()["debug"]:
        quiet = Quiet()
        logger.addFilter(quiet)
        on_change(quiet.release)
    options = _options()
    # Who types both wants to look; pyinfra would show nothing.
    yes = options["yes"] and not options["dry"]
    state.check_for_changes = not yes or compares(options)
    try:
        result = _theirs["_handle_commands"](state, config, *arguments, **more)
    except PyinfraError:
        _end_with_failures(state)
        raise
    if compares(options):
        _end_with_drift(state)
    if only_looks(options):
        if options["dry"]:  # a run of these is no other
            _print_status(state, list(state.inventory.get_active_hosts()))
        return (False, *result[1:])
    if yes or options["json_output"] or options["debug_operations"] or options["debug_facts"]:
        return result
    names = [host.name for host in state.inventory.get_active_hosts()]
    logger.info("--> What would change:")
    for name in names:
        for line in plan_lines(name, report_of(name)):
            logger.info(line)
    if any(step.stops for name in names for step in report_of(name).plan) and options["dry"]:
        logger.error("This run would stop; the reasons stand above.")
    due = any(report_of(name).plan for name in names)
    if due and not options["dry"] and not _confirm("Change this?"):
        sys.exit(1)
    return (False, *result[1:])


def _confirm(message: str) -> bool:
    """Enter, y or yes; anything else, and the end of the input, is no."""
    click.echo(f"\n    {message}\n    Press enter to go on, anything else stops: ", err=True, nl=False)
    try:
        answer = input()
    except EOFError:
        answer = "no"
    if answer.strip().lower() in ("", "y", "yes"):
        return True
    click.echo("    Stopped; nothing more is changed.", err=True)
    return False


def _run(state: Any, **options: Any) -> None:
    """Where the last host fails, pyinfra ends without any results."""
    try:
        _theirs["run_ops"](state, **options)
    except PyinfraError:
        _end_with_failures(state)
        raise


def _end_with_failures(state: Any) -> None:
    """End the run with results where it is hosts that failed; else the error is pyinfra's to show."""
    if not state.failed_hosts:
        return
    if _options()["json_output"]:
        _print_json(state, dry=_options()["dry"])
    logger.info("--> Results:")
    _print_results(state)
    sys.exit(1)


def _changed(state: Any, host: Host) -> list[str]:
    """The names of the operations that changed something on a host."""
    done = [(key, state.ops[host].get(key)) for key in state.get_op_order()]
    steps = [step.operation for step in report_of(host).done]
    named = [
        (sorted(state.op_meta[key].names)[0], data.operation_meta) for key, data in done if data is not None
    ]
    return [name for name, meta in named if meta.is_complete() and meta.did_change() and name in steps]


def _failures(state: Any) -> dict[str, str]:
    """By host: the operation that failed, "" where it was none."""
    found = {}
    for host in sorted(state.failed_hosts, key=str):
        failed = [key for key, data in state.ops[host].items() if data.operation_meta._success is False]
        found[host.name] = sorted(state.op_meta[failed[-1]].names)[0] if failed else ""
    return found


def _print_results(state: Any) -> None:
    """A paragraph for each host, in the order of the inventory; with -v what each operation changed."""
    for each in [each for each in logger.filters if isinstance(each, Quiet)]:
        logger.removeFilter(each)  # of a whole host, "No changes" is news
    good = [host for host in state.inventory.iter_activated_hosts() if host not in state.failed_hosts]
    if only_looks(_options()):
        _print_status(state, good)
        return
    for host in good:
        changed, summary = _changed(state, host), report_of(host).summary
        if changed and summary:
            pytest, inventory = str(Path(sys.argv[0]).with_name("pytest")), str(_options()["inventory"])
            words = [pytest, "tests/audit", "--inventory", inventory, "--limit", host.name]
            summary.next = [f"{shlex.join(words)}   (proves the state)"]
        for line in summary_lines(host.name, changed, summary, len(good) > 1):
            logger.info(line)
    if failures := _failures(state):
        for line in failure_lines(failures, again(sys.argv)):
            logger.error(line)


def _print_status(state: Any, good: list[Host]) -> None:
    """A paragraph for each host; ends the run where one is not well, or was not reached."""
    summaries = {host.name: summary for host in good if (summary := report_of(host).summary)}
    for host in good if _options()["dry"] else []:
        for sentence in report_of(host).noted:
            logger.info(f"[{host.name}] {sentence}")
    for name, summary in summaries.items():
        for line in status_lines(name, summary):
            logger.info(line)
    for name in _failures(state):
        logger.error(f"[{name}] could not be asked; its words stand above")
    if _failures(state) or unreached or any(summary.wrong for summary in summaries.values()):
        sys.exit(1)


def _end_with_drift(state: Any) -> None:
    """End the run before it would begin: with how each host differs, and the exit code that says whether one does."""
    names = [host.name for host in state.inventory.get_active_hosts()]
    drifts = {name: report_of(name).drift or Drift(unknown=["its state was not compared"]) for name in names}
    drifts |= {name: Drift(unknown=[why]) for name, why in unreached.items()}
    drifts |= {
        name: Drift(unknown=["could not be asked; its words stand above"]) for name in _failures(state)
    }
    if _options()["json_output"]:
        importlib.import_module("pyinfra_cli.prints").print_json(
            {"hosts": {name: drift.data() for name, drift in drifts.items()}}
        )
    else:
        for name, drift in drifts.items():
            for line in drift_lines(name, drift):
                logger.info(line)
    sys.exit(drift_code(drifts.values()))


unreached: dict[str, str] = {}
"""Hosts that a run which only looks leaves out, and why: they are shown, and its exit code is 1."""


def again(argv: list[str]) -> str:
    """The command line of this run, without what chose its hosts, so that failed ones can be named."""
    words, skip = [], False
    for word in argv:
        if not skip and not word.startswith("--limit="):
            skip = word == "--limit"
            words += [] if skip else [word]
        else:
            skip = False
    return shlex.join(words)


def _print_json(state: Any, dry: bool) -> None:
    """pyinfra's own JSON, with what operations said, and how hosts are left."""
    cli = importlib.import_module("pyinfra_cli.prints")
    hosts = list(state.inventory.iter_activated_hosts())
    payload = {
        "plan": cli.build_plan_json(state),
        "results": None if dry else cli.build_results_json(state),
        "hosts": {host.name: _as_data(report_of(host)) for host in hosts},
    }
    cli.print_json(payload)


def _as_data(report: Any) -> dict[str, Any]:
    return {
        "would_change": [asdict(step) for step in report.plan],
        "noted": report.noted,
        "changed": [asdict(step) for step in report.done],
        "messages": report.messages,
        "summary": vars(report.summary) if report.summary else None,
    }
