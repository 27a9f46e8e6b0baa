"""An environment that cannot be built as its lock says is not there at all, and the reason is told."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from provision.operations.app import release
from tests.unit.wheels import line, wheel, without_index


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    return tmp_path / "wheels"


def build(folder: Path, lock: str) -> "subprocess.CompletedProcess[str]":
    """Build an environment in `folder`/venv with this machine's uv, from its wheels alone."""
    (folder / "uv/bin").mkdir(parents=True)
    (folder / "uv/bin/uv").symlink_to(Path(sys.executable).with_name("uv"))
    script = release.build_script(str(folder / "venv"), str(folder / "uv"), lock)
    environment = {
        **without_index(folder / "wheels"),
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": "/nonexistent",
    }
    return subprocess.run(["sh", "-c", script], capture_output=True, text=True, env=environment, timeout=120)


def test_a_lock_is_installed_and_complete(wheels: Path, tmp_path: Path) -> None:
    done = build(tmp_path, line("flask", wheel(wheels, "flask")))
    assert done.returncode == 0, done.stderr
    assert list((tmp_path / "venv/lib").glob("python3*/site-packages/__pycache__/flask.*.pyc"))
    assert (tmp_path / "venv/.complete").exists()


def _another_hash(wheels: Path) -> str:
    wheel(wheels, "flask")
    return line("flask", "0" * 64)


def _no_wheel(wheels: Path) -> str:
    digest = wheel(wheels, "flask")
    (wheels / "flask-1.0-py3-none-any.whl").rename(wheels / "flask-1.0.tar.gz")
    return line("flask", digest)


def _another_python(wheels: Path) -> str:
    return line("flask", wheel(wheels, "flask", python=">=3.99"))


@pytest.mark.parametrize(
    ("made", "words"),
    [(_another_hash, "ash mismatch"), (_no_wheel, "no usable wheels"), (_another_python, "3.99")],
)
def test_what_does_not_fit_the_lock_is_told_and_nothing_is_complete(
    made: Callable[[Path], str], words: str, wheels: Path, tmp_path: Path
) -> None:
    done = build(tmp_path, made(wheels))
    assert done.returncode != 0
    assert words in done.stderr, done.stderr
    assert not (tmp_path / "venv/.complete").exists()


def test_what_failed_is_named_however_many_hashes_the_package_has(tmp_path: Path) -> None:
    build = tmp_path / "build.sh"
    hashes = "".join(f"   sha256:{number:064x}\n" for number in range(40))
    build.write_text(f"cat <<'WORDS'\nHash mismatch for `flask==3.1.0`\nExpected:\n{hashes}WORDS\nexit 2\n")
    done = subprocess.run(
        ["sh", "-euc", f"build={build}\n{release.AGAIN}"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, "Hash mismatch for `flask==3.1.0`" in done.stderr) == (1, True)
