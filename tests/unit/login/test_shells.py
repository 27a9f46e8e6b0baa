"""Commands through login shells that are not sh."""

import subprocess

import pytest

from provision.login import shells


@pytest.mark.parametrize("command", ["sh -c 'set -eu\necho \"it'\"'\"'s\" \\\\n !x $HOME'", "exit 7"])
def test_a_command_reaches_sh_unchanged_through_shells_that_quote_differently(command: str) -> None:
    words = shells.wrapped(command)
    assert not set("\n!\\") & set(words)  # what fish and tcsh read in single quotes
    assert words.count("'") == 2
    plain, through = (subprocess.run(["sh", "-c", each], capture_output=True) for each in (command, words))
    assert (through.returncode, through.stdout) == (plain.returncode, plain.stdout)
    assert plain.returncode in (0, 7)


def test_shells_are_told_apart_by_their_names() -> None:
    assert [
        shells.is_posix(path) for path in ("/bin/bash", "", "/usr/bin/fish", "/bin/tcsh", "/bin/csh")
    ] == [
        True,
        True,
        False,
        False,
        False,
    ]
