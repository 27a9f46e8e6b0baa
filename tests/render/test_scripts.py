"""Scripts that lie on the host as files."""

import subprocess

import pytest

from provision.engine.templates import render


@pytest.mark.parametrize("name", ["system/needrestart-nginx.sh", "nginx/renewal-hook"])
def test_shellcheck_has_nothing_to_say(name: str) -> None:
    done = subprocess.run(["shellcheck", "-"], input=render(name), capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")
