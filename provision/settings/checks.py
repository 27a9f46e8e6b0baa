"""What is wrong with an inventory: its shape, its groups, its hosts' settings. Plain data in, problems out."""

import difflib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from provision.settings.model import Settings, SettingsError, settings_from

# What groups decide; two groups of a host must not differ in it.
MODE_KEYS = ("mode", "base_path")
# RFC 2606: nobody's names, so a host of such a name is the example, not yet edited.
EXAMPLE_NAMES = ("example.org", "example.com", "example.net", "example")
A_GROUP = 'must be a list of hosts, like ["web1", ("web2", {"domain": "web2.example.org"})]'


@dataclass(frozen=True)
class Problem:
    """What is wrong with one host's data; without a host, with the file."""

    host: str
    key: str
    sentence: str

    def __str__(self) -> str:
        host = f"host {self.host}" if self.host else ""
        return ": ".join(word for word in (host, self.key, self.sentence) if word)


def check_shape(module: Mapping[str, Any], files: Collection[str] = ()) -> list[Problem]:
    """Names of an inventory file that pyinfra would pass over, or take for other hosts than are meant.

    `files` are the groups that have a file in group_data.
    """
    problems = []
    for name, value in module.items():
        if name.startswith("_") or isinstance(value, ModuleType) or callable(value):
            continue
        if isinstance(value, (list, tuple)):
            if wrong := _group(value):
                problems.append(Problem("", name, wrong))
        elif name in Settings.model_fields:
            sentence = "is a setting; put it into group_data/all.py, a group's file there, or a host's braces"
            problems.append(Problem("", name, sentence))
        elif not name.isupper():
            near = difflib.get_close_matches(name, [*files, *Settings.model_fields], n=1)
            known = f"; did you mean {near[0]}?" if near and near[0] != name else ""
            # A value that is not a group's may be a secret.
            shown = f"is {str(value)[:60]!r}; " if near and near[0] in files else ""
            mine = f"{A_GROUP}{known}; begin the name of what is only yours with _"
            problems.append(Problem("", name, shown + mine))
    return problems


def _group(value: Any) -> str:
    """What is wrong with a group, "" where nothing is: a list of hosts, or (list of hosts, the group's data)."""
    if isinstance(value, tuple):
        if len(value) != 2 or not isinstance(value[0], (list, tuple)) or not isinstance(value[1], dict):
            return f"{A_GROUP}: square brackets around the hosts"
        value = value[0]
    for item in value:
        name, data = item if isinstance(item, tuple) and len(item) == 2 else (item, {})
        if not isinstance(name, str) or not name.strip():
            kind = type(item).__name__
            return f"a host must be a name in quotes, or (name, {{settings}}); one is of the kind {kind}"
        if not isinstance(data, dict) or not all(isinstance(key, str) for key in data):
            return f'host {name}: its settings must stand in braces, like ("{name}", {{"domain": "web2.example.org"}})'
    return ""


def check_inventory(hosts: Mapping[str, Mapping[str, Any]]) -> list[Problem]:
    """Everything that is wrong with the settings of all hosts (name to merged data)."""
    problems = []
    for name, data in hosts.items():
        try:
            settings_from(data)
        except SettingsError as error:
            problems += [Problem(name, key, sentence) for key, sentence in error.problems]
    return problems


def check_ports(hosts: Mapping[str, Mapping[str, Any]], override: Collection[str] = ()) -> list[Problem]:
    """Hosts whose `ssh_port` may still be meant as `sshd_port`, as older inventories have it."""
    return [
        Problem(
            name,
            "ssh_port",
            f"is {data['ssh_port']}, which is only where to connect now; say where sshd shall listen as well: "
            f"sshd_port = {data['ssh_port']} if there",
        )
        for name, data in hosts.items()
        if "ssh_port" in data
        and "ssh_port" not in override
        and "sshd_port" not in data
        and data["ssh_port"] != 22
    ]


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


def told(
    problems: Iterable[Problem], modes: Collection[str], groups: Mapping[str, Iterable[str]] | None = None
) -> list[Problem]:
    """The problems, with the groups named that would give a host its mode, and a group of `groups` (host to its
    groups) that is one of them misspelt."""
    said = []
    for problem in problems:
        if problem.key == "mode" and problem.sentence.startswith("is not set"):
            wrong = _misspelt((groups or {}).get(problem.host, ()), modes)
            where = f"is not set; put the host into one of the groups {', '.join(modes)}"
            problem = Problem(problem.host, "mode", where + wrong)
        said.append(problem)
    return said


def _misspelt(groups: Iterable[str], modes: Collection[str]) -> str:
    for group in groups:
        if near := difflib.get_close_matches(group, modes, n=1, cutoff=0.8):
            return f'; its group "{group}" has no file in group_data: did you mean {near[0]}?'
    return ""
