"""What a run has to say of its hosts, kept until it can be read: the plan, the messages, the summary.

Lines that 46 operations write as they go drown what matters. Operations put it here; screen.py prints it.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyinfra.api.host import Host


@dataclass
class Difference:
    """One thing that is not as wanted: what a run would do, and to which path, unit or package where that is known.

    `since` is when a path changed last, in seconds since the epoch, 0 where unknown; `cause` is told by
    operations/drift.py.
    """

    what: str
    subject: str = ""
    expected: str = ""
    found: str = ""
    since: float = 0.0
    operation: str = ""
    cause: str = ""


@dataclass
class Step:
    """What one operation would change on one host, or did; `stops` is why the run would end there."""

    operation: str
    sentences: list[str] = field(default_factory=list)
    diff: list[str] = field(default_factory=list)
    stops: list[str] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)


@dataclass
class Summary:
    """How a host is left: what to know of it, and what wants attention."""

    facts: dict[str, str] = field(default_factory=dict)
    attention: list[str] = field(default_factory=list)
    next: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    """Not as it should be: a run that only looks (operate/status.py) ends with exit code 1."""


@dataclass
class Drift:
    """How a host differs from what is wanted; `unknown` is why that cannot be told, wholly or in part."""

    differences: list[Difference] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    @property
    def code(self) -> int:
        """An exit code: 0 as wanted, 2 drifted, 1 could not tell."""
        return 1 if self.unknown else 2 if self.differences else 0

    def data(self) -> dict[str, object]:
        """For --json; times as in ISO 8601, "" where unknown."""
        return {
            "state": ("as wanted", "unknown", "drifted")[self.code],
            "unknown": self.unknown,
            "differences": [{**vars(each), "since": iso(each.since)} for each in self.differences],
        }


@dataclass
class Report:
    """All of one host."""

    plan: list[Step] = field(default_factory=list)
    noted: list[str] = field(default_factory=list)
    """Found before the run, changing or not: drift, keys that no setting names."""
    done: list[Step] = field(default_factory=list)
    messages: list[dict[str, str]] = field(default_factory=list)
    summary: Summary | None = None
    drift: Drift | None = None


_on_change: list[Callable[[], None]] = []
_reports: dict[str, Report] = {}


def report_of(host: "Host | str") -> Report:
    """The report of one host."""
    return _reports.setdefault(host if isinstance(host, str) else host.name, Report())


def on_change(act: Callable[[], None]) -> None:
    """Call `act` whenever an operation is about to change something."""
    _on_change.append(act)


def changing() -> None:
    """An operation is about to change something."""
    for act in _on_change:
        act()


def operation_name(host: "Host") -> str:
    """The name of the operation that is being prepared or run."""
    operation = host.current_op_hash or host.executing_op_hash
    meta = host.state.op_meta.get(operation) if operation else None
    return ", ".join(sorted(meta.names)) if meta else ""


def plan_lines(name: str, report: Report) -> list[str]:
    """What would change on one host; one line where nothing does."""
    lines = [f"[{name}] {sentence}" for sentence in report.noted]
    if not report.plan:
        return [*lines, f"[{name}] nothing to do"]
    for step in report.plan:
        lines += [f"[{name}] {step.operation}", *(f"      {sentence}" for sentence in step.sentences)]
        lines += [f"      | {line}" for line in step.diff]
        lines += [f"      would stop the run: {why}" for why in step.stops]
    count = f"{len(report.plan)} operation{'s' if len(report.plan) > 1 else ''}"
    return [*lines, f"[{name}] {count} would change something"]


def changed_line(steps: Sequence[str]) -> str:
    """The operations that changed something, on one line."""
    if not steps:
        return "No changes"
    more = f" and {len(steps) - 6} more (-v lists all)" if len(steps) > 6 else ""
    return f"changed: {', '.join(steps[:6])}{more}"


def summary_lines(name: str, changed: Sequence[str], summary: Summary | None, compact: bool) -> list[str]:
    """How one host is left: a paragraph, or with several hosts a line and what wants attention."""
    found = summary or Summary()
    head = [f"[{name}] {changed_line(changed)}"]
    if compact:
        head = [
            f"{head[0]}; {'; '.join(found.facts[key] for key in ('url', 'release') if key in found.facts)}"
        ]
        return [line.removesuffix("; ") for line in head] + _attention(found)
    lines = [*head, *(f"      {key:<10} {words}" for key, words in found.facts.items())]
    return [*lines, *_attention(found), *_listed("next", found.next)]


def status_lines(name: str, summary: Summary) -> list[str]:
    """How one host is: a paragraph, which begins with whether all is well."""
    count = len(summary.wrong)
    head = f"{count} thing{'s' if count > 1 else ''} not well" if count else "all is well"
    told = [*summary.facts.items()]
    told += [("wrong", sentence) for sentence in summary.wrong]
    told += [("attention", sentence) for sentence in summary.attention]
    width = max(len(key) for key, _ in told) if told else 0
    return [f"[{name}] {head}", *(f"      {key:<{width}}  {words}" for key, words in told)]


def drift_code(drifts: Iterable[Drift]) -> int:
    """The exit code for all hosts: one that could not be compared may have drifted too, so 1 comes before 2."""
    codes = {drift.code for drift in drifts}
    return 1 if 1 in codes or not codes else max(codes)


CAUSES = {
    "edited": "edited by hand",
    "foreign": "not of deploy.py",
    "unapplied": "not applied yet",
    "state": "differs",
}
"""What made a difference, as far as AIDE tells, and in words: a file of ours that was changed on the host; what others
changed and no operation answers for; what is as the last run left it, while the settings changed; all else."""
ACCEPT = "what of this is right, accept by name: operate/drift.py --data accept=PATH"
"""Follows what others changed."""


def drift_lines(name: str, drift: Drift) -> list[str]:
    """How one host differs, the causes in the order of CAUSES."""
    count = len(drift.differences)
    head = f"{count} difference{'s' if count > 1 else ''}" if count else "as wanted"
    lines = [f"[{name}] {'cannot tell' if drift.unknown and not count else head}"]
    lines += [f"      {'cannot tell':<16} {why}" for why in drift.unknown]
    order = list(CAUSES)
    for each in sorted(drift.differences, key=lambda each: order.index(each.cause)):
        told = f"expected {each.expected}, found {each.found}" if each.expected else each.what
        words = [f"{each.subject}: {told}" if each.subject not in told else told]
        words += [f"since {moment(each.since)}"] if each.since else []
        words += [each.operation] if each.operation else []
        lines.append(f"      {CAUSES[each.cause]:<16} {'; '.join(words)}")
    if any(each.cause == "foreign" for each in drift.differences):
        lines.append(f"      {ACCEPT}")
    return lines


def moment(since: float) -> str:
    """A time of a file, in seconds since the epoch, in words."""
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(since)) if since else "an unknown time"


def iso(since: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(since)) if since else ""


def _attention(summary: Summary) -> list[str]:
    return _listed("attention", summary.attention)


def _listed(word: str, lines: Iterable[str]) -> list[str]:
    return [f"      {word if number == 0 else '':<10} {line}" for number, line in enumerate(lines)]


def failure_lines(failures: dict[str, str], command: str) -> list[str]:
    """Which host failed at which operation, and what to type once that is fixed."""
    lines = [
        f"[{name}] failed at: {operation}; its words stand above"
        if operation
        else f"[{name}] failed; its words stand above"
        for name, operation in failures.items()
    ]
    limits = " ".join(f"--limit {name}" for name in failures)
    return [
        *lines,
        "The next run continues where this one stopped. Once that is fixed, type:",
        f"      {command} {limits}",
    ]
