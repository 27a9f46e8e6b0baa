"""`python -m scripts.lock --app`: another application's requirements, pinned for its hosts."""

from pathlib import Path

import pytest

from provision.settings.app_source import lock_problem
from scripts.lock import lock_app
from tests.unit.wheels import wheel, without_index


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, value in without_index(tmp_path / "wheels").items():
        monkeypatch.setenv(name, value)
    for name in ("gunicorn", "flask"):
        wheel(tmp_path / "wheels", name)
    return tmp_path / "wheels"


@pytest.fixture
def wanted(tmp_path: Path) -> Path:
    (tmp_path / "requirements.txt").write_text("flask\n")
    return tmp_path / "requirements.txt"


def test_a_lock_has_hashes_gunicorn_and_no_address(wheels: Path, wanted: Path, tmp_path: Path) -> None:
    lock_app(wanted, tmp_path / "harvest.lock")
    text = (tmp_path / "harvest.lock").read_text()
    assert lock_problem(text) == ""
    assert [line.split()[0] for line in text.splitlines() if "==" in line] == ["flask==1.0", "gunicorn==1.0"]
    assert text.count("--hash=sha256:") == 2
    assert "://" not in text
    assert str(tmp_path) not in text
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "empty",
        "harvest.lock",
        "requirements.txt",
        "wheels",
    ]


def test_a_lock_that_exists_keeps_its_versions(wheels: Path, wanted: Path, tmp_path: Path) -> None:
    lock_app(wanted, tmp_path / "harvest.lock")
    before = (tmp_path / "harvest.lock").read_text()
    wheel(wheels, "flask", "2.0")
    lock_app(wanted, tmp_path / "harvest.lock")
    assert (tmp_path / "harvest.lock").read_text() == before


def test_what_has_no_wheel_is_not_locked_and_the_former_lock_stays(
    wheels: Path, wanted: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A host compiles nothing."""
    lock = tmp_path / "harvest.lock"
    lock.write_text("# former\n")
    (wheels / "flask-1.0-py3-none-any.whl").unlink()
    (wheels / "flask-1.0.tar.gz").write_bytes(b"")
    with pytest.raises(SystemExit) as ended:
        lock_app(wanted, lock)
    assert ended.value.code not in (0, None)
    assert "flask" in capfd.readouterr().err
    assert lock.read_text() == "# former\n"


def test_wrong_paths_are_told(wanted: Path, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="nosuch is not a file"):
        lock_app(tmp_path / "nosuch", tmp_path / "harvest.lock")
    with pytest.raises(SystemExit, match="nosuch is not a folder"):
        lock_app(wanted, tmp_path / "nosuch/harvest.lock")
