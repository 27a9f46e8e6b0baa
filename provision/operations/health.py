"""What a reboot or a restart would break: refused, repaired where it is ours, reported where it is not.

A run that finds all its files in place is not enough: sshd keeps running over a configuration that it would refuse
at its next start. Every run asks the tools themselves, within its one look (provision/remote/health.py).
"""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from pyinfra.api import QuoteString, StringCommand

from provision.engine.operation import Command, converge, log_output, script
from provision.engine.state import HostState, Query
from provision.operations.apt import APT_WAIT_S, repair_script
from provision.remote import program

FIRST = {"sshd": "sshd -t", "sudo": "visudo -c"}
"""Checks of what decides who can log in: no change is made on top of one that fails."""
LEFTOVERS = program("leftovers", "host_files", "health")
AFTERWARDS = {
    "sshd": "sshd -t refuses its configuration, so no login would work after its next restart: {}. "
    "Correct or remove that line",
    "sudo": "visudo -c refuses sudo's configuration: {}. Correct or remove that line",
    "fstab": "the host may not come back from a reboot: {}. Correct the line, or add nofail",
    "dpkg": "a package is not whole: {}. Look with: dpkg --audit; dpkg --configure -a",
    "units": "{}. Correct it, then: systemctl daemon-reload",
    "apt": "updates are not as set: {}. Remove that line",
}


@dataclass(frozen=True)
class Health:
    """Nothing is wrong in any file but `ours`, which the run puts right itself."""

    ours: tuple[str, ...] = ()


def others(lines: list[str], ours: tuple[str, ...]) -> list[str]:
    """What is wrong in files that are not ours; sshd's last line only counts the others."""
    lines = [line.rstrip(".") for line in lines if ": terminating, " not in line]
    return [line for line in lines if not any(path in line for path in ours)]


def refusals(have: HostState, want: Health) -> list[str]:
    """A sentence for each check that must hold before anything changes."""
    found = {tool: others(have.health[name], want.ours) for name, tool in FIRST.items()}
    return [f"{tool} says: {'; '.join(lines)}" for tool, lines in found.items() if lines]


def refuse_changes(have: HostState, want: Health) -> Iterator[Command]:
    if said := refusals(have, want):
        yield _fail(
            f"{' · '.join(said)}. Correct or remove that line first: a change on top of it could shut out every login. "
            "Nothing was changed."
        )


def leftover_changes(have: HostState, want: Health) -> Iterator[Command]:
    if have.health["leftovers"]:
        yield log_output(StringCommand("python3", "-c", QuoteString(LEFTOVERS), str(APT_WAIT_S)))


def repair_changes(have: HostState, want: Health) -> Iterator[Command]:
    if found := have.health["dpkg"]:
        again = [line.split()[0] for line in found if line.endswith(("reinstallation", "half-installed"))]
        yield log_output(script(repair_script(again)), must=False)


def repair_remarks(have: HostState, want: Health) -> Iterator[str]:
    if found := have.health["dpkg"]:
        more = f" and {len(found) - 3} more" if len(found) > 3 else ""
        yield f"finishing what an interrupted apt or dpkg left: {', '.join(found[:3])}{more}"


def findings(have: HostState) -> list[str]:
    """A sentence for each thing that is wrong at the end of a run."""
    return [
        sentence.format("; ".join(lines))
        for name, sentence in AFTERWARDS.items()
        if (lines := others(have.health[name], ()))
    ]


def require_changes(have: HostState, want: Health) -> Iterator[Command]:
    if found := findings(have):
        yield _fail("\n".join(f"not healthy: {sentence}" for sentence in found))


def _fail(words: str) -> Command:
    return script(f"printf '%s\\n' {shlex.quote(words)} >&2; exit 1")


refuse_broken_access = converge(lambda want: Query(health=set(FIRST)), refuse_changes, refusals=refusals)
end_leftovers = converge(
    lambda want: Query(health={"leftovers"}),
    leftover_changes,
    plan=lambda have, want: [f"wait for {line}, else end it" for line in have.health["leftovers"]],
)
repair_packages = converge(lambda want: Query(health={"dpkg"}), repair_changes, repair_remarks)
require = converge(
    lambda want: Query(health=set(AFTERWARDS)),
    require_changes,
    plan=lambda have, want: [f"fail, unless it is repaired by then: {line}" for line in findings(have)],
)
