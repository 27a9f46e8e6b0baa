"""Lines in others' files: put where they belong, once, and the rest left as it is."""

import stat
import subprocess
from pathlib import Path

import pytest

from provision.operations.edits import Edits, Line, Without, changes
from tests.unit.states import state, text

SU = "# pam_rootok lets root in\nauth sufficient pam_rootok.so\n@include common-auth\n"
WHEEL = "auth required pam_wheel.so use_uid group=sugroup"
SHM = "tmpfs /dev/shm tmpfs rw,noexec 0 0"


@pytest.mark.parametrize(
    ("before", "line", "after"),
    [
        (
            SU,
            Line("", WHEEL, after="^auth.*pam_rootok"),
            SU.replace("@include", f"{WHEEL}\n@include"),
        ),
        ("a\nb", Line("", WHEEL, after="^nowhere"), f"a\nb\n{WHEEL}\n"),
        (
            f"/dev/vda / ext4 rw 0 1\nnone  /dev/shm\ttmpfs size=1G 0 0\n# {SHM}\n",
            Line("", SHM, drop="^[^#[:space:]]+[[:space:]]+/dev/shm[[:space:]]"),
            f"/dev/vda / ext4 rw 0 1\n# {SHM}\n{SHM}\n",
        ),
    ],
)
def test_a_line_is_put_where_it_belongs_and_once(tmp_path: Path, before: str, line: Line, after: str) -> None:
    file = tmp_path / "file"
    file.write_text(before)
    file.chmod(0o640)
    line = Line(str(file), line.text, line.after, line.drop)
    for _ in range(2):
        subprocess.run(["sh", "-euc", line.script()], check=True)
        assert file.read_text() == after
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_what_is_right_or_missing_is_left_alone() -> None:
    line, word = Line("/etc/x", "a"), Without("/etc/pam.d/*", "nullok")
    edits = Edits((line,), (word,))
    for there, found in (([], []), (["/etc/x"], ["/etc/x"])):
        have = state(found={"/etc/x": there, line.shape: found, word.shape: []})
        assert not text(changes(have, edits))
    have = state(found={"/etc/x": ["/etc/x"], line.shape: [], word.shape: []})
    assert len(text(changes(have, edits))) == 1


def test_a_word_goes_and_its_neighbours_stay(tmp_path: Path) -> None:
    file = tmp_path / "common-auth"
    file.write_text("auth [success=1 default=ignore] pam_unix.so nullok try_first_pass # nullok_secure\n")
    word = Without("x", "nullok")
    (command,) = text(changes(state(found={word.shape: [str(file)]}), Edits(words=(word,))))
    subprocess.run(["sh", "-c", command], check=True)
    assert file.read_text() == "auth [success=1 default=ignore] pam_unix.so try_first_pass # nullok_secure\n"
