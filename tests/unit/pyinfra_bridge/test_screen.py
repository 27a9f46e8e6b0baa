"""pyinfra's command line as we change it: its names are still there, and what our parts of it do."""

import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest
from pyinfra import logger

from provision.pyinfra_bridge import screen
from provision.pyinfra_bridge.report import Difference, Report, Step

REPO = Path(__file__).parents[3]


def test_a_run_without_a_terminal_says_which_option_is_missing() -> None:
    script = (
        "from provision.pyinfra_bridge.screen import install;"
        "install({'operations': ['deploy.py']}); print('went on')"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=REPO, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "add -y" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("option", ["yes", "dry", "json_output", "debug_operations"])
def test_a_run_that_asks_nothing_needs_no_terminal(option: str) -> None:
    script = f"""
import importlib
from provision.pyinfra_bridge import screen
cli = importlib.import_module("pyinfra_cli.cli")
before = {{name: getattr(cli, name) for name in ("_handle_commands", "_do_confirm", "run_ops")}}
screen.install({{"operations": ["deploy.py"], {option!r}: True}})
assert all(getattr(cli, name) is not value for name, value in before.items())
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=REPO, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_other_commands_of_pyinfra_stay_as_they_are() -> None:
    """In a process of its own, as above: pyinfra's command line patches whatever process imports it."""
    script = """
import importlib
from provision.pyinfra_bridge import screen
cli = importlib.import_module("pyinfra_cli.cli")
before = cli._handle_commands
screen.install({"operations": ["debug-inventory"]})
screen.install({"operations": ["exec", "uptime"]})
assert cli._handle_commands is before
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=REPO, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("argv", "again"),
    [
        (
            ["pyinfra", "inventories/prod.py", "deploy.py", "-y", "--limit", "a"],
            "pyinfra inventories/prod.py deploy.py -y",
        ),
        (["pyinfra", "--limit=a", "--limit", "b", "x.py", "deploy.py"], "pyinfra x.py deploy.py"),
    ],
)
def test_the_command_to_type_again_names_no_host_yet(argv: list[str], again: str) -> None:
    assert screen.again(argv) == again


class Shown(logging.Handler):
    """Keeps what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@pytest.fixture
def shown() -> Shown:
    """pyinfra's log, behind our filter."""
    handler, quiet, level = Shown(), screen.Quiet(), logger.level
    logger.addHandler(handler)
    logger.addFilter(quiet)
    logger.setLevel(logging.INFO)
    yield handler  # type: ignore[misc]
    logger.setLevel(level)
    logger.removeFilter(quiet)
    logger.removeHandler(handler)


def test_an_operation_that_has_nothing_to_say_is_not_named(shown: Shown) -> None:
    for line in (
        "--> Starting operation: One ",
        "[web1] \x1b[36mNo changes\x1b[0m",
        "--> Starting operation: Two ",
        "[web1] No changes",
        "[web2] changing /etc/issue",
        "[web2] Success",
        "--> Starting operation: Three ",
        "[web1] No changes",
        "--> Results:",
    ):
        logger.info(line)
    assert shown.lines == [
        "--> Starting operation: Two ",
        "[web2] changing /etc/issue",
        "[web2] Success",
        "--> Results:",
    ]


def test_a_host_is_plain_data_in_json() -> None:
    step = Step("Install", ["change /etc/x"], differences=[Difference("change /etc/x", "/etc/x")])
    said = json.loads(json.dumps(screen._as_data(Report(plan=[step], done=[step]))))
    assert said["changed"] == said["would_change"]
    assert said["changed"][0]["differences"][0]["subject"] == "/etc/x"
