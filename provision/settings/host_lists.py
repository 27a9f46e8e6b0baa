"""Hosts from a list that another tool keeps: a CSV or JSON file, or the state of Terraform or OpenTofu."""

import csv
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

OUTPUT = "harvest_hosts"
"""The output of Terraform that holds the list."""
SHAPE = '[{"name": "web1.example.net", "group": "harvest_nginx", "domain": "harvest.example.net"}]'
Groups = dict[str, list[tuple[str, dict[str, Any]]]]
"""Group to its hosts, each with what the list says of it: what stands in an inventory file."""


class HostListError(ValueError):
    """A list that is none; the sentence names the file and the place in it."""


def hosts_from(file: str | Path) -> Groups:
    """Read a list of hosts.

    Each host has a `name`, a `group` (or several, as a list or separated by spaces), and settings by their names:

    * `.csv`: a first line of names, a line a host. An empty cell sets nothing; a number, true, false, and what begins
      with a bracket or brace is read as JSON.
    * other files are JSON: a list of such objects, or an object of objects by name; or what `terraform show -json`
      prints, or a state file, whose output `harvest_hosts` is such a list.

    Raises HostListError.
    """
    path = Path(file)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise HostListError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise HostListError(f"{path}: is not UTF-8 text") from None
    rows = _of_csv(path, text) if path.suffix.lower() == ".csv" else _of_json(path, text)
    groups: Groups = {}
    seen: set[str] = set()
    for place, row in rows:
        name, names = _name(place, row), _groups(place, row)
        if name in seen:
            raise HostListError(f"{place}: {name} is listed twice")
        seen.add(name)
        for group in names:
            groups.setdefault(group, []).append((name, dict(row)))
    if not groups:
        raise HostListError(f"{path}: lists no host")
    return groups


def _name(place: str, row: dict[str, Any]) -> str:
    name = row.pop("name", None)
    if not isinstance(name, str) or not name.strip():
        raise HostListError(f"{place}: has no name")
    return name.strip()


def _groups(place: str, row: dict[str, Any]) -> list[str]:
    said = row.pop("group", None)
    names = said.split() if isinstance(said, str) else said
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise HostListError(f"{place}: has no group; name one, like harvest_nginx")
    for name in names:
        if not name.isidentifier() or name.startswith("_"):
            raise HostListError(f'{place}: group "{name}": must be a name of letters, digits and _')
    return names


def _of_csv(path: Path, text: str) -> Iterable[tuple[str, dict[str, Any]]]:
    reader = csv.DictReader(text.splitlines())
    header = [name.strip() for name in reader.fieldnames or ()]
    if "name" not in header or "group" not in header:
        raise HostListError(
            f"{path}, line 1: must name the columns, name and group among them; it is: {header}"
        )
    reader.fieldnames = header
    for row in reader:
        place = f"{path}, line {reader.line_num}"
        if None in row:
            raise HostListError(f"{place}: has more cells than line 1; a cell with a comma stands in quotes")
        yield (
            place,
            {key: _cell(place, key, cell.strip()) for key, cell in row.items() if cell and cell.strip()},
        )


def _cell(place: str, key: str, text: str) -> Any:
    if text[0] not in "[{" and not text.isdigit() and text not in ("true", "false"):
        return text
    try:
        return json.loads(text)
    except ValueError as error:
        if text.isdigit():  # 007 is no number of JSON's
            return text
        raise HostListError(f"{place}, {key}: is not JSON ({error})") from None


def _of_json(path: Path, text: str) -> Iterable[tuple[str, dict[str, Any]]]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise HostListError(f"{path}: is not JSON ({error})") from None
    if isinstance(found, dict) and "terraform_version" in found:
        found = _output(path, found)
    if isinstance(found, dict):
        found = [{"name": name, **row} if isinstance(row, dict) else row for name, row in found.items()]
    if not isinstance(found, list):
        raise HostListError(f"{path}: must be a list of hosts, like {SHAPE}")
    for number, row in enumerate(found, 1):
        if not isinstance(row, dict):
            raise HostListError(f"{path}, host {number}: must be an object, like {SHAPE[1:-1]}")
        # Terraform's objects have all their attributes; one that is not set is null.
        yield f"{path}, host {number}", {key: value for key, value in row.items() if value is not None}


def _output(path: Path, state: Mapping[str, Any]) -> Any:
    """The list among the outputs of `terraform show -json`, or of a state file."""
    outputs = (state.get("values") or {}).get("outputs") or state.get("outputs") or {}
    if OUTPUT not in outputs:
        there = f"it has {', '.join(outputs)}" if outputs else "it has none"
        raise HostListError(f'{path}: has no output "{OUTPUT}" ({there}); docs/operating.md shows one')
    return outputs[OUTPUT].get("value")
