"""What an audit found, as data, on a screen, and as one HTML page. Pure: results in, texts out."""

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pydantic import BaseModel

from tests.audit.checks import CONCERNS, Severity

Outcome = Literal["passed", "failed", "waived", "skipped"]
SEVERITIES: tuple[Severity, ...] = ("high", "medium", "low")
SCHEMA = 1


class Evidence(BaseModel):
    """One command on the host: its exit code, and the beginning of what it printed."""

    command: str
    code: int
    output: str


class Result(BaseModel):
    """One check of one host, or of one of its instances."""

    host: str
    instance: str = ""
    id: str
    sentence: str
    severity: Severity
    mends: str
    outcome: Outcome
    found: str = ""
    """Why it failed, or was skipped or waived."""
    evidence: list[Evidence] = []

    @property
    def key(self) -> tuple[str, str, str]:
        return self.host, self.instance, self.id


class Report(BaseModel):
    """One run. `facts`: host to name to value, of what is worth seeing without being right or wrong."""

    version: int = SCHEMA
    at: str
    inventory: str
    took_s: float
    results: list[Result]
    facts: dict[str, dict[str, str]] = {}
    new: list[str] = []
    """What failed now and did not in the run before: HOST ID."""
    mended: list[str] = []

    @property
    def hosts(self) -> list[str]:
        return list(dict.fromkeys(each.host for each in self.results))

    def failed(self) -> list[Result]:
        """The failures, the worst first."""
        wrong = [each for each in self.results if each.outcome == "failed"]
        return sorted(wrong, key=lambda each: (SEVERITIES.index(each.severity), each.id, each.key))

    def counts(self) -> "Counter[Outcome]":
        return Counter(each.outcome for each in self.results)


def compared(report: Report, former: Report | None) -> Report:
    """With what is new and what was mended since a former run; hosts that only one of them knows do not count."""
    if former is None:
        return report
    now, then = ({each.key for each in one.failed()} for one in (report, former))
    both = {each.key for each in report.results} & {each.key for each in former.results}
    return report.model_copy(
        update={"new": _named((now - then) & both), "mended": _named((then - now) & both)}
    )


def _named(keys: Iterable[tuple[str, str, str]]) -> list[str]:
    return sorted(" ".join(filter(None, key)) for key in keys)


def screen(report: Report, height: int = 20) -> list[str]:
    """A summary that fits a screen: a line a host, then the failures, the worst first."""
    lines = []
    for host in report.hosts:
        found = Counter(each.outcome for each in report.results if each.host == host)
        said = ", ".join(
            f"{found[outcome]} {outcome}" for outcome in ("failed", "passed", "waived") if found[outcome]
        )
        facts = "; ".join(f"{name} {value}" for name, value in report.facts.get(host, {}).items())
        lines.append(f"{host}: {said}" + (f" ({facts})" if facts else ""))
    wrong = report.failed()
    for each in wrong[:height]:
        where = " ".join(filter(None, (each.host, each.instance)))
        lines += [f"  {each.severity:6} {where}: not so: {each.sentence} [{each.id}]"]
    if len(wrong) > height:
        lines.append(f"  ... and {len(wrong) - height} more")
    lines += [f"new: {name}" for name in report.new] + [f"mended: {name}" for name in report.mended]
    return lines


def read(file: Path) -> Report | None:
    """A former report; None where there is none, or one of another schema."""
    try:
        found = Report.model_validate_json(file.read_text())
    except (OSError, ValueError):
        return None
    return found if found.version == SCHEMA else None


def write(folder: Path, report: Report) -> Report:
    """audit.json and audit.html, compared with the audit.json that is there."""
    folder.mkdir(parents=True, exist_ok=True)
    report = compared(report, read(folder / "audit.json"))
    (folder / "audit.json").write_text(json.dumps(report.model_dump(), indent=1) + "\n")
    (folder / "audit.html").write_text(page(report))
    return report


def page(report: Report) -> str:
    """One page of HTML that needs nothing from elsewhere."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.j2").render(
        report=report, counts=report.counts(), grid=grid(report), concerns=CONCERNS
    )


def grid(report: Report) -> dict[str, dict[str, dict[str, Any]]]:
    """Concern to check id to its sentence, and to the worst result of each host's instances."""
    worst: tuple[Outcome, ...] = ("failed", "waived", "passed", "skipped")
    found: dict[str, dict[str, dict[str, Any]]] = {concern: {} for concern in CONCERNS}
    for each in sorted(report.results, key=lambda one: one.id):
        row = found[each.id.partition(".")[0]].setdefault(each.id, {"sentence": each.sentence, "hosts": {}})
        hosts: dict[str, Outcome] = row["hosts"]
        hosts[each.host] = min(hosts.get(each.host, each.outcome), each.outcome, key=worst.index)
    return {concern: rows for concern, rows in found.items() if rows}
