"""A release is put in place whatever an interrupted run left of it."""

import subprocess
from pathlib import Path

from provision.engine.state import Entry
from provision.operations.app import release
from provision.operations.app.artifact import pack
from tests.unit.states import state, text


def test_a_release_is_put_where_a_run_was_killed_between_its_renames(tmp_path: Path) -> None:
    """`mv` does not overwrite a folder in which something lies: the old release, set aside and not yet removed."""
    source = tmp_path / "app"
    source.mkdir()
    (source / "new.py").touch()
    want = release.Release(str(tmp_path / "opt"), pack(source), "flask==1\n", shared=str(tmp_path / "opt"))
    for name in (".old", "harvest", ".harvest.part"):
        (Path(want.folder) / name).mkdir(parents=True)
        (Path(want.folder) / name / "left.py").touch()
    built = {f"{want.venv('3.11')}/.complete": Entry(kind="file")}
    command = next(iter(release.changes(state(files=built), want)))
    archive = command.connector_arguments["_stdin"]  # type: ignore[union-attr]
    (line,) = text([command])
    done = subprocess.run(["sh", "-c", line], input=archive, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in Path(want.folder).iterdir()} == {"harvest"}
    assert {path.name for path in (Path(want.folder) / "harvest").iterdir()} == {"new.py", ".complete"}


def test_a_half_installed_uv_is_installed_again(tmp_path: Path) -> None:
    """pip's --target leaves alone what lies there."""
    uv = tmp_path / "uv"
    (uv / "bin").mkdir(parents=True)
    (uv / "bin/uv").write_text("half of a progr")
    (uv / "bin/uv").chmod(0o755)
    script = release.build_script(str(tmp_path / "venv"), str(uv), "flask==1\n").partition("  cat >")[0]
    subprocess.run(["sh", "-c", script + "fi"], check=True)
    assert list(uv.iterdir()) == []
