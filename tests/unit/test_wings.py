"""Which way imports point: each wing of provision/ imports only those below it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

REPO = Path(__file__).parents[2]
WINGS = ("remote", "settings", "login", "pyinfra_bridge", "engine", "operations")
"""From the ground up."""
OURS = ("provision", "tasks", "inventories", "operate", "lab", "app", "tests", "benchmarks", "scripts")


def imported(file: Path) -> Iterator[str]:
    """The full names of all modules that a file imports, also inside functions."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{name.name}" for name in node.names)
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names)


def ours(folder: str) -> list[tuple[str, str]]:
    """(file, imported name) of all imports of this repository's own packages below `folder`."""
    return [
        (str(file.relative_to(REPO)), name)
        for file in sorted((REPO / folder).rglob("*.py"))
        for name in imported(file)
        if name.split(".")[0] in OURS
    ]


@pytest.mark.parametrize("wing", WINGS)
def test_a_wing_imports_only_those_below_it(wing: str) -> None:
    allowed = WINGS[: WINGS.index(wing) + 1]
    found = ours(f"provision/{wing}")
    assert found or wing == "remote"
    assert [(file, name) for file, name in found if name.split(".")[1] not in allowed] == []


def test_provision_has_no_rooms_outside_its_wings_but_the_entries() -> None:
    rooms = {path.name for path in (REPO / "provision").iterdir() if path.name != "__pycache__"}
    entries = {"__init__.py", "inventory.py", "cloud_init.py", "compose.py"}
    assert rooms == {*WINGS, *entries, "rollout"}


@pytest.mark.parametrize(
    ("folder", "allowed"),
    [("tasks", {"provision", "tasks"}), ("inventories", {"provision"}), ("app", set()), ("lab", {"lab"})],
)
def test_the_house_imports_downwards(folder: str, allowed: set[str]) -> None:
    inside = {path.name for path in (REPO / folder).iterdir()}
    wrong = [
        (file, name)
        for file, name in ours(folder)
        if name.split(".")[0] not in allowed and f"{name.split('.')[0]}.py" not in inside
    ]
    assert wrong == []
