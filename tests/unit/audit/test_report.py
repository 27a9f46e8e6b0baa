"""A run's results as data, on a screen, and as a page."""

import json
from html.parser import HTMLParser
from pathlib import Path

from tests.audit import report as reports
from tests.unit.audit.results import FAILED, report, result


def test_the_screen_has_a_line_a_host_and_the_worst_first() -> None:
    low = result("web2", "logs.clock", "failed", severity="low")
    made = report(FAILED, result(), low, facts={"web1": {"release": "abc", "certificate": "62 days"}})
    assert reports.screen(made) == [
        "web1: 1 failed, 1 passed (release abc; certificate 62 days)",
        "web2: 1 failed",
        "  high   web1: not so: firewall.rules is right [firewall.rules]",
        "  low    web2: not so: logs.clock is right [logs.clock]",
    ]


def test_the_screen_stays_one_screen() -> None:
    many = [result(id=f"ssh.n{number:02}", outcome="failed") for number in range(30)]
    assert reports.screen(report(*many), height=3)[-1] == "  ... and 27 more"


def test_what_is_new_and_what_was_mended_is_told(tmp_path: Path) -> None:
    reports.write(tmp_path, report(FAILED, result(id="ssh.port"), result("gone", outcome="failed")))
    mended = FAILED.model_copy(update={"outcome": "passed"})
    made = reports.write(tmp_path, report(mended, result(id="ssh.port", outcome="failed")))
    assert (made.new, made.mended) == (["web1 ssh.port"], ["web1 firewall.rules"])
    assert reports.screen(made)[-2:] == ["new: web1 ssh.port", "mended: web1 firewall.rules"]


def test_a_former_report_that_is_none_is_no_hindrance(tmp_path: Path) -> None:
    for text in ("{", json.dumps({"version": 99})):
        (tmp_path / "audit.json").write_text(text)
        assert reports.write(tmp_path, report(FAILED)).new == []
    assert reports.read(tmp_path / "audit.json") == report(FAILED)


class Outside(HTMLParser):
    """What a page would load from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "link", "img", "iframe") or any(name in ("src", "href") for name, _ in attrs):
            self.found.append(tag)


def test_the_page_holds_all_and_needs_nothing_from_elsewhere() -> None:
    made = reports.page(
        report(FAILED, result(), facts={"web1": {"release": "abc"}}, new=["web1 firewall.rules"])
    )
    outside = Outside()
    outside.feed(made)
    assert outside.found == []
    assert "&lt;ALLOW&gt;" in made, "what a host says is text, never HTML"
    for words in (
        "firewall.rules is right",
        "$ ufw status",
        "Configure SSH access",
        "12.5 s",
        "web1 firewall.rules",
    ):
        assert words in made


def test_a_host_shows_the_worst_of_its_instances() -> None:
    both = [
        result(id="harvest.page", instance=name, outcome=how)
        for name, how in (("a", "failed"), ("b", "passed"))
    ]
    assert reports.grid(report(*both))["harvest"]["harvest.page"]["hosts"] == {"web1": "failed"}
