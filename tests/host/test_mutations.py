"""The audit is tested by breaking a host: for each way, exactly the checks that are about it fail, and name it.

Ways that concern different checks are tried together, as a round: what each fails is known, and anything else that
fails shows. AIDE sees most of them too, and is asked only of what nothing else sees.
"""

import importlib
from pathlib import Path

import pytest

from lab import hosts
from tests.audit.report import Result, read
from tests.host.mutations import access, serving, system
from tests.host.mutations.kinds import SEES_ALL, Mutation, rounds
from tests.host.runs import REPO, audit, deploy
from tests.host.test_audit import BREAKS

SETTINGS = {"tls": "selfsigned", "trusted_addresses": ["192.0.2.9"]}
HOST = {"name": "t-mutations", "suite": "trixie", "group": "harvest_nginx", "settings": SETTINGS}
pytestmark = [
    pytest.mark.parametrize("lab_host", [HOST], ids=["t-mutations"], indirect=True, scope="module"),
    pytest.mark.xdist_group("t-mutations"),
]
MUTATIONS: dict[str, Mutation] = access.MUTATIONS | system.MUTATIONS | serving.MUTATIONS
NEVER_HERE = {
    "kernel.core-dumps": "the machine below gives a container no core dumps to begin with",
    "logs.clock": "a container has its host's clock",
    "kernel.reboot-sshd": "sshd that cannot start says none of its values either",
    "tls.revoked": "no authority; tests/host/test_tls.py has one",
    "tls.renewal": "no authority; tests/host/test_tls.py has one",
}
"""Checks that no mutation of this host can fail."""


@pytest.fixture(scope="module")
def sound(lab_host: hosts.Host, tmp_path_factory: pytest.TempPathFactory) -> hosts.Host:
    run = deploy(lab_host.name)
    assert run.code == 0, run.said
    assert failed(lab_host, tmp_path_factory.mktemp("sound")) == {}
    return lab_host


def failed(host: hosts.Host, folder: Path) -> dict[str, Result]:
    """What an audit finds wrong, by check."""
    done = audit(host.name, options=("--report", str(folder)))
    report = read(folder / "audit.json")
    assert report, done.stdout + done.stderr
    return {each.id: each for each in report.failed()}


@pytest.mark.parametrize("number", range(len(rounds(MUTATIONS))))
def test_each_way_of_breaking_a_host_fails_its_checks_alone(
    sound: hosts.Host, tmp_path: Path, number: int
) -> None:
    tried = {name: each.on(sound.fqdn) for name, each in rounds(MUTATIONS)[number].items()}
    broken: list[str] = []
    try:
        for name, each in tried.items():
            broken.append(name)
            done = sound.exec(each.breaks, check=False)
            assert done.returncode == 0, f"{name}: {done.stderr}"
        found = failed(sound, tmp_path)
    finally:
        for name in reversed(broken):
            sound.exec(tried[name].mends, check=False)
    wanted = {check for each in tried.values() for check in each.fails}
    missed = {
        name: sorted(each.fails - set(found)) for name, each in tried.items() if each.fails - set(found)
    }
    assert not missed, f"no check saw: {missed}"
    surplus = {id: each.found for id, each in found.items() if id not in wanted | {SEES_ALL}}
    assert not surplus, f"failed as well: {surplus}"
    for name, each in tried.items():
        said = [found[check].found for check in each.fails]
        assert any(each.named in words for words in said), f"{name}: nothing names {each.named!r}: {said}"


def ids_of(test: str) -> set[str]:
    """The checks of a test of the audit."""
    modules = [
        importlib.import_module(f"tests.audit.{path.stem}")
        for path in (REPO / "tests/audit").glob("test_*.py")
    ]
    found = [getattr(module, test) for module in modules if hasattr(module, test)]
    return {mark.args[0].id for each in found for mark in each.pytestmark if mark.name == "check"}


def test_every_check_fails_for_some_mutation(sound: hosts.Host, tmp_path: Path) -> None:
    """A check that nothing fails proves nothing. The host is as before, else one was found for a former one's sake."""
    audit(sound.name, options=("--report", str(tmp_path)))
    report = read(tmp_path / "audit.json")
    assert report
    assert report.failed() == []
    broken = {check for each in MUTATIONS.values() for check in each.fails}
    broken |= {id for each in BREAKS.values() for test in each.tests for id in ids_of(test)}
    known = {each.id for each in report.results}
    without = {id for id in known - broken - set(NEVER_HERE) if not id.startswith("harvest.mode-")}
    assert without == set()
    assert set(NEVER_HERE) <= known
