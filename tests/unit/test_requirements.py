"""What is imported is declared: nothing comes along by chance with another package."""

import ast
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OURS = {"provision", "tasks", "lab", "scripts", "tests", "benchmarks", "harvest", "config", "inventories"}
# Parts of a package that is declared.
WITHIN = {"pydantic-core": "pydantic", "psycopg-binary": "psycopg"}


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(path: Path) -> set[str]:
    names = set()
    for line in path.read_text().splitlines():
        if line.startswith("-r "):
            names |= declared(path.parent / line[3:])
        elif found := re.match(r"[A-Za-z0-9._-]+", line):
            names.add(plain(found[0]))
    return names


def imported(*folders: str) -> set[str]:
    """The distributions that the Python files below the folders import."""
    of, found = packages_distributions(), set()
    for path in (file for folder in folders for file in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module]
            found |= {name.split(".")[0] for name in names}
    others = found - OURS - set(sys.stdlib_module_names)
    names = {plain(of[name][0]) for name in others if name in of}
    return {WITHIN.get(name, name) for name in names}


@pytest.mark.parametrize(
    ("file", "folders"),
    [
        ("app/requirements.in", ("app",)),
        ("requirements.in", ("provision", "tasks", "inventories", "lab")),
    ],
)
def test_what_is_imported_is_declared(file: str, folders: tuple[str, ...]) -> None:
    assert imported(*folders) - declared(ROOT / file) == set()


def test_what_tests_and_benchmarks_import_is_declared_somewhere() -> None:
    known = declared(ROOT / "requirements-dev.in") | declared(ROOT / "app/requirements.in")
    assert imported("tests", "benchmarks", "scripts") - known == set()
