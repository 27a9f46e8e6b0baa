"""pytest's hooks by which an audit records what it finds: evidence, facts, waivers, and the report of the run."""

import datetime
import json
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

from provision.settings.model import settings_from
from tests.audit import report
from tests.audit.checks import CONCERNS, check_of
from tests.audit.report import Evidence, Report, Result

COMMANDS, LENGTH = 8, 600
"""How much is kept as evidence: commands of a check, characters of what each printed."""
RESULT, FACT = "audit result", "audit fact"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--report", metavar="FOLDER", help="write audit.json and audit.html into this folder")


def register(config: pytest.Config) -> None:
    """What `-m` may choose, and who collects the results."""
    for concern, words in CONCERNS.items():
        config.addinivalue_line("markers", f"{concern}: {words}")
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Collector(config), "audit-collector")


@pytest.fixture(autouse=True)
def evidence(request: pytest.FixtureRequest) -> Generator[None, None, None]:
    """Keep what the test's commands said."""
    if "host" not in request.fixturenames:
        yield
        return
    kept: list[Evidence] = []
    request.node.stash[EVIDENCE] = kept
    secret, backend = check_of(request.node).secret, request.getfixturevalue("host").backend
    run = backend.run

    def recorded(command: str, *words: str, **options: Any) -> Any:
        done = run(command, *words, **options)
        if len(kept) < COMMANDS:
            output = "(not kept)" if secret else (done.stdout or done.stderr)[:LENGTH]
            line = backend.quote(command, *words) if words else command
            kept.append(Evidence(command=line[:LENGTH], code=done.rc, output=output))
        return done

    backend.run = recorded
    yield
    backend.run = run


EVIDENCE = pytest.StashKey[list[Evidence]]()


@pytest.fixture
def fact(record_property: Callable[[str, object], None]) -> Callable[[str, object], None]:
    """Tell the report something that is neither right nor wrong: fact("certificate", "62 days left")."""
    return lambda name, value: record_property(FACT, [name, str(value)])


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, None]:
    """Make of a test's end a result of the audit; a failure that is waived is none."""
    outcome = yield
    ended: pytest.TestReport = outcome.get_result()
    host = _host_of(item)
    if not host or (ended.when != "call" and ended.passed) or ended.when == "teardown":
        return
    about = check_of(item)
    found = _reason(ended)
    settings = settings_from(item.config.audited[host])  # type: ignore[attr-defined]
    waiver = settings.audit_waivers.get(about.id)
    said = ended.outcome
    if said == "failed" and waiver:
        if waiver.holds(datetime.datetime.now(datetime.timezone.utc).date()):
            said, ended.outcome = "waived", "skipped"  # type: ignore[assignment]
            ended.wasxfail = f"waived until {waiver.until}: {waiver.reason}"
            found = f"waived until {waiver.until}: {waiver.reason} ({found})"
        else:
            found += f" (its waiver ended on {waiver.until})"
    params = item.callspec.params if hasattr(item, "callspec") else {}
    result = Result(
        host=host,
        instance=str(params.get("instance", "")),
        id=about.id,
        sentence=about.sentence,
        severity=about.severity,
        mends=about.mends,
        outcome=said,  # type: ignore[arg-type]
        found=found,
        evidence=item.stash.get(EVIDENCE, []),
    )
    ended.user_properties.append((RESULT, result.model_dump_json()))


def _host_of(item: pytest.Item) -> str:
    params = item.callspec.params if hasattr(item, "callspec") else {}
    return str(params["_testinfra_host"].backend.get_hostname()) if "_testinfra_host" in params else ""


def _reason(ended: pytest.TestReport) -> str:
    if ended.passed:
        return ""
    if isinstance(ended.longrepr, tuple):  # skipped
        return str(ended.longrepr[2]).removeprefix("Skipped: ")
    crash = getattr(ended.longrepr, "reprcrash", None)
    return str(crash.message if crash else ended.longrepr)[:LENGTH]


class Collector:
    """Collects the results of all workers, and shows and writes the report."""

    def __init__(self, config: pytest.Config) -> None:
        self.config, self.began = config, time.monotonic()
        self.results: list[Result] = []
        self.facts: dict[str, dict[str, str]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        told = dict(report.user_properties)
        if RESULT not in told:
            return
        result = Result.model_validate_json(str(told[RESULT]))
        self.results.append(result)
        for name, value in report.user_properties:
            if name == FACT:
                self.facts.setdefault(result.host, {})[value[0]] = value[1]  # type: ignore[index]

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if not self.results:
            return
        made = Report(
            at=datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
            inventory=str(self.config.getoption("--inventory")),
            took_s=round(time.monotonic() - self.began, 1),
            results=sorted(self.results, key=lambda each: each.key),
            facts=self.facts,
        )
        folder = self.config.getoption("--report")
        if folder:
            made = report.write(Path(folder), made)
        terminalreporter.section("audit")
        for line in report.screen(made):
            terminalreporter.write_line(line)
        if folder:
            terminalreporter.write_line(
                f"report: {Path(folder) / 'audit.html'}, {Path(folder) / 'audit.json'}"
            )


def check_waivers(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Refuse a waiver of a check that there is not: it would waive nothing, and nobody would notice."""
    known = {check_of(item).id for item in items}
    for host, data in getattr(config, "audited", {}).items():
        for id in settings_from(data).audit_waivers:
            if id not in known:
                raise pytest.UsageError(
                    f"host {host}: audit_waivers: there is no check {json.dumps(id)}; {near(id, known)}"
                )


def near(id: str, known: set[str]) -> str:
    """The checks that may have been meant."""
    import difflib

    found = difflib.get_close_matches(id, known, n=3, cutoff=0.4)
    return f"did you mean {' or '.join(found)}?" if found else "a report lists them all"
