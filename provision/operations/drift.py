"""How a host differs from the settings, by the plans of deploy.py's own operations, and from what the last run left."""

import re
from collections.abc import Generator, Iterable, Iterator
from dataclasses import replace

from pyinfra import host
from pyinfra.api import operation
from pyinfra.api.operation import OperationMeta

from provision.engine.operation import Command, call
from provision.engine.state import Finding, HostState, Integrity, state_of
from provision.operations import aide
from provision.operations.aide import Baseline
from provision.pyinfra_bridge.report import Difference, Drift, Step, report_of

WATCHED = ("/etc/", "/usr/local/", "/root/.ssh/")
"""Where AIDE would have found an edit (templates/system/aide.conf.j2), but for UNWATCHED."""
UNWATCHED = ("/etc/hosts", "/etc/letsencrypt/", "/etc/harvest/tls/", "/etc/ssl/certs/")


def attributed(have: HostState, steps: Iterable[Step]) -> Iterator[Difference]:
    """Each difference with what made it and the operation that would put it right; then what none answers for."""
    found, told = aide.found(have), set()
    outside = {finding.path: finding for finding in aide.outside(have)}
    for step in steps:
        for each in step.differences:
            finding = named(each, outside)
            if finding:
                told.add(finding.path)
                yield replace(
                    each,
                    subject=finding.path,
                    since=finding.since or each.since,
                    operation=step.operation,
                    cause="edited",
                )
            else:
                yield replace(each, operation=step.operation, cause=cause(each.subject, found))
    for path, finding in outside.items():
        if path not in told:
            expected, there = FOREIGN[finding.what]
            yield Difference(aide.sentence(finding), path, expected, there, finding.since, cause="foreign")


FOREIGN = {
    "added": ("absent", "there"),
    "changed": ("as the last run left it", "changed"),
    "removed": ("there", "absent"),
}


def named(each: Difference, outside: dict[str, Finding]) -> Finding | None:
    """What others changed of it: its path, or one that its sentence names."""
    words = [each.subject] if each.subject else re.split(r"[\s:(),]+", each.what)
    return next((outside[word] for word in words if word in outside), None)


def cause(subject: str, found: Integrity) -> str:
    """Why something differs that others did not change, as far as AIDE watches it."""
    watched = subject.startswith(WATCHED) and not subject.startswith(UNWATCHED)
    return "unapplied" if watched and found.noted and not found.failed else "state"


def drift(have: HostState, steps: Iterable[Step]) -> Drift:
    failed = aide.found(have).failed
    return Drift(list(attributed(have, steps)), [failed] if failed else [])


def _apply(want: Baseline) -> Generator[Command, None, None]:
    if not host.state.is_executing:
        report = report_of(host)
        report.drift = drift(state_of(host, aide.query(want)), report.plan)
    yield from ()


_wrapped = operation()(_apply)


def show(name: str, want: Baseline) -> OperationMeta:
    """Compare, once all operations of deploy.py are prepared; nothing is executed."""
    return call(aide.query(want), lambda: _wrapped(name=name, want=want))


def cannot_tell(why: str) -> None:
    """The host could not be looked at."""
    report_of(host).drift = Drift(unknown=[why])
