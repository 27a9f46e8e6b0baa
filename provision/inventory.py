"""What an inventory file calls as its last line: `settle(globals())`.

It merges the data as pyinfra does, checks every host's settings before any connection, finds out who can log in on
each host, and writes that into the groups, so that plain `pyinfra INVENTORY deploy.py` connects that way.

"""

import os
import signal
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any, NoReturn

from provision.settings.model import SettingsError, settings_from

if TYPE_CHECKING:
    from pyinfra.api.host import Host
    from pyinfra.api.inventory import Inventory

    from provision.login.probe import Login

# What groups decide; two groups of a host must not differ in it.
MODE_KEYS = ("mode", "base_path")
# RFC 2606: nobody's names, so a host of such a name is the example, not yet edited.
EXAMPLE_NAMES = ("example.org", "example.com", "example.net", "example")

_reading = False


@dataclass(frozen=True)
class Problem:
    """What is wrong with one host's data."""

    host: str
    key: str
    sentence: str

    def __str__(self) -> str:
        return (
            f"host {self.host}: {self.key}: {self.sentence}"
            if self.key
            else f"host {self.host}: {self.sentence}"
        )


def settle(module: dict[str, Any]) -> None:
    """Check all hosts, log in on those that this run is about, and put the logins into the module's groups.

    Stops the run with exit code 1 and a list on stderr when a host's data is wrong or nobody can log in on it;
    then nothing was changed anywhere.
    """
    if _reading:
        return
    signal.signal(signal.SIGINT, _interrupted)
    file = str(module["__file__"])
    options = _options()
    inventory, override = _as_pyinfra_reads_it(file, options)
    hosts = {host.name: _data(host) for host in inventory}
    if not hosts:
        _stop([f"{file}: has no hosts; add one to a group such as harvest_internal"])
    problems = check_examples(hosts) or check_groups(groups_data(inventory)) + check_inventory(hosts)
    if problems:
        _stop([f"{file}: {problem}" for problem in told(problems, mode_groups(inventory))])
    _log_in(module, file, inventory, override, chosen(inventory, options))


def check_inventory(hosts: Mapping[str, Mapping[str, Any]]) -> list[Problem]:
    """Everything that is wrong with the settings of all hosts (name to merged data)."""
    problems = []
    for name, data in hosts.items():
        try:
            settings_from(data)
        except SettingsError as error:
            problems += [Problem(name, key, sentence) for key, sentence in error.problems]
    return problems


def check_examples(hosts: Iterable[str]) -> list[Problem]:
    """Hosts that still have the example's names."""
    return [
        Problem(
            name, "", "is only an example: put the names of your own servers into the groups of this file"
        )
        for name in hosts
        if any(f".{name}".endswith(f".{example}") for example in EXAMPLE_NAMES)
    ]


def check_groups(groups: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> list[Problem]:
    """Hosts whose groups contradict each other (host to group to what the group says)."""
    problems = []
    for host, theirs in groups.items():
        for key in MODE_KEYS:
            said = {group: data[key] for group, data in theirs.items() if key in data}
            if len(set(map(repr, said.values()))) > 1:
                each = ", ".join(f'{group} says "{value}"' for group, value in said.items())
                problems.append(Problem(host, key, f"{each}; leave the host in one of these groups"))
                break
    return problems


def told(problems: Iterable[Problem], groups: Iterable[str]) -> list[Problem]:
    """The problems, with the groups named that would give a host its mode."""
    where = f"; put the host into one of the groups {', '.join(groups)}"
    return [
        Problem(problem.host, problem.key, "is not set" + where)
        if problem.key == "mode" and problem.sentence.startswith("is not set")
        else problem
        for problem in problems
    ]


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


def chosen(inventory: "Inventory", options: Mapping[str, Any]) -> list[str]:
    """The names of the hosts that this run is about: --limit and --exclude, as pyinfra understands them."""
    limit, exclude = options.get("limit") or (), options.get("exclude") or ()
    names = [host.name for host in inventory]
    return [
        name
        for name in names
        if (not limit or name in _matching(inventory, limit)) and name not in _matching(inventory, exclude)
    ]


def _matching(inventory: "Inventory", patterns: Iterable[str]) -> set[str]:
    found: set[str] = set()
    for pattern in patterns:
        if pattern in inventory.groups:
            found |= {host.name for host in inventory.groups[pattern]}
        else:
            found |= {host.name for host in inventory if fnmatch(host.name, pattern)}
    return found


def with_logins(value: Any, logins: Mapping[str, Mapping[str, Any]]) -> Any:
    """A group as pyinfra knows it, its hosts' data completed: a list of hosts, or a tuple (hosts, data)."""
    if isinstance(value, tuple):
        return with_logins(list(value[0]), logins), value[1]
    hosts = []
    for item in value:
        name, data = item if isinstance(item, tuple) else (item, {})
        hosts.append((name, {**data, **logins[name]}) if name in logins else item)
    return hosts


def _options() -> dict[str, Any]:
    """pyinfra's command line, where there is one."""
    import click

    context = click.get_current_context(silent=True)
    return dict(context.params) if context else {}


def _as_pyinfra_reads_it(file: str, options: Mapping[str, Any]) -> "tuple[Inventory, dict[str, Any]]":
    """The inventory before anybody logged in, and the command line's data. pyinfra reads the file a second time for
    it, in which `settle` does nothing: so the rules of merging are pyinfra's own."""
    global _reading
    from pyinfra import state
    from pyinfra_cli.cli import _set_override_data  # type: ignore[import-untyped]
    from pyinfra_cli.inventory import make_inventory_from_files  # type: ignore[import-untyped]

    if options.get("ssh_password_prompt"):
        _stop(
            [
                f"{file}: --ssh-password-prompt comes too late here; set bootstrap_password, or use --ssh-password"
            ]
        )
    keys = ("ssh_user", "ssh_key", "ssh_key_password", "ssh_port", "ssh_password")
    override = _set_override_data(options.get("data", ()), *(options.get(key) for key in keys))
    _reading = True
    try:
        inventory = make_inventory_from_files(
            file,
            override_data=override,
            cwd=state.cwd,
            group_data_directories=options.get("group_data"),
        )
    finally:
        _reading = False
    return inventory, override


def _log_in(
    module: dict[str, Any], file: str, inventory: "Inventory", override: Mapping[str, Any], names: list[str]
) -> None:
    """Log in on the named hosts, or stop with everybody's troubles."""
    from pyinfra.connectors.ssh import SSHConnector
    from pyinfra_cli.inventory import _is_inventory_group

    from provision.login.probe import log_in_all
    from provision.login.target import target_for
    from provision.pyinfra_bridge.logins import adopt

    targets, failures = {}, {}
    for host in inventory:
        if issubclass(host.connector_cls, SSHConnector):
            data = _data(host)
            try:
                targets[host.name] = target_for(host.name, data, settings_from(data), override)
            except ValueError as why:
                failures[host.name] = f"a secret cannot be read: {why}"
    logins: dict[str, Login] = {}
    if not set(failures) & set(names):
        logins, failures = log_in_all([targets[name] for name in names if name in targets])
    if failures:
        done = f"; the other {len(logins)} can be logged in on" if logins else ""
        _stop(
            [f"{file}: host {name}: {failures[name]}" for name in names if name in failures]
            + [f"Nothing was changed on any host{done}. To go on without a host: --exclude NAME"]
        )
    adopt(targets, logins)
    data = {name: login.data() for name, login in logins.items()}
    for key, value in list(module.items()):
        if _is_inventory_group(key, value):
            module[key] = with_logins(value, data)


def _interrupted(*_: Any) -> NoReturn:
    """Ctrl-C is no success: pyinfra's own handler ends with exit code 0, and a loop over hosts would go on.

    Without an exception: one that is raised while Python is at a weak reference's callback, say, is swallowed.
    """
    with suppress(Exception):  # where it was just writing
        sys.stdout.flush()
    os.write(2, b"Stopped. A change of who gets in that was not confirmed is undone by the host itself.\n")
    os._exit(130)


def _data(host: "Host") -> dict[str, Any]:
    """A host's merged data."""
    return dict(host.data.dict())  # type: ignore[no-untyped-call]


def _stop(lines: Iterable[str]) -> NoReturn:
    """End the run. SystemExit passes through pyinfra, which would wrap anything else in a traceback."""
    print("\n".join(lines), file=sys.stderr, flush=True)
    sys.exit(1)
