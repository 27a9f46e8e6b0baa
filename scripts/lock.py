"""Pins every dependency with hashes, for all platforms and Python 3.10 upwards.

`make lock`: this repository's own. `python -m scripts.lock --app REQUIREMENTS LOCKFILE`: those of another HARVEST, into
a file of yours, which `app_source` names; with gunicorn, which serves it, and from wheels alone, as hosts install it.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from provision.settings.app_source import lock_problem

UV = Path(sys.executable).with_name("uv")
COMPILE = (
    "--universal",
    "--generate-hashes",
    "--no-emit-index-url",
    "--no-emit-find-links",
    "--no-header",
    "--quiet",
)
# What stands where one package serves both: the tests run the app in the controller's environment.
LOCKS = (
    ("app/requirements.in", "app/requirements.txt", ()),
    ("requirements-dev.in", "requirements-dev.txt", ("-c", "app/requirements.txt")),
    ("requirements.in", "requirements.txt", ("-c", "requirements-dev.txt")),
    ("provision/operations/app/uv.in", "provision/operations/app/uv.txt", ("-c", "requirements-dev.txt")),
)


def compile_lock(sources: tuple[str, ...], lock: str, *extra: str) -> None:
    """Write `lock` from requirements files; an existing lock's versions are kept where they still fit."""
    command = [str(UV), "pip", "compile", *COMPILE, "--python-version", "3.10", *sources, "-o", lock, *extra]
    print(f"{sources[0]} -> {lock}", file=sys.stderr)
    subprocess.run(command, check=True)


def lock_app(requirements: Path, lock: Path) -> None:
    """Lock another application; its lock stays as it was where that fails. Exits with a sentence."""
    if not requirements.is_file():
        sys.exit(f"{requirements} is not a file")
    if not lock.parent.is_dir():
        sys.exit(f"{lock.parent} is not a folder")
    with tempfile.TemporaryDirectory(dir=lock.parent) as folder:
        served, made = Path(folder, "served.in"), Path(folder, "made.txt")
        served.write_text("gunicorn\n")
        if lock.is_file():
            made.write_text(lock.read_text())
        try:
            compile_lock(
                (str(requirements), str(served)), str(made), "--only-binary", ":all:", "--no-annotate"
            )
        except subprocess.CalledProcessError as failed:
            sys.exit(failed.returncode)
        if problem := lock_problem(made.read_text()):
            sys.exit(f"{requirements}: {problem}")
        os.replace(made, lock)


def main() -> None:
    words = argparse.ArgumentParser(prog="python -m scripts.lock", description=__doc__)
    words.add_argument("--app", nargs=2, type=Path, metavar=("REQUIREMENTS", "LOCKFILE"))
    given = words.parse_args()
    if given.app:
        lock_app(*given.app)
        return
    for source, lock, extra in LOCKS:
        compile_lock((source,), lock, *extra)


if __name__ == "__main__":
    main()
