"""Running what a sysadmin runs, and reading its answer."""

import json
import os
import pty
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

REPO = Path(__file__).parents[2]
BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Run:
    """One run of pyinfra: its exit code, the operations that changed something, and what it said and printed."""

    code: int
    changed: list[str]
    said: str
    printed: str = ""


def deploy(
    *names: str,
    environment: dict[str, str] | None = None,
    file: str = "deploy.py",
    options: tuple[str, ...] = (),
    folder: Path = REPO,
) -> Run:
    """`pyinfra inventories/lab.py deploy.py -y --limit NAME ...`"""
    limits = [word for name in names for word in ("--limit", name)]
    command = [str(BIN / "pyinfra"), "inventories/lab.py", file, "-y", "--json", *limits, *options]
    env = {**os.environ, "PYINFRA_PROGRESS": "off", **(environment or {})}
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600, env=env)
    results = json.loads(done.stdout or "{}").get("results") or {"operations": []}
    changed = [operation["name"] for operation in results["operations"] if operation["success"]]
    return Run(done.returncode, changed, done.stderr, done.stdout)


def typed(
    name: str,
    *options: str,
    answer: str | None = "",
    environment: dict[str, str] | None = None,
    file: str = "deploy.py",
) -> tuple[int, str]:
    """What a human types, at a terminal who gives `answer` when asked; None is no terminal. Exit code and words."""
    command = [str(BIN / "pyinfra"), "inventories/lab.py", file, "--limit", name, *options]
    env = {**os.environ, "PYINFRA_PROGRESS": "off", **(environment or {})}
    if answer is None:
        done = subprocess.run(
            command,
            cwd=REPO,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=env,
        )
        return done.returncode, done.stdout.decode()
    terminal, side = pty.openpty()
    process = subprocess.Popen(
        command, cwd=REPO, stdin=side, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env
    )
    os.close(side)
    os.write(terminal, f"{answer}\n".encode())  # waits there until it is asked for
    said, _ = process.communicate(timeout=600)
    os.close(terminal)
    return process.returncode, said.decode()


def drift(name: str, *data: str) -> tuple[int, dict[str, str], Run]:
    """operate/drift.py: its exit code, the cause of each difference by path or sentence, and the run."""
    options = tuple(word for each in data for word in ("--data", each))
    run = deploy(name, file="operate/drift.py", options=options)
    host = json.loads(run.printed or "{}").get("hosts", {}).get(name, {})
    found = {each["subject"] or each["what"]: each["cause"] for each in host.get("differences", ())}
    return run.code, found, run


def accept_all(name: str) -> list[str]:
    """Accept what others changed and no operation answers for; its paths."""
    paths = [path for path, cause in drift(name)[1].items() if cause == "foreign"]
    if paths:
        code, _, run = drift(name, f"accept={','.join(paths)}")
        assert code == 0, run.said
    return sorted(paths)


def looks(said: str) -> int:
    """How often a run with --debug asked a host anything."""
    return said.count("Getting fact:")


def audit(*names: str, options: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """`pytest tests/audit --inventory inventories/lab.py --limit NAME ...`"""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/audit"]
    command += ["--inventory", "inventories/lab.py", *(word for name in names for word in ("--limit", name))]
    command += options
    env = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    return subprocess.run(command, cwd=REPO, capture_output=True, text=True, timeout=600, env=env)


def rollout(folder: Path, state: Path, *words: str) -> tuple[int, str]:
    """`python -m provision.rollout inventories/lab.py` of a checkout; its record lies below `state`. Code and words."""
    command = [sys.executable, "-m", "provision.rollout", "inventories/lab.py", *words]
    env = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    env |= {"XDG_STATE_HOME": str(state), "LAB_DIR": os.environ.get("LAB_DIR") or str(REPO / ".lab")}
    done = subprocess.run(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600, env=env
    )
    return done.returncode, done.stdout
