"""What we ask of a connection that pyinfra made itself, and what is told when it breaks."""

from weakref import WeakSet

from pyinfra.api.host import Host
from pyinfra.api.state import BaseStateCallback, State

from provision.login.reach import no_delay as no_delay_on

LOST = (
    "the connection to the host was lost. What was begun there goes on to its end; type the same command again once "
    "the host can be reached: the run goes on from there"
)
_watched: WeakSet[State] = WeakSet()


def no_delay(host: Host) -> None:
    """Do not wait for Nagle's algorithm. Does nothing on @local, and through jump hosts, where there is no socket."""
    client = getattr(host.connector, "client", None)
    transport = client.get_transport() if client else None
    if transport is not None:
        no_delay_on(transport.sock)


class _Lost(BaseStateCallback):
    @staticmethod
    def operation_host_error(
        state: State, host: Host, op_hash: str, retry_count: int = 0, max_retries: int = 0
    ) -> None:
        client = getattr(host.connector, "client", None)
        transport = client.get_transport() if client else None
        if transport is not None and not transport.is_active():
            host.log(LOST)


def report_lost(host: Host) -> None:
    """pyinfra says of an operation whose connection broke no more than that it failed."""
    if host.state not in _watched:
        _watched.add(host.state)
        host.state.add_callback_handler(_Lost())  # type: ignore[no-untyped-call]
