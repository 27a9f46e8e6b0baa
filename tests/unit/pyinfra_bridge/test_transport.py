"""A connection that broke is told, which pyinfra does not."""

from types import SimpleNamespace
from typing import Any

import pytest

from provision.pyinfra_bridge import transport


@pytest.mark.parametrize(("active", "told"), [(False, [transport.LOST]), (True, [])])
def test_an_operation_that_failed_with_its_connection_says_so(active: bool, told: list[str]) -> None:
    said: list[str] = []
    client = SimpleNamespace(get_transport=lambda: SimpleNamespace(is_active=lambda: active))
    host: Any = SimpleNamespace(connector=SimpleNamespace(client=client), log=said.append)
    transport._Lost.operation_host_error(SimpleNamespace(), host, "hash")  # type: ignore[arg-type]
    assert said == told


def test_a_state_is_watched_once_for_all_its_hosts() -> None:
    class State:
        def __init__(self) -> None:
            self.handlers: list[Any] = []

        def add_callback_handler(self, handler: Any) -> None:
            self.handlers.append(handler)

    state = State()
    for _ in range(2):
        transport.report_lost(SimpleNamespace(state=state))  # type: ignore[arg-type]
    assert len(state.handlers) == 1
