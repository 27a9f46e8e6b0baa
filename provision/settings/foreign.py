"""Keys of pyinfra's own that share a host's data with the settings: asked of pyinfra, not listed here."""

import difflib
from collections.abc import Iterable
from functools import cache

PREFIXES = ("ssh_", "_")
"""How the names begin of what tells pyinfra how to connect, and of its global arguments."""
OURS = {"ssh_proxy_jump": "The jump hosts of this run's login, which the audit takes as well."}
"""A login's own, in pyinfra's manner; it is written by `settle`, not by hand."""


def is_foreign(key: str) -> bool:
    return key.startswith(PREFIXES)


@cache
def connection_keys() -> dict[str, str]:
    """pyinfra's keys of an SSH connection, with its own descriptions."""
    from pyinfra.connectors.ssh import connector_data_meta

    return {key: meta.description.replace("``", "`") for key, meta in connector_data_meta.items()}


@cache
def global_arguments() -> frozenset[str]:
    """pyinfra's arguments of every operation, which a host's data may set: `_sudo`, `_timeout`."""
    from pyinfra.api.arguments import all_global_arguments

    return frozenset(key for key, _ in all_global_arguments() if key.startswith("_"))


def problem(key: str, settings: Iterable[str]) -> str:
    """What is wrong with a key that looks like pyinfra's; "" if it is."""
    if key == "wanted_ssh_port":
        return "is not a setting; sshd_port says where sshd shall listen"
    known = {*connection_keys(), *global_arguments(), *OURS} if is_foreign(key) else set()
    if key in known:
        return ""
    near = difflib.get_close_matches(key, sorted({*known, *settings}), n=1)
    return "is not a setting; " + (f"did you mean {near[0]}?" if near else "docs/settings.md lists them")
