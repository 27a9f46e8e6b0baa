"""What a host's answer to the proof means."""

import pytest

from provision.login import messages as words
from provision.login.auth import PROOF, Proof, judge

TRAPPED = 'Please login as the user "ubuntu" rather than the user "root".\n\n'


@pytest.mark.parametrize(
    ("text", "password_given", "expected"),
    [
        ("harvest-login-shell\nharvest-login-root\n", False, Proof()),
        ("Welcome!\nharvest-login-shell\nharvest-login-root\n", False, Proof()),
        ("harvest-login-shell\n[sudo] password for me: harvest-login-root\n", True, Proof()),
        (TRAPPED, False, Proof(words.login_as_instead("ubuntu"), "ubuntu")),
        ("", False, Proof(words.NO_COMMANDS)),
        ("This account is currently not available.\n", False, Proof(words.NO_COMMANDS)),
        (f"You asked for {PROOF}\n", False, Proof(words.NO_COMMANDS)),
        (
            "harvest-login-shell\nsudo: a password is required\n",
            False,
            Proof(words.SUDO_PASSWORD_UNKNOWN),
        ),
        (
            "harvest-login-shell\n[sudo] password for me: Sorry, try again.\n",
            True,
            Proof(words.SUDO_PASSWORD_WRONG),
        ),
        ("harvest-login-shell\nme is not in the sudoers file.\n", True, Proof(words.NO_SUDO)),
        ("harvest-login-shell\nsudo: I'm sorry me. I'm afraid I can't do that\n", True, Proof(words.NO_SUDO)),
        ("harvest-login-shell\nsh: 1: sudo: not found\n", False, Proof(words.NO_SUDO)),
    ],
)
def test_judge(text: str, password_given: bool, expected: Proof) -> None:
    assert judge(text, password_given=password_given) == expected
