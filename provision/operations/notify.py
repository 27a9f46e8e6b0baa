"""A test message to the operator, over the same units as every other."""

from collections.abc import Generator

from pyinfra import host
from pyinfra.api import operation
from pyinfra.api.operation import OperationMeta

from provision.engine.operation import Command, call, log_output, script
from provision.engine.state import Query
from provision.engine.templates import shell


def test_script() -> str:
    """It ends when the message is delivered, or after the last try; the receiver's answer is printed."""
    return shell("notify-test", unit="harvest-notify@test.service")


def _apply() -> Generator[Command, None, None]:
    if host.state.is_executing:
        yield log_output(script(test_script()))


_wrapped = operation(is_idempotent=False)(_apply)


def test(name: str) -> OperationMeta:
    """Nothing is changed on the host."""
    return call(Query(), lambda: _wrapped(name=name))
