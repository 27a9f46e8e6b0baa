"""docs/examples: the files parse, and their commands run with the answers that operate/drift.py gives."""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from provision.pyinfra_bridge.command_line import OPERATE
from tests.unit.command import REPO, complaints, pyinfra

EXAMPLES = REPO / "docs/examples"
COMMAND = "pyinfra inventories/prod.py operate/drift.py"


def load(name: str) -> Any:
    return yaml.safe_load((EXAMPLES / name).read_text())


def github() -> list[str]:
    """The commands of the workflow's steps."""
    steps = load("drift-github.yml")["jobs"]["drift"]["steps"]
    return [step["run"] for step in steps if "run" in step]


def gitlab() -> list[str]:
    job = load("drift-gitlab.yml")["drift"]
    return [*job["before_script"], *job["script"]]


def cron() -> tuple[str, str]:
    """(when and as whom, the command) of the one job."""
    lines = (EXAMPLES / "drift.cron").read_text().splitlines()
    (line,) = [line for line in lines if line and not re.match(r"#|\w+=", line)]
    words = line.split(" ", 6)
    return " ".join(words[:6]), words[6]


def run(command: str, folder: Path, code: int) -> subprocess.CompletedProcess[str]:
    """The command, with a pyinfra that says something and ends with a code."""
    tool = folder / ".venv/bin/pyinfra"
    tool.parent.mkdir(parents=True, exist_ok=True)
    tool.write_text(f'#!/bin/sh\necho "$@"\nexit {code}\n')
    tool.chmod(0o755)
    path = f"{tool.parent}:{os.environ['PATH']}"
    words = ["bash", "-e", "-c", command.replace("/srv/harvest", str(folder))]
    return subprocess.run(words, cwd=folder, env={"PATH": path}, capture_output=True, text=True)


@pytest.mark.parametrize("command", [*github(), *gitlab(), cron()[1]])
def test_every_command_is_shell(command: str) -> None:
    done = subprocess.run(["bash", "-n", "-c", command], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(("code", "said"), [(0, ""), (2, "hosts differ"), (1, "could not tell")])
def test_github_and_gitlab_end_as_drift_does_and_keep_its_answer(
    tmp_path: Path, code: int, said: str
) -> None:
    for command in (github()[-1], gitlab()[-1]):
        done = run(command, tmp_path, code)
        assert done.returncode == code
        assert (tmp_path / "drift.json").read_text() == "inventories/prod.py operate/drift.py --json\n"
    assert said in run(github()[-1], tmp_path, code).stdout


def test_cron_mails_what_differs_and_nothing_where_nothing_does(tmp_path: Path) -> None:
    when, command = cron()
    assert re.fullmatch(r"\d+ \d+ \* \* \* \w+", when)
    assert "%" not in command, "cron takes it for the end of the line"
    assert [run(command, tmp_path, code).stdout for code in (0, 1, 2)] == [
        "",
        *["inventories/prod.py operate/drift.py\n"] * 2,
    ]


def test_what_the_examples_type_is_what_pyinfra_takes() -> None:
    """It reads the settings, and refuses the unedited example: the command line itself was understood."""
    for command in (github()[-1], gitlab()[-1], cron()[1]):
        assert COMMAND in command
    said = complaints(pyinfra(REPO, *COMMAND.split()[1:], "--json"))
    assert said, "inventories/prod.py is to be edited first"
    assert all("inventories/prod.py" in line or "group_data" in line for line in said[:1]), said
    assert "drift.py" in OPERATE
    assert all(
        (REPO / name).is_file() for name in ("requirements.txt", "inventories/prod.py", "operate/drift.py")
    )


def test_schedules_are_daily_and_jobs_may_only_read() -> None:
    workflow = load("drift-github.yml")
    assert workflow["permissions"] == {"contents": "read"}
    assert workflow[True]["schedule"] == [{"cron": "17 6 * * *"}]  # YAML 1.1 reads "on" so
    assert load("drift-gitlab.yml")["drift"]["artifacts"]["when"] == "always"
