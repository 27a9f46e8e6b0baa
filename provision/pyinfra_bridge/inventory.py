"""Inventories as pyinfra reads them: its own rules of groups and of merging, asked instead of told again.

pyinfra_cli is imported where it is needed: the import alone replaces Python's sockets and threads by gevent's.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyinfra import state
from pyinfra.connectors.ssh import SSHConnector
from pyinfra.context import ctx_state

if TYPE_CHECKING:
    from pyinfra.api.host import Host
    from pyinfra.api.inventory import Inventory

OVERRIDES = ("ssh_user", "ssh_key", "ssh_key_password", "ssh_port", "ssh_password")


def override_data(options: Mapping[str, Any]) -> dict[str, Any]:
    """What the command line says of every host: --data, --ssh-user and the like."""
    from pyinfra_cli.cli import _set_override_data  # type: ignore[import-untyped]

    return dict(_set_override_data(options.get("data", ()), *(options.get(key) for key in OVERRIDES)))


def read(file: str, override: Mapping[str, Any], options: Mapping[str, Any]) -> "Inventory":
    """The inventory, its file executed a second time."""
    from pyinfra_cli.inventory import make_inventory_from_files  # type: ignore[import-untyped]

    inventory: Inventory = make_inventory_from_files(
        file, override_data=dict(override), cwd=state.cwd, group_data_directories=options.get("group_data")
    )
    return inventory


@contextmanager
def without_command_line() -> Iterator[None]:
    """Give pyinfra the state that its own command line would, for a program of ours that reads an inventory."""
    from pyinfra.api.state import State

    made = State()
    made.cwd = str(Path.cwd())
    with ctx_state.use(made):
        yield


def data_of(host: "Host") -> dict[str, Any]:
    """A host's merged data."""
    return dict(host.data.dict())  # type: ignore[no-untyped-call]


def by_ssh(host: "Host") -> bool:
    """Whether it is reached by SSH, as all are that name no other connector (@local, @docker)."""
    return issubclass(host.connector_cls, SSHConnector)


def groups_data(inventory: "Inventory") -> dict[str, dict[str, dict[str, Any]]]:
    """Host to group to the group's data, without what the host or the command line decides anyway."""
    return {
        host.name: {
            group: {
                key: value
                for key, value in inventory.group_data[group].items()
                if key not in inventory.host_data[host.name] and key not in inventory.override_data
            }
            for group in host.groups
        }
        for host in inventory
    }


def mode_groups(inventory: "Inventory") -> list[str]:
    """The groups that set a mode, with or without hosts."""
    return sorted(name for name, data in inventory.group_data.items() if "mode" in data)


def matching(inventory: "Inventory", patterns: Iterable[str]) -> set[str]:
    """The hosts that --limit and --exclude mean by these words: groups, else patterns of names."""
    found: set[str] = set()
    for pattern in patterns:
        if pattern in inventory.groups:
            found |= {host.name for host in inventory.groups[pattern]}
        else:
            found |= {host.name for host in inventory if fnmatch(host.name, pattern)}
    return found


def chosen(inventory: "Inventory", options: Mapping[str, Any]) -> list[str]:
    """The names of the hosts that this run is about."""
    limit, exclude = options.get("limit") or (), options.get("exclude") or ()
    return [
        host.name
        for host in inventory
        if (not limit or host.name in matching(inventory, limit))
        and host.name not in matching(inventory, exclude)
    ]


def put_logins(
    module: dict[str, Any], logins: Mapping[str, Mapping[str, Any]], without: Collection[str] = ()
) -> None:
    """Complete the groups of an inventory file's module, and leave out the hosts in `without`."""
    from pyinfra_cli.inventory import _is_inventory_group

    for key, value in list(module.items()):
        if _is_inventory_group(key, value):
            module[key] = with_logins(value, logins, without)


def with_logins(value: Any, logins: Mapping[str, Mapping[str, Any]], without: Collection[str] = ()) -> Any:
    """A group as pyinfra knows it, its hosts' data completed: a list of hosts, or a tuple (hosts, data)."""
    if isinstance(value, tuple):
        return with_logins(list(value[0]), logins, without), value[1]
    hosts = []
    for item in value:
        name, data = item if isinstance(item, tuple) else (item, {})
        if name in without:
            continue
        hosts.append((name, {**data, **logins[name]}) if name in logins else item)
    return hosts
