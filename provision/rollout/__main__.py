"""The command line of a rollout, and its first questions.

This process does not import pyinfra, which would replace its signals and sockets by gevent's.
"""

import argparse
import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import provision.rollout
from provision.rollout import record as records
from provision.rollout.commands import Words
from provision.rollout.plan import PlanError, batches, plan_lines
from provision.rollout.record import Busy, HostRecord, Record
from provision.rollout.rollout import Rollout, now, where
from provision.rollout.shell import Shell

REPO = Path(__file__).parents[2]
GATE = "harvest or nginx"
"""The audit's checks of what users meet; those of certificates ask the authority, which takes its time."""
NO_TESTS = 5
"""pytest's exit code where `-m` leaves none."""
NO_TERMINAL = (
    "There is no terminal here to ask whether to go on, so nothing was changed. Without being asked: add -y"
)


def stop(*lines: str) -> NoReturn:
    print("\n".join(lines), file=sys.stderr, flush=True)
    sys.exit(1)


def say(line: str) -> None:
    print(line, flush=True)


def options(words: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m provision.rollout",
        description=provision.rollout.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("inventory", help="the pyinfra inventory, e.g. inventories/prod.py")
    parser.add_argument(
        "action",
        nargs="?",
        choices=("start", "resume", "return", "show"),
        default="start",
        help="resume: go on where it stopped; return: back to the releases before; show: where each host stands",
    )
    parser.add_argument(
        "--canary", default="", metavar="HOST", help="the host that is first (the inventory's first)"
    )
    parser.add_argument(
        "--batch", type=int, default=0, metavar="N", help="hosts at a time after it (a quarter)"
    )
    parser.add_argument(
        "--gate", default=GATE, help=f'checks of the audit after each batch, as for -m ("{GATE}")'
    )
    parser.add_argument(
        "--limit", action="append", default=[], help="these hosts or groups only, as with pyinfra"
    )
    parser.add_argument("--exclude", action="append", default=[], help="without these, as with pyinfra")
    parser.add_argument("--dry", action="store_true", help="show the plan, change nothing")
    parser.add_argument("-y", "--yes", action="store_true", help="do not ask")
    return parser.parse_args(words)


def hosts_of(inventory: str, words: argparse.Namespace) -> list[str]:
    """The hosts that the inventory and the options mean; ends where the inventory is wrong, in its own words."""
    command = [sys.executable, "-m", "provision.rollout.hosts", inventory]
    for name in ("limit", "exclude"):
        command += [word for host in getattr(words, name) for word in (f"--{name}", host)]
    done = subprocess.run(command, cwd=REPO, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(1)
    return list(json.loads(done.stdout))


def require_gate(gate: str) -> None:
    """End where the audit cannot be run, or has no check that the gate chooses."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "--collect-only",
        "-p",
        "no:cacheprovider",
        "tests/audit",
    ]
    done = subprocess.run([*command, "-m", gate], cwd=REPO, capture_output=True, text=True)
    if "No module named pytest" in done.stderr:
        install = f"{sys.executable} -m pip install --require-hashes -r requirements-dev.txt"
        stop(f"pytest is not installed, and the audit needs it: {install}")
    if done.returncode == NO_TESTS:
        stop(f'--gate "{gate}": chooses no check of the audit; try "{GATE}", or "harvest"')
    if done.returncode:
        lines = (done.stdout + done.stderr).splitlines()
        stop(
            f'--gate "{gate}": the audit cannot be run:',
            *[line for line in lines if line.startswith("ERROR")],
        )


def confirm(count: int) -> bool:
    """Enter, y or yes; anything else, and the end of the input, is no."""
    print(
        f"Roll out to {count} host{'s' if count > 1 else ''}? Press enter to go on, anything else stops: ",
        end="",
    )
    sys.stdout.flush()
    return sys.stdin.readline().strip("\r\n ").lower() in ("", "y", "yes")


def at_work(folder: Path, inventory: str, typed: str, record: Record) -> Rollout:
    command = shlex.join([os.path.relpath(sys.executable), "-m", "provision.rollout", typed])
    words = Words(Path(sys.executable).parent, inventory)
    return Rollout(record, folder, words, Shell(REPO, folder / "log"), command, say)


def planned(words: argparse.Namespace, inventory: str) -> Record:
    """A new rollout's record."""
    hosts = hosts_of(inventory, words)
    try:
        steps = batches(hosts, words.canary, words.batch)
    except PlanError as why:
        stop(f"{words.inventory}: {why}")
    return Record(
        inventory=inventory,
        began=now(),
        gate=words.gate,
        batches=[list(step) for step in steps],
        hosts={name: HostRecord() for name in hosts},
    )


def resumed(words: argparse.Namespace, inventory: str, former: Record) -> Record:
    """The former rollout's record, without the hosts that are left out now."""
    hosts = hosts_of(inventory, words)
    kept = {name: host for name, host in former.hosts.items() if name in hosts}
    if not kept:
        stop(f"{words.inventory}: none of its hosts was in the rollout, which had {', '.join(former.hosts)}")
    left = [[name for name in batch if name in kept] for batch in former.batches]
    return former.model_copy(update={"hosts": kept, "batches": [batch for batch in left if batch]})


def main() -> int:
    words = options()
    if not Path(words.inventory).is_file():
        stop(f"{words.inventory}: is not there; name the inventory, like inventories/prod.py")
    path = Path(words.inventory).resolve()
    inventory = str(path.relative_to(REPO) if path.is_relative_to(REPO) else path)
    folder = records.folder_of(path)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if words.action == "show":
        return show(words, inventory, folder)
    try:
        with records.locked(folder):
            return act(words, inventory, folder)
    except Busy:
        stop(f"{words.inventory}: another process is at its rollout; watch it: tail -f {folder / 'log'}")
    except KeyboardInterrupt:  # before the rollout began
        say("Stopped; nothing was changed.")
        return 130


def show(words: argparse.Namespace, inventory: str, folder: Path) -> int:
    """Where each host stands, as last seen."""
    former = records.read(folder)
    if former is None:
        stop(f"{words.inventory}: has no rollout")
    at_work(folder, inventory, words.inventory, former).end()
    return 0


def act(words: argparse.Namespace, inventory: str, folder: Path) -> int:
    """Start, resume or return."""
    former = records.read(folder)
    if words.action == "start" and former and not former.is_over and not words.dry:
        left = at_work(folder, inventory, words.inventory, former)
        if former.state == "running":  # its process was killed
            former.state = "interrupted"
        stop("A former rollout is half-way.", *where(former), *left.what_next())
    if words.action == "resume" and former and former.state == "done":
        stop(f"{words.inventory}: its rollout of {former.began} is done; there is nothing to resume")
    if words.action != "start" and former is None:
        stop(f"{words.inventory}: has no rollout to {words.action}")
    if words.action != "return" and not (words.yes or words.dry or sys.stdin.isatty()):
        stop(NO_TERMINAL)
    record = (
        resumed(words, inventory, former) if former and words.action != "start" else planned(words, inventory)
    )
    rollout = at_work(folder, inventory, words.inventory, record)
    if words.action != "return":
        require_gate(record.gate)
        say(f'{len(record.hosts)} hosts of {inventory}; after each batch the audit\'s "{record.gate}":')
        for line in plan_lines(record.batches):
            say(line)
        if words.dry:
            limit = record.batches[0][0]
            say(f"What would change on the first: pyinfra {inventory} deploy.py --dry --limit {limit}")
            return 0
        if not words.yes and not confirm(len(record.hosts)):
            stop("Stopped; nothing was changed.")
    if words.action == "start":
        rollout.shell.log.write_text("")
    say(f"Log: {rollout.shell.log}")
    try:
        if words.action != "return":
            return rollout.go()
        rollout.go_back()
        rollout.end()
        return int(record.state != "returned")
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        return rollout.interrupted()


if __name__ == "__main__":
    sys.exit(main())
