"""What is said where a unit does not start or reload: run in a shell, with systemd's tools stood in for."""

import subprocess
from pathlib import Path

import pytest

from provision.operations.systemd import Unit, act

NGINX = """Reloading nginx.service - A high performance web server and a reverse proxy server...
2026/11/25 18:00:00 [emerg] 77#77: unknown directive "nonsense" in /etc/nginx/conf.d/x.conf:3
nginx.service: Control process exited, code=exited, status=1/FAILURE
Reload failed for nginx.service - A high performance web server and a reverse proxy server."""
SAID = "Job for nginx.service failed because the control process exited with error code."


@pytest.mark.parametrize(
    ("journal", "first"),
    [
        (NGINX, NGINX.splitlines()[1]),
        (
            "Starting x\nTraceback (most recent call last):\nKeyError: 7\nx.service: Main process exited",
            "KeyError: 7",
        ),
        ("", SAID),
    ],
)
@pytest.mark.parametrize("verb", ["reload", "restart"])
def test_the_reason_comes_first(tmp_path: Path, journal: str, first: str, verb: str) -> None:
    (tmp_path / "journal").write_text(journal)
    tools = {
        "systemctl": f'[ "$1" = reset-failed ] || {{ echo "{SAID}" >&2; exit 1; }}',
        "journalctl": f'[ "$1" = --sync ] || cat {tmp_path}/journal',
        "mkdir": "",
        "touch": "",
    }
    for name, body in tools.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / name).chmod(0o755)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    command = ["sh", "-euc", act(Unit("nginx.service"), verb)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert lines[0] == first
    assert lines[1] == f"so nginx.service did not {verb}; look with: journalctl -u nginx.service"
    assert lines[2:] == [f"| {line}" for line in journal.splitlines() or [""]]
