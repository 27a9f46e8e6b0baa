"""What we ask of a connection: no delay (where pyinfra made it itself, without our inventory), and to be root."""

from pyinfra.api.host import Host

from provision.login_reach import no_delay as no_delay_on


def no_delay(host: Host) -> None:
    """Do not wait for Nagle's algorithm. Does nothing on @local, and through jump hosts, where there is no socket."""
    client = getattr(host.connector, "client", None)
    transport = client.get_transport() if client else None
    if transport is not None:
        no_delay_on(transport.sock)


def as_root(host: Host) -> dict[str, object]:
    """The sudo arguments that pyinfra adds to its own commands, for commands that we send ourselves."""
    return {key: host.data.get(key) for key in ("_sudo", "_sudo_password") if host.data.get(key)}
