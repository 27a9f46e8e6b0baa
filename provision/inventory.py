"""What an inventory file calls as its last line: `resolve(globals())`.

It merges the data as pyinfra does, checks every host's settings before any connection, finds out who can log in on
each host, and writes that into the groups, so that plain `pyinfra INVENTORY deploy.py` connects that way.
"""

import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from provision.login.probe import Login, log_in_all
from provision.login.target import targets_for
from provision.operations.app import sources
from provision.pyinfra_bridge import command_line, inventory, screen
from provision.pyinfra_bridge.inventory import with_logins as with_logins
from provision.pyinfra_bridge.logins import register_logins
from provision.settings import host_lists
from provision.settings.checks import Problem as Problem
from provision.settings.checks import (
    check_examples,
    check_groups,
    check_inventory,
    check_ports,
    check_shape,
    told,
)
from provision.settings.host_lists import Groups, HostListError
from provision.settings.model import Settings, settings_from
from provision.settings.secrets import check_secrets

if TYPE_CHECKING:
    from pyinfra.api.inventory import Inventory

_reading = False


def resolve(module: dict[str, Any]) -> None:
    """Check all hosts, log in on those that this run is about, and put the logins into the module's groups.

    Stops the run with exit code 1 and a list on stderr when a host's data is wrong or nobody can log in on it;
    then nothing was changed anywhere.
    """
    if _reading:
        return
    signal.signal(signal.SIGINT, _interrupted)
    file = str(module["__file__"])
    options = command_line.options()
    command_line.check()
    if options.get("ssh_password_prompt"):
        _stop(
            file, ["--ssh-password-prompt comes too late here; set bootstrap_password, or use --ssh-password"]
        )
    if problems := check_shape(module, _group_files(file)):
        _stop(file, problems)
    override = inventory.override_data(options)
    if problem := command_line.unknown_word(options, Settings.model_fields):
        command_line.stop([problem])
    every, hosts = _checked(file, override, options)
    names = inventory.chosen(every, options)
    if missed := command_line.no_match(options, lambda word: inventory.matching(every, [word]), hosts):
        _stop(file, missed)
    if not names and options.get("operations") != ("debug-inventory",):
        _stop(file, [f"--limit and --exclude leave no host; there are {', '.join(hosts)}"])
    secrets = [
        Problem(name, key, why) for name in names for key, why in check_secrets(settings_from(hosts[name]))
    ]
    if secrets:
        _stop(file, secrets, _go_on())
    if command_line.deploys(options):
        _read_sources(file, {name: settings_from(hosts[name]) for name in names})
    screen.install(options)
    _log_in(module, file, every, override, names)
    command_line.resolved(file)


def settings_of(file: str, name: str) -> Settings:
    """A host's settings, for a program of its own; no host is asked. Stops where settings are wrong, or it has no such
    host."""
    if not Path(file).is_file():
        command_line.stop([f"{file}: is not there; name the inventory: --inventory FILE"])
    with inventory.without_command_line():
        command_line.check()
        _, hosts = _checked(file, {}, {})
    if name not in hosts:
        _stop(file, [f"has no host {name}; there are {', '.join(hosts)}"])
    return settings_from(hosts[name])


def hosts_from(file: str | Path) -> Groups:
    """Group to hosts, of a list that another tool keeps: CSV, JSON, or Terraform's state (settings/host_lists.py).

    `globals().update(hosts_from(...))` makes them groups of an inventory. Stops the run where the list is none.
    """
    try:
        return host_lists.hosts_from(file)
    except HostListError as problem:
        command_line.stop([str(problem)])


settle = resolve
"""The former name: inventories are their users' files, and those that say so go on working."""


def _checked(
    file: str, override: Mapping[str, Any], options: Mapping[str, Any]
) -> "tuple[Inventory, dict[str, dict[str, Any]]]":
    """The inventory, and each host's merged data; stops where something is wrong in it."""
    every = _read(file, override, options)
    hosts = {
        host.name: command_line.without_words(inventory.data_of(host), *command_line.pages())
        for host in every
    }
    if not hosts:
        _stop(file, ["has no hosts; add one to a group such as harvest_internal"])
    problems = check_examples(hosts) or [
        *check_groups(inventory.groups_data(every)),
        *check_inventory(hosts),
        *check_ports(hosts, override),
    ]
    if problems:
        groups = {host.name: host.groups for host in every}
        _stop(file, told(problems, inventory.mode_groups(every), groups))
    return every, hosts


def _read_sources(file: str, hosts: Mapping[str, Settings]) -> None:
    """Read what the named hosts deploy, before any is asked; stop where it cannot be, show which commit a ref is."""
    problems = [Problem(name, key, why) for name in hosts for key, why in sources.check(hosts[name])]
    if problems:
        _stop(file, problems, _go_on())
    for line in dict.fromkeys(line for each in hosts.values() for line in sources.notes(each)):
        print(line, file=sys.stderr)


def _group_files(file: str) -> set[str]:
    """The groups that have a file in group_data, here or where the inventory's own lies."""
    folders = (Path.cwd(), Path(file).resolve().parent, Path(file).resolve().parents[1])
    return {path.stem for folder in folders for path in folder.glob("group_data/*.py")} - {"all"}


def _read(file: str, override: Mapping[str, Any], options: Mapping[str, Any]) -> "Inventory":
    """The inventory before anybody logged in. pyinfra reads the file a second time for it, in which `resolve` does
    nothing: so the rules of merging are pyinfra's own."""
    global _reading
    _reading = True
    try:
        return inventory.read(file, override, options)
    finally:
        _reading = False


def _log_in(
    module: dict[str, Any], file: str, every: "Inventory", override: Mapping[str, Any], names: list[str]
) -> None:
    """Log in on the named hosts, or stop with everybody's troubles."""
    hosts = {
        host.name: command_line.without_words(inventory.data_of(host), *command_line.pages())
        for host in every
        if inventory.by_ssh(host)
    }
    targets, failures = targets_for(hosts, override)
    logins: dict[str, Login] = {}
    if not set(failures) & set(names):
        logins, failures = log_in_all([targets[name] for name in names if name in targets])
    said = [f"host {name}: {failures[name]}" for name in names if name in failures]
    if failures and logins and command_line.only_looks(command_line.options()):
        print("\n".join(said), file=sys.stderr)
        screen.unreached.update(failures)
    elif failures:
        _stop(file, said, _go_on(len(logins)))
    register_logins(targets, logins)
    inventory.put_logins(
        module, {name: login.data() for name, login in logins.items()}, without=set(failures)
    )


def _interrupted(*_: Any) -> NoReturn:
    """Ctrl-C is no success: pyinfra's own handler ends with exit code 0, and a loop over hosts would go on.

    Without an exception: one that is raised while Python is at a weak reference's callback, say, is swallowed.
    """
    with suppress(Exception):  # where it was just writing
        sys.stdout.flush()
    os.write(2, b"Stopped. A change of who gets in that was not confirmed is undone by the host itself.\n")
    os._exit(130)


def _go_on(others: int = 0) -> str:
    done = f"; the other {others} can be logged in on" if others else ""
    return f"Nothing was changed on any host{done}. To go on without a host: --exclude NAME"


def _stop(file: str, problems: "list[Any]", *advice: str) -> NoReturn:
    command_line.stop([*(f"{file}: {problem}" for problem in problems), *advice])
