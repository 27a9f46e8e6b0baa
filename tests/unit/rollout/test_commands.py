import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from provision.engine.state import HostState, ReleaseRecord, Releases
from provision.operations.app.rollback import table
from provision.rollout.commands import Answer, Words, answer_of, checks_of, tail, ways_back
from tests.unit.states import state

WORDS = Words(Path("/v/bin"), "inventories/prod.py")


def payload(failed: list[str], **said: str) -> str:
    hosts = {name: {"messages": [{"operation": "x", "message": words}]} for name, words in said.items()}
    return json.dumps({"hosts": hosts, "results": {"failed_hosts": failed}})


def test_the_commands_are_those_of_an_operator() -> None:
    start = "/v/bin/pyinfra inventories/prod.py"
    assert " ".join(WORDS.deploy(["a", "b"])) == f"{start} deploy.py -y --json --limit a --limit b"
    assert " ".join(WORDS.releases(["a"])) == f"{start} operate/releases.py -y --json --limit a"
    assert " ".join(WORDS.rollback(["a"], "harvest", "1f")) == (
        f"{start} operate/rollback.py -y --json --limit a"
        " --data instance=harvest --data release=1f --data rollout=yes"
    )
    one = " ".join(WORDS.audit(["a"], "harvest", Path("/r")))
    assert one == (
        "/v/bin/python -m pytest -q -p no:cacheprovider tests/audit --inventory=inventories/prod.py"
        " --limit a -m harvest --report=/r"
    )
    assert WORDS.audit(list("abcdef"), "harvest", Path("/r"))[-4:] == ["-n", "4", "--dist", "loadgroup"]


def test_what_operate_releases_prints_is_understood() -> None:
    records = [ReleaseRecord(id="1f", outcome="good"), ReleaseRecord(id="2e", outcome="live", by="me")]
    have: HostState = state(releases={"/opt/x": Releases(live="2e", records=records)})
    service: Any = SimpleNamespace(root="/opt/x", slug="harvest-x")
    assert Answer({"a": table(have, service)}).live("a") == {"harvest-x": "2e"}
    assert Answer({"a": ["harvest has no release"]}).live("a") == {}


def test_an_answer_tells_good_from_failed_hosts() -> None:
    found = answer_of(["a", "b", "c"], 1, payload(["b"], a="well", b="no luck"), "[c] timed out\nend\n")
    assert found == Answer({"a": ["well"]}, {"b": "no luck", "c": "timed out"})


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (
            "\x1b[1m[a]\x1b[0m sudo failed\n[a] failed at: X; its words stand above\nThe next run ...",
            "sudo failed",
        ),
        ("inv.py: host a: no route\nNothing was changed", "inv.py: host a: no route"),
        (
            "inv.py: host b: no route\nNothing was changed",
            "not begun, because the run stopped at another host",
        ),
        ("MemoryError\n", "MemoryError"),
        ("", "exit code 1"),
    ],
)
def test_a_run_without_results_failed_everywhere(said: str, why: str) -> None:
    assert answer_of(["a"], 1, "", said) == Answer({}, {"a": why})


def test_the_last_lines_are_the_hosts_own_where_it_has_any() -> None:
    said = "begin\n\x1b[1m[a]\x1b[0m one\n\n[b] other\n[a] two\nend\n"
    assert tail("a", said) == ["[a] one", "[a] two"]
    assert tail("a", said, 1) == ["[a] two"]
    assert tail("c", said, 2) == ["[a] two", "end"]


def test_checks_are_counted_by_host(tmp_path: Path) -> None:
    assert checks_of(["a"], tmp_path) == {}
    results = [
        {"host": "a", "id": "harvest.page", "sentence": "it answers", "outcome": "passed"},
        {"host": "a", "id": "harvest.api", "sentence": "the API answers", "outcome": "waived"},
        {"host": "fe80--1", "id": "harvest.page", "sentence": "it answers", "outcome": "failed"},
    ]
    (tmp_path / "audit.json").write_text(json.dumps({"results": results}))
    assert checks_of(["a", "fe80::1", "c"], tmp_path) == {
        "a": (1, []),
        "fe80::1": (0, ["harvest.page: not so: it answers"]),
    }


def test_only_switched_instances_that_had_a_release_go_back() -> None:
    before = {"a": {"x": "1", "y": "1"}, "b": {"x": "1"}, "c": {}}
    now = {"a": {"x": "2", "y": "1"}, "b": {"x": "2"}, "c": {"x": "2"}}
    assert ways_back(before, now) == {("x", "1"): ["a", "b"]}
