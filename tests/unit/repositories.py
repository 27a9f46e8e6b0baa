"""Small applications that keep HARVEST's contract, as folders and git repositories, made by the tests."""

import os
import subprocess
from pathlib import Path

LOCK = "gunicorn==23.0.0 \\\n    --hash=sha256:" + "0" * 64 + "\n"
FILES = {"wsgi_be.py": "app = 1\n", "wsgi_fe.py": "server = 1\n", "config.py": 'DB_PATH = "harvest.db"\n'}


def git(folder: Path, *words: str) -> str:
    """Run git there, as somebody, whatever the machine's own configuration says."""
    who = {f"GIT_{role}_{key}": "t@t.test" for role in ("AUTHOR", "COMMITTER") for key in ("NAME", "EMAIL")}
    command = [
        "git",
        "-C",
        str(folder),
        "-c",
        "init.defaultBranch=main",
        "-c",
        "commit.gpgsign=false",
        *words,
    ]
    environment = {**os.environ, **who, "GIT_CONFIG_GLOBAL": "/dev/null"}
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout.strip()


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def commit(folder: Path, files: dict[str, str]) -> str:
    """Write and commit files, in a repository that is made if need be; the commit."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / ".git").exists():
        git(folder, "init", "-q")
    write(folder, files)
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "a change")
    return git(folder, "rev-parse", "HEAD")
