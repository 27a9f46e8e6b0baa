"""Searches of whole trees, by the real find."""

import os
import tempfile
import time
from pathlib import Path

import pytest

from provision.remote import trees


def searched(foreign: list[str], edited: list[str]) -> dict[str, list[str]]:
    return trees.finish(trees.begin(foreign, edited))


def tree(top: Path) -> dict[str, str]:
    """Two releases with their markers, all as it should be; paths by name."""
    found = {}
    for name in ("one", "two [x]"):
        home = top / "releases" / name
        (home / "deep").mkdir(parents=True)
        for file in (home / "code.py", home / "deep/more.py", home / ".complete"):
            file.touch()
            file.chmod(0o644)
            os.utime(file, (1_000_000_000,) * 2)
        for folder in (home / "deep", home):
            folder.chmod(0o755)
            os.utime(folder, (1_000_000_000,) * 2)
        found[name] = str(home / ".complete")
    return found


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's files are not foreign")
def test_one_walk_answers_all_that_is_asked_of_a_tree(tmp_path: Path) -> None:
    markers = tree(tmp_path)
    asked = [str(tmp_path)], list(markers.values())
    assert list(trees.trees(*asked)) == [str(tmp_path)]
    for folder in (tmp_path, tmp_path / "releases"):
        folder.chmod(0o755)
    nothing: dict[str, list[str]] = {path: [] for path in (str(tmp_path), *markers.values())}
    assert searched(*asked) == nothing
    edited, loose = tmp_path / "releases/two [x]/deep/more.py", tmp_path / "releases/one/code.py"
    os.utime(edited, (1_000_000_001,) * 2)
    loose.chmod(0o666)
    (tmp_path / "releases/new.py").touch()  # in no marker's folder
    found = {**nothing, markers["two [x]"]: [str(edited)], str(tmp_path): [str(loose)]}
    assert searched(*asked) == found


def test_what_is_not_there_is_not_walked_and_what_is_elsewhere_is_walked_alone(tmp_path: Path) -> None:
    markers = tree(tmp_path)
    one, two = (os.path.dirname(marker) for marker in markers.values())
    assert trees.trees([one, "/nowhere"], [*markers.values(), "/nowhere/.complete"]) == {
        one: [markers["one"]],
        two: [markers["two [x]"]],
    }
    Path(one[:-1]).mkdir()
    apart = {one[:-1]: [], one: [markers["one"]]}
    assert trees.trees([one[:-1]], [markers["one"]]) == apart, "/a/on is not around /a/one"


def test_find_stays_on_one_disk_so_a_marker_on_another_is_walked_alone(tmp_path: Path) -> None:
    if os.stat("/dev").st_dev == os.stat("/dev/shm").st_dev:
        pytest.skip("no disk is mounted below another here")
    with tempfile.TemporaryDirectory(dir="/dev/shm") as home:
        marker = Path(home) / ".complete"
        marker.touch()
        assert trees.trees(["/dev"], [str(marker)]) == {"/dev": [], home: [str(marker)]}


@pytest.mark.parametrize("ahead_s", [0, 2 * 365 * 86400])
def test_an_edit_is_found_though_the_marker_is_from_before_the_clock_was_set_back(
    tmp_path: Path, ahead_s: int
) -> None:
    """Where it lies ahead, so do the change times of all that was there with it, which here nobody can set."""
    marker = tmp_path / ".complete"
    marker.touch()
    os.utime(marker, (time.time() + ahead_s,) * 2)
    found = searched([], [str(marker)])[str(marker)]
    assert (str(marker) in found) is bool(ahead_s), "changed by this host's clock, not by that of the marker"
    os.utime(marker, (time.time() + ahead_s - 10,) * 2)
    (tmp_path / "edited").touch()
    assert str(tmp_path / "edited") in searched([], [str(marker)])[str(marker)]
