"""The digest of a folder: another name, mode, link or byte is another one; times are not."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from provision.remote.tree_digest import digest


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "tree"
    (folder / "sub").mkdir(parents=True)
    (folder / "code.py").write_text("print()")
    (folder / "sub/data").write_bytes(b"x" * 3 * 2**20)
    (folder / "link").symlink_to("code.py")
    (folder / "lib64").symlink_to("sub")
    return folder


def test_copies_and_times_make_no_difference_and_the_marker_neither(tree: Path, tmp_path: Path) -> None:
    before = digest(str(tree))
    copied = shutil.copytree(tree, tmp_path / "copy", symlinks=True)
    os.utime(copied / "code.py", (1e9, 1e9))
    (copied / ".complete").write_text(before)
    assert digest(str(copied)) == before


def same_length_and_time(tree: Path) -> None:
    file = tree / "code.py"
    times = file.stat()
    file.write_text("exit( )")
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))


def relinked(tree: Path) -> None:
    (tree / "lib64").unlink()
    (tree / "lib64").symlink_to("/tmp")


@pytest.mark.parametrize(
    "change",
    [
        same_length_and_time,
        relinked,
        lambda tree: (tree / "sub/data").chmod(0o4755),
        lambda tree: (tree / "sub/new.py").touch(),
        lambda tree: (tree / "code.py").rename(tree / "other.py"),
        lambda tree: (tree / "sub/data").unlink(),
    ],
)
def test_a_change_is_seen(tree: Path, change: Callable[[Path], object]) -> None:
    before = digest(str(tree))
    change(tree)
    assert digest(str(tree)) != before
