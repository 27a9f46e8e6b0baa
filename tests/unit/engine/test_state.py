"""One look at a host, and how long it counts."""

from typing import Any

import pytest

from provision.engine import state as engine
from provision.engine.state import Entry, Query
from tests.unit.states import EMPTY, SYSTEM


class Host:
    """Counts how often it is looked at."""

    name = "web1"

    def __init__(self) -> None:
        self.looks: list[str] = []
        self.state = type("State", (), {"current_stage": "prepare"})()

    def get_fact(self, fact: Any, query: str) -> dict[str, Any]:
        self.looks.append(query)
        return {**EMPTY, "system": SYSTEM, "files": {}}


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(engine, "_known", {})
    monkeypatch.setattr(engine, "_announced", {})
    monkeypatch.setattr("time.monotonic", lambda: 100.0)
    return Host()


def test_what_was_announced_is_asked_in_one_look(host: Any) -> None:
    engine.announce(host, Query(files={"/a"}))
    engine.announce(host, Query(files={"/b"}))
    for path in ("/a", "/b"):
        engine.state_of(host, Query(files={path}))
    assert len(host.looks) == 1
    assert '["/a", "/b"]' in host.looks[0]


@pytest.mark.parametrize(("waited", "looks"), [(0.5, 1), (engine.FRESH_S, 1), (engine.FRESH_S + 1, 2)])
def test_what_prepare_saw_counts_for_the_run_unless_somebody_thought_it_over(
    host: Any, waited: float, looks: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.state_of(host, Query(files={"/a"}))
    host.state.current_stage = "execute"
    for later in (waited, waited + 3600):  # once begun, a run is not interrupted by looks
        monkeypatch.setattr("time.monotonic", lambda now=100.0 + later: now)
        engine.state_of(host, Query(files={"/a"}))
    assert len(host.looks) == looks


def test_after_a_change_the_host_is_looked_at_again(host: Any) -> None:
    engine.state_of(host, Query(files={"/a"}))
    engine.forget(host)
    engine.state_of(host, Query(files={"/a"}))
    assert len(host.looks) == 2


def test_what_a_plan_expects_is_never_taken_for_what_is_there(host: Any) -> None:
    there = engine.state_of(host, Query(files={"/a"}))
    engine.expect(host, there.model_copy(update={"files": {"/a": Entry(kind="file")}}))
    assert engine.state_of(host, Query(files={"/a"})).files["/a"].kind == "file"
    host.state.current_stage = "execute"
    assert engine.state_of(host, Query(files={"/a"})).files == {}
