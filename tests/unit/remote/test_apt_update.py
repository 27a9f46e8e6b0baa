"""`apt-get update`: what failed is not fresh, and is named by its file."""

import time
from pathlib import Path

import pytest

from provision.remote import apt_update

SAID = """W: GPG error: https://apt.vendor.example/deb stable InRelease: The following signatures couldn't be verified
E: The repository 'https://apt.vendor.example/deb stable InRelease' is not signed.
E: Failed to fetch http://deb.debian.org/debian/dists/trixie/InRelease  Temporary failure resolving 'deb.debian.org'
E: Some index files failed to download. They have been ignored, or old ones used instead.
"""


@pytest.fixture
def apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host's apt-get that says `said` and ends with `code`, its sources and its stamp."""
    (tmp_path / "apt-get").write_text(
        f'#!/bin/sh\necho "$*" >>{tmp_path}/asked\ncat {tmp_path}/said\nexit $(cat {tmp_path}/code)\n'
    )
    (tmp_path / "apt-get").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(apt_update, "STAMP", str(tmp_path / "stamps/apt-update"))
    monkeypatch.setattr(apt_update, "SOURCES", (f"{tmp_path}/*.list", f"{tmp_path}/*.sources"))
    (tmp_path / "debian.sources").write_text(
        "Types: deb\nURIs: http://deb.debian.org/debian/\nSuites: trixie\n"
    )
    (tmp_path / "x.list").write_text(
        "# deb http://deb.debian.org/debian old main\ndeb [signed-by=/k] https://apt.vendor.example/deb stable main\n"
    )
    return tmp_path


def ends(apt: Path, code: int, said: str) -> int:
    (apt / "said").write_text(said)
    (apt / "code").write_text(str(code))
    return apt_update.main(0.0, ["-qq"])


def test_a_failed_update_is_named_by_file_and_asked_again(
    apt: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ends(apt, 100, SAID) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(": ")[1] for line in lines] == [
        f"{apt}/x.list",
        f"{apt}/x.list",
        f"{apt}/debian.sources",
    ]
    assert "Temporary failure resolving" in lines[2]
    assert ends(apt, 0, "") == 0
    assert ends(apt, 100, SAID) == 3  # new enough: not asked
    assert (apt / "asked").read_text().splitlines() == ["-qq -o APT::Update::Error-Mode=any update"] * 2


def test_a_stamp_of_the_future_is_none(apt: Path) -> None:
    assert ends(apt, 0, "") == 0
    import os

    later = time.time() + 3600
    os.utime(apt / "stamps/apt-update", (later, later))
    assert ends(apt, 0, "") == 0


def test_a_list_that_cannot_be_read_is_told_in_apt_words(
    apt: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = "E: Malformed entry 1 in list file /etc/apt/sources.list.d/y.list (URI parse)\n"
    assert ends(apt, 100, said) == 1
    assert "Malformed entry 1 in list file /etc/apt/sources.list.d/y.list" in capsys.readouterr().out
