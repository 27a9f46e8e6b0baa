"""Secrets by reference: each that cannot be read says which and why, and never what it holds."""

import ast
import sys
from pathlib import Path
from typing import Any

import pytest

from provision.settings import secrets
from provision.settings.model import settings_from
from provision.settings.secrets import HARVESTS_OWN, check_secrets, value_of
from provision.settings.types import Secret
from tests.unit.examples import GOOD

REPO = Path(__file__).parents[3]
ADMIN = {"first_admin": "a@example.org"}


def told(reference: dict[str, Any]) -> str:
    settings = settings_from(GOOD | {"bootstrap_password": reference})
    (problem,) = check_secrets(settings)
    assert problem[0] == "bootstrap_password"
    return problem[1]


def test_a_variable_that_is_not_set_or_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    assert told({"env": "UNSET_HERE"}) == "the environment variable UNSET_HERE is not set"
    monkeypatch.setenv("EMPTY_HERE", "  ")
    assert told({"env": "EMPTY_HERE"}) == "the environment variable EMPTY_HERE is empty"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "cannot be read (No such file or directory)"),
        ("folder", "cannot be read (it is a folder)"),
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        (b"\xff\x80hunter2", "holds no text (it is not UTF-8)"),
        (b"hunter2\nurl: x\n", "holds 2 lines; a secret is one"),
        (b"hunter2\x00", "holds control characters"),
    ],
)
def test_a_file_that_holds_no_secret(tmp_path: Path, content: Any, why: str) -> None:
    file = tmp_path / "pw"
    if content == "folder":
        file.mkdir()
    elif content is not None:
        file.write_bytes(content)
    assert told({"file": str(file)}) == f"the file {file} {why}"


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (["/nowhere/pass", "x"], "cannot be run (/nowhere/pass is not there)"),
        (["no-such-program"], "cannot be run (no-such-program is not there)"),
        (["false"], "failed with 1"),
        (["true"], "printed nothing"),
        (["printf", r"\377hunter2"], "printed no text (it is not UTF-8)"),
        (["sleep", "60"], "did not end within 0 s"),
        (["cat"], "printed nothing"),  # it reads no terminal of ours
    ],
)
def test_a_command_that_gives_no_secret(
    monkeypatch: pytest.MonkeyPatch, command: list[str], why: str
) -> None:
    monkeypatch.setattr(secrets, "COMMAND_S", 0.3 if command[0] == "sleep" else 20.0)
    said = told({"command": command})
    assert said.endswith(why)
    assert said.startswith(f"the command {command[0]}")


def test_a_command_that_is_a_folder_or_may_not_be_run(tmp_path: Path) -> None:
    assert told({"command": [str(tmp_path)]}).endswith("is not there)")


def test_a_command_is_run_once(tmp_path: Path) -> None:
    count = f"import pathlib; f = pathlib.Path({str(tmp_path / 'n')!r}); f.open('a').write('x'); print('pw')"
    secret = Secret(command=(sys.executable, "-c", count))
    assert [value_of(secret), value_of(secret)] == ["pw", "pw"]
    assert (tmp_path / "n").read_text() == "x"


def test_a_file_in_the_home_folder_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "pw").write_bytes(b"\xef\xbb\xbfpass word\r\n")
    assert value_of(Secret(file=Path("~/pw"))) == "pass word"


@pytest.mark.parametrize("size", [HARVESTS_OWN[0] - 1, HARVESTS_OWN[1] + 1])
def test_a_password_that_harvest_would_refuse(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setenv("FIRST", "x" * size)
    settings = settings_from(GOOD | ADMIN | {"first_admin_password": {"env": "FIRST"}})
    what = f"has {size} characters; HARVEST takes passwords of 10 to 200"
    assert check_secrets(settings) == [("first_admin_password", what)]


@pytest.mark.parametrize("size", HARVESTS_OWN)
def test_a_password_that_harvest_takes(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setenv("FIRST", "x" * size)
    assert check_secrets(settings_from(GOOD | ADMIN | {"first_admin_password": {"env": "FIRST"}})) == []


def test_the_password_rule_is_that_of_the_application() -> None:
    tree = ast.parse((REPO / "app/harvest/accounts.py").read_text())
    for node in tree.body:
        if isinstance(node, ast.Assign) and "MIN_PASSWORD" in ast.unparse(node.targets[0]):
            assert ast.literal_eval(node.value) == HARVESTS_OWN
            return
    pytest.fail("app/harvest/accounts.py says no MIN_PASSWORD, MAX_PASSWORD")
