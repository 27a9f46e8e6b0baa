"""Time limits: as they are for a host that answers soon, longer for a slow one, and a time-out has words."""

from types import SimpleNamespace
from typing import Any

import pytest

from provision.engine import patience
from provision.operations.access import confirm, revert


class Host:
    """As much of pyinfra's host as a guarded step needs; its commands fail as told."""

    def __init__(self, error: Exception | None = None, **data: Any) -> None:
        self.data = SimpleNamespace(get=data.get, **data)
        self.error, self.said, self.limits = error, list[str](), list[float]()

    def log(self, line: str) -> None:
        self.said.append(line)

    def run_shell_command(self, command: Any, **arguments: Any) -> Any:
        self.limits.append(arguments["_timeout"])
        if self.error:
            raise self.error
        return True, SimpleNamespace(stderr="", stdout="")


@pytest.mark.parametrize(
    ("looks", "factor", "limit"),
    [
        ([], None, 60),
        ([0.3, 4.9], None, 60),
        ([40, 1], None, 480),
        ([1000], None, 1200),
        ([0.3], 3.0, 180),
        ([40], 2.0, 480),
    ],
)
def test_a_limit_follows_the_slowest_look_or_the_setting(
    looks: list[float], factor: float | None, limit: int
) -> None:
    host: Any = Host(**({"timeout_factor": factor} if factor else {}))
    for seconds in looks:
        patience.learn(host, seconds)
    assert patience.limit(host, 60) == limit


def test_a_guarded_step_waits_so_long_and_a_time_out_says_what_timed_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(confirm, "as_root", lambda host: {})
    host: Any = Host(TimeoutError())
    patience.learn(host, 10.0)
    step: Any = confirm.guarded(confirm.script("true"))
    assert step.function(None, host, *step.args) is False
    assert host.limits == [120, 120], "the step, and its undoing"
    assert host.said[0] == (
        "refused: the host took more than 120 s for this step; where it is that slow, set timeout_factor"
    )
    assert not any("TimeoutError" in line for line in host.said)


@pytest.mark.parametrize(("within", "step"), [(30, 20), (120, 20), (480, 80)])
def test_the_undoing_waits_longer_for_a_step_where_the_change_is_given_longer(within: int, step: int) -> None:
    assert revert.step_s(within) == step
    assert f"flock -w {step} 9" in revert.arm_script(["/etc/ssh"], within)


def test_other_errors_keep_their_words_and_none_ends_in_nothing() -> None:
    assert patience.failure(OSError("No route to host"), 60) == "OSError: No route to host"
    assert patience.failure(EOFError(), 60) == "EOFError"
