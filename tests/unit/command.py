"""pyinfra's command line, for tests of what it says."""

import subprocess
import sys
from pathlib import Path

REPO = Path(__file__).parents[2]
PYINFRA = Path(sys.executable).with_name("pyinfra")


def pyinfra(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "PYTHONPATH": str(REPO)}
    return subprocess.run([PYINFRA, *words], cwd=folder, capture_output=True, text=True, env=environment)


def complaints(done: subprocess.CompletedProcess[str]) -> list[str]:
    assert done.returncode == 1, done.stderr
    assert done.stdout == ""
    return [line for line in done.stderr.splitlines() if line and not line.startswith("-->")]
