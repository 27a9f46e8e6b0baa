"""Green is healthy: what stops a run, what it mends, what it names."""

from typing import Any

import pytest

from provision.operations import apt, health
from tests.unit.states import state, text

OURS = health.Health(("/etc/ssh/sshd_config.d/00-harvest.conf",))
WELL: dict[str, list[str]] = {name: [] for name in (*health.AFTERWARDS, "leftovers")}


def test_a_host_that_is_well_costs_nothing() -> None:
    have = state(health=WELL)
    for changes in (
        health.refuse_changes,
        health.leftover_changes,
        health.repair_changes,
        health.require_changes,
    ):
        assert list(changes(have, OURS)) == []


@pytest.mark.parametrize(
    ("found", "refused"),
    [
        ({"sshd": ["/etc/ssh/sshd_config.d/90-mine.conf line 1: Bad SSH2 cipher spec 'nosuch'."]}, True),
        ({"sshd": ["sshd: no hostkeys available -- exiting."]}, True),
        ({"sudo": ["/etc/sudoers.d/mine:1:25: syntax error"]}, True),
        (
            {
                "sshd": [
                    "/etc/ssh/sshd_config.d/00-harvest.conf: line 3: Bad configuration option: x",
                    "/etc/ssh/sshd_config: terminating, 1 bad configuration options",
                ]
            },
            False,
        ),
        ({"dpkg": ["a is unpacked"], "apt": ["b"], "fstab": ["c"]}, False),
    ],
    ids=["another-s", "no-file", "sudo", "ours-which-is-repaired", "nothing-of-logins"],
)
def test_no_change_is_made_on_top_of_a_broken_way_in(found: dict[str, list[str]], refused: bool) -> None:
    commands = text(health.refuse_changes(state(health={**WELL, **found}), OURS))
    assert bool(commands) == refused
    for command in commands:
        assert "Nothing was changed" in command
        assert "exit 1" in command


@pytest.mark.parametrize("name", health.AFTERWARDS)
def test_a_run_does_not_end_well_on_a_host_that_is_not(name: str) -> None:
    have = state(health={**WELL, name: ["/etc/x line 1: the tool's words"]})
    (command,) = text(health.require_changes(have, health.Health()))
    assert "/etc/x line 1: the tool" in command
    assert "exit 1" in command


def test_interrupted_packages_are_configured_and_unpacked_again_where_they_must() -> None:
    found = ["libc-bin is triggers-pending", "aide is in need of a reinstallation", "dpkg was interrupted"]
    have = state(health={**WELL, "dpkg": found})
    (command,) = text(health.repair_changes(have, health.Health()))
    for words in ("--configure -a", "install --reinstall aide >", "--fix-broken install", apt.POLICY):
        assert words in command
    (sentence,) = health.repair_remarks(have, health.Health())
    assert sentence == f"finishing what an interrupted apt or dpkg left: {', '.join(found)}"


def test_what_is_at_work_still_is_asked_about_only_where_there_is_any() -> None:
    found: dict[str, Any] = {**WELL, "leftovers": ["apt-get (pid 7)"]}
    (command,) = text(health.leftover_changes(state(health=found), health.Health()))
    assert command.endswith(f" {apt.APT_WAIT_S}")
