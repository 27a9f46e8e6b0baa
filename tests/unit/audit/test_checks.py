"""The audit's checks: each says what it checks, under an id of its own, and what puts it right."""

import importlib
import itertools
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.audit.checks import CONCERNS, Check
from tests.audit.recording import near
from tests.unit.command import REPO

MODULES = sorted((REPO / "tests/audit").glob("test_*.py"))


class Values(dict[str, Any]):
    """A test's parameters; one that a fixture brings keeps its name."""

    def __missing__(self, name: str) -> str:
        return name


def checks() -> Iterator[tuple[str, Check, str]]:
    """(test, its check, its id) of every parameter of every test."""
    for path in MODULES:
        module: Any = importlib.import_module(f"tests.audit.{path.stem}")
        for name, test in vars(module).items():
            if not name.startswith("test_"):
                continue
            marks = {mark.name: mark for mark in getattr(test, "pytestmark", [])}
            assert "check" in marks, f"{path.stem}.{name} says no check"
            said: Check = marks["check"].args[0]
            for values in parameters(marks.get("parametrize")):
                yield name, said, said.id.format_map(Values(values))


def parameters(mark: Any) -> list[dict[str, Any]]:
    if mark is None:
        return [{}]
    names, rows = mark.args
    names = [names] if isinstance(names, str) else list(names)
    return [dict(zip(names, row if len(names) > 1 else [row], strict=True)) for row in rows]


def test_no_two_checks_share_an_id() -> None:
    twice = [id for id, count in Counter(id for _, _, id in checks()).items() if count > 1]
    assert twice == []


def test_every_check_belongs_to_a_concern() -> None:
    assert {said.concern for _, said, _ in checks()} == set(CONCERNS)


def test_what_puts_a_check_right_is_an_operation_of_deploy() -> None:
    said = "".join(path.read_text() for path in Path(REPO / "tasks").glob("*.py"))
    missing = {check.mends for _, check, _ in checks() if check.mends and f'{check.mends}"' not in said}
    assert missing == set()


@pytest.mark.parametrize("id", ["ssh.prot", "zz"])
def test_a_waiver_of_no_check_is_told_with_the_near_ones(id: str) -> None:
    said = near(id, set(itertools.chain(["ssh.port", "ssh.loglevel"])))
    assert said.startswith("did you mean ssh.port" if id == "ssh.prot" else "a report lists them all")
