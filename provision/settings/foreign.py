"""Keys of pyinfra's own that share a host's data with the settings: asked of pyinfra, not listed here."""

import difflib
from collections.abc import Iterable
from functools import cache
from typing import Any, get_type_hints

PREFIXES = ("ssh_", "_")
"""How the names begin of what tells pyinfra how to connect, and of its global arguments."""
OURS = {
    "ssh_proxy_jump": "The jump hosts of this run's login, which the audit takes as well.",
    "ssh_options": "What else ssh is told to log in as this run does: keys, agent, alias, proxy.",
}
"""A login's own, in pyinfra's manner; it is written by `resolve`, not by hand."""

WORDS = {
    str: 'text, in quotes: "..."',
    int: "a whole number, without quotes",
    float: "a number, without quotes",
    bool: "True or False, without quotes",
}


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


@cache
def _types() -> dict[str, type]:
    from pyinfra.connectors.ssh import ConnectorData

    return get_type_hints(ConnectorData)


def problem(key: str, value: Any, settings: Iterable[str]) -> str:
    """What is wrong with a key that looks like pyinfra's, or with its value; "" where nothing is."""
    if key not in {*connection_keys(), *global_arguments(), *OURS}:
        return nearest(key, [*connection_keys(), *global_arguments(), *settings])
    kind = _types().get(key)
    if kind is None or value is None:
        return ""
    fits = isinstance(value, (int, float) if kind is float else kind)
    if not fits or (isinstance(value, bool) and kind is not bool):
        return f"must be {WORDS.get(kind, 'of the kind ' + kind.__name__)}"
    if key == "ssh_port" and not 0 < value < 65536:
        return f"is {value}; must be a port, 1 to 65535"
    return ""


def nearest(key: str, known: Iterable[str]) -> str:
    """The sentence about a key that is none of `known`."""
    near = difflib.get_close_matches(key, sorted(known), n=1)
    return "is not a setting; " + (f"did you mean {near[0]}?" if near else "docs/settings.md lists them")
