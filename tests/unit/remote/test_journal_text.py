"""No person, secret or text of users leaves the host in log lines."""

import json
import subprocess
from typing import Any

import pytest

from provision.remote import journal_text
from provision.remote.journal_text import last_lines, masked, taken


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("Failed password for invalid user bob from 203.0.113.9 port 22", "bob 203.0.113.9"),
        ("session opened for user alice(uid=1000)", "alice"),
        ("Accepted publickey for carol from 2001:db8::7 port 1", "carol 2001:db8::7"),
        ("mail from jane.doe@example.org refused", "jane.doe"),
        ("GET /papers?doi=10.1000/secret HTTP/1.1", "10.1000/secret"),
        ("postgresql://harvest:hunter2@db/harvest", "hunter2"),
        ("password=hunter2 api_key: hunter3", "hunter2 hunter3"),
        ("Authorization: Bearer abc.def.ghi", "abc.def.ghi"),
        ("token 0123456789abcdef0123456789abcdef01 used", "0123456789abcdef"),
    ],
)
def test_what_looks_like_a_person_or_a_secret_is_masked(line: str, shown: str) -> None:
    for word in shown.split():
        assert word not in masked(line)


@pytest.mark.parametrize(
    "line",
    [
        "nginx.service: Main process exited, code=exited, status=1/FAILURE",
        "E: Failed to fetch http://deb.debian.org/debian/dists/trixie/InRelease",
        "timed out waiting for network at 12:34:56",
        "Fatal: unable to open config file: server returned 403",
    ],
)
def test_what_says_why_stays(line: str) -> None:
    assert masked(line) == line


def test_lines_are_short_and_printable() -> None:
    assert masked("a\x1b[31mb") == "a [31mb"
    assert len(masked("word " * 100)) == journal_text.WIDTH


@pytest.mark.parametrize("unit", ["harvest-backend@5001.service", "harvest-x-frontend.service"])
def test_of_the_application_only_the_kind_of_error_is_shown(unit: str) -> None:
    trace = 'Traceback (most recent call last):\n  File "x.py", line 1\nsqlalchemy.exc.DataError: (Jane wrote) this'
    assert taken(unit, {"MESSAGE": trace, "_PID": "77"}) == ["sqlalchemy.exc.DataError"]
    assert taken(unit, {"MESSAGE": "a sentence of Jane's", "_PID": "77"}) == []
    assert taken(unit, {"MESSAGE": "Failed with result 'exit-code'.", "_PID": "1"}) == [
        "Failed with result 'exit-code'."
    ]


def test_bytes_and_broken_entries_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [json.dumps({"MESSAGE": [255, 1]}), "{cut", *(json.dumps({"MESSAGE": str(n)}) for n in range(20))]

    def journalctl(*words: Any, **more: Any) -> Any:
        return subprocess.CompletedProcess(words, 0, "\n".join(lines).encode(), b"")

    monkeypatch.setattr(subprocess, "run", journalctl)
    assert last_lines("nginx.service") == [str(n) for n in range(10, 20)]
