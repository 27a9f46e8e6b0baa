"""Being root for the commands that we send ourselves."""

from pyinfra.api.host import Host


def as_root(host: Host) -> dict[str, object]:
    """The sudo arguments that pyinfra adds to its own commands, for commands that we send ourselves."""
    return {key: host.data.get(key) for key in ("_sudo", "_sudo_password") if host.data.get(key)}
