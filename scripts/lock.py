"""Pins every dependency with hashes, for all platforms and Python 3.10 upwards. `make lock`."""

import subprocess
import sys
from pathlib import Path

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


def main() -> None:
    for source, lock, extra in LOCKS:
        print(f"{source} -> {lock}", file=sys.stderr)
        command = [
            str(UV),
            "pip",
            "compile",
            *COMPILE,
            "--python-version",
            "3.10",
            source,
            "-o",
            lock,
            *extra,
        ]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
