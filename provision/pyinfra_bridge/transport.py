"""What we ask of a connection that pyinfra made itself, without our inventory: no delay."""

from pyinfra.api.host import Host

from provision.login.reach import no_delay as no_delay_on


def no_delay(host: Host) -> None:
    """Do not wait for Nagle's algorithm. Does nothing on @local, and through jump hosts, where there is no socket."""
    client = getattr(host.connector, "client", None)
    transport = client.get_transport() if client else None
    if transport is not None:
        no_delay_on(transport.sock)
