"""Host states for the tests of pure functions."""

from typing import Any

from provision.engine.state import Entry, HostState

SYSTEM = {
    "os": "debian",
    "version": "12",
    "pretty": "Debian GNU/Linux 12 (bookworm)",
    "systemd": True,
    "python": "3.11",
    "hostname": "web1",
    "timezone": "Etc/UTC",
    "free_mb": 10000,
    "cores": 2,
    "cloud_init": False,
    "trusts": "",
}
EMPTY = {"packages": {}, "units": {}, "users": {}, "firewall": None, "certificates": {}, "urls": {}}


class Paths(dict[str, Entry]):
    """Every path that is not named is absent."""

    def __missing__(self, path: str) -> Entry:
        return Entry(kind="absent")


def state(**known: Any) -> HostState:
    """A host of which only `known` is known; `system` is merged into a Debian 12."""
    system = SYSTEM | known.pop("system", {})
    files = Paths(known.pop("files", {}))
    found = HostState.model_validate({**EMPTY, **known, "system": system, "files": {}})
    found.files = files
    return found


def text(commands: Any) -> list[str]:
    """The commands as the shell gets them."""
    return [command if isinstance(command, str) else _raw(command) for command in commands]


def _raw(command: Any) -> str:
    """Of a function that runs a command (`telling`, the guard's), the command itself."""
    return str((command if hasattr(command, "get_raw_value") else command.args[0]).get_raw_value())
