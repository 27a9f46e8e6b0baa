"""Who is asked first, and what is said where a host that was reachable no longer is."""

from typing import Any

import pytest

from provision.login import messages, probe
from provision.login.reach import NoLogin
from provision.login.target import Target


@pytest.mark.parametrize(
    ("version", "order"),
    [
        ("SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u7", ["root", "sysop"]),
        ("SSH-2.0-OpenSSH_8.9p1 Ubuntu-3ubuntu0.13", ["root", "sysop"]),
        ("SSH-2.0-OpenSSH_10.0p2", ["sysop", "root"]),
        ("SSH-2.0-OpenSSH_9.2p1\r\n", ["sysop", "root"]),
    ],
)
def test_the_user_comes_first_who_fits_the_host(version: str, order: list[str]) -> None:
    assert probe.in_order(("sysop", "root"), "sysop", version) == order
    assert probe.in_order(("sysop",), "sysop", version) == ["sysop"]


def target() -> Target:
    return Target("web1", "127.0.0.1", (22,), ("root",), ())


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What each connection ends with, in turn; returns those that were not asked for."""

    def give(*sentences: str) -> list[str]:
        left = list(sentences)

        def connect(_: Target, user: str) -> Any:
            if sentence := left.pop(0):
                raise NoLogin(sentence)
            return "a link"

        monkeypatch.setattr(probe, "connect", connect)
        monkeypatch.setattr(probe.time, "sleep", lambda _: None)
        return left

    return give


def test_sshd_limit_is_waited_for(answers: Any, capsys: pytest.CaptureFixture[str]) -> None:
    limited = messages.no_ssh("127.0.0.1", 22, "Not allowed at this time")
    answers(limited, limited, "")
    assert probe._connected(target(), "root", reachable=True) == "a link"  # type: ignore[comparison-overlap]
    assert capsys.readouterr().err.count("sshd hangs up at once") == 1
    answers(limited)
    with pytest.raises(NoLogin, match="does not speak SSH"):
        probe._connected(target(), "root")  # an address never seen before: not sshd, for all that is known


def test_a_refusal_after_a_connection_names_the_ban_and_the_ways_out(answers: Any) -> None:
    refused = messages.unreachable("127.0.0.1", [(22, "is closed")])
    answers(refused)
    with pytest.raises(NoLogin) as told:
        probe._connected(target(), "root", reachable=True)
    said = str(told.value)
    assert said.startswith(refused)
    assert "fail2ban may have banned your address" in said
    assert " UTC at the latest" in said
    assert said.endswith("on the provider's console: fail2ban-client set sshd unbanip 127.0.0.1")
    answers(refused)
    with pytest.raises(NoLogin) as told:
        probe._connected(target(), "root")
    assert str(told.value) == refused


def test_an_address_that_something_translates_is_not_guessed() -> None:
    assert messages.maybe_banned("", "18:00 UTC").endswith("lists: fail2ban-client get sshd banned")
    through = Target("web1", "127.0.0.1", (22,), ("root",), (), proxy_command="nc gate 22")
    assert probe.source(through) == ""
