"""Which host keys are trusted, pinned, and refused."""

from dataclasses import replace
from pathlib import Path

import pytest

from provision.login import messages as words
from provision.login.known_hosts import HostKey, pin
from provision.login.reach import NoLogin, check
from provision.login.target import Target

OLD = HostKey("ssh-ed25519", "AAAAC3NzaC1lZDI1NTE5AAAAIOabWvZGLaN/EB1qEj0KgJFyJ5SZcKX3mYbGgyilqEKK")
NEW = HostKey("ssh-ed25519", "AAAAC3NzaC1lZDI1NTE5AAAAIGkrW7CBI3nU0UIouxpRTNhdeHNL+NeqKyyeoQE2A/ec")


@pytest.fixture
def known(tmp_path: Path) -> Path:
    return tmp_path / "known_hosts"


@pytest.fixture
def web1(known: Path) -> Target:
    return Target("web1", "10.0.0.9", (2222, 22), ("sysop",), (known,), wanted_port=2222)


def refusal(target: Target, port: int, key: HostKey) -> str:
    before = [file.read_bytes() for file in target.known_hosts if file.is_file()]
    with pytest.raises(NoLogin) as why:
        check(target, port, key)
    assert [file.read_bytes() for file in target.known_hosts if file.is_file()] == before
    return str(why.value)


def test_first_sight_is_pinned_and_told_once(
    web1: Target, known: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    check(web1, 22, NEW)
    check(web1, 22, NEW)
    assert known.read_text() == f"10.0.0.9 {NEW.type} {NEW.base64}\n"
    told = capsys.readouterr()
    assert (told.out, told.err) == ("", f"host web1: {words.first_sight('10.0.0.9', 22, NEW, known)}\n")


def test_another_key_is_refused(web1: Target, known: Path) -> None:
    pin(known, "10.0.0.9", OLD)
    assert refusal(web1, 22, NEW) == words.changed("10.0.0.9", 22, NEW, [(OLD, known)])


def test_one_of_several_pinned_keys_is_enough(web1: Target, known: Path) -> None:
    pin(known, "10.0.0.9", OLD)
    pin(known, "10.0.0.9", NEW)
    check(web1, 22, NEW)


def test_a_revoked_key_is_refused_even_where_it_is_pinned(web1: Target, known: Path) -> None:
    pin(known, "10.0.0.9", OLD)
    known.write_text(f"{known.read_text()}@revoked * {OLD.type} {OLD.base64}\n")
    assert refusal(web1, 22, OLD) == words.revoked("10.0.0.9", 22, OLD)


def test_a_moved_port_with_the_same_key_is_pinned_in_silence(
    web1: Target, known: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pin(known, "10.0.0.9", OLD)
    check(web1, 2222, OLD)
    assert [line.split()[0] for line in known.read_text().splitlines()] == ["10.0.0.9", "[10.0.0.9]:2222"]
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("ports", [(2222, 22), (2222,)])
def test_a_moved_port_with_another_key_is_refused(web1: Target, known: Path, ports: tuple[int, ...]) -> None:
    pin(known, "10.0.0.9", OLD)
    expected = words.other_port("10.0.0.9", 2222, NEW, [(OLD, known)])
    assert refusal(replace(web1, ports=ports), 2222, NEW) == expected


def test_a_forwarded_port_may_be_another_machine(web1: Target, known: Path) -> None:
    pin(known, "[10.0.0.9]:2201", OLD)
    check(replace(web1, ports=(2202,), wanted_port=22), 2202, NEW)
    assert len(known.read_text().splitlines()) == 2


def test_a_key_that_cannot_be_pinned_is_not_trusted(web1: Target, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    within = tmp_path / "file" / "known_hosts"
    assert refusal(replace(web1, known_hosts=(within,)), 22, NEW).startswith(
        f"is seen for the first time, and {within} cannot take its key ("
    )


def test_an_alias_is_the_name_of_the_key_on_every_port(web1: Target, known: Path) -> None:
    alias = replace(web1, host_key_alias="compute.123")
    pin(known, "compute.123", OLD)
    check(alias, 22, OLD)
    check(alias, 2222, OLD)
    assert refusal(alias, 2222, NEW) == words.changed("compute.123", 22, NEW, [(OLD, known)])
    known.unlink()
    check(alias, 2222, NEW)
    assert known.read_text() == f"compute.123 {NEW.type} {NEW.base64}\n"


def test_strict_checking_refuses_what_is_not_pinned(web1: Target, known: Path) -> None:
    told = refusal(replace(web1, strict="yes"), 2222, NEW)
    assert told == words.strict("10.0.0.9", 2222, NEW, "10.0.0.9", 2222, False)
    assert not known.exists()


def test_an_authority_is_no_pin(web1: Target, known: Path) -> None:
    known.write_text(f"@cert-authority * {OLD.type} {OLD.base64}\n")
    told = refusal(replace(web1, strict="yes"), 22, OLD)
    assert "proves its key by no certificate of an @cert-authority" in told


@pytest.mark.parametrize("strict", ["ask", "yes"])
def test_a_key_that_is_kept_nowhere_is_not_trusted(web1: Target, strict: str) -> None:
    refusal(replace(web1, known_hosts=(), strict=strict), 22, NEW)


def test_a_throw_away_machine_is_not_pinned_and_that_is_told(
    web1: Target, capsys: pytest.CaptureFixture[str]
) -> None:
    check(replace(web1, known_hosts=(), strict="no"), 22, NEW)
    assert "its host key is not checked" in capsys.readouterr().err
