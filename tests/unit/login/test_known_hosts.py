"""Reading and writing known_hosts, compared with OpenSSH's own words where it has any."""

import stat
import subprocess
import threading
from pathlib import Path

import pytest

from provision.login.known_hosts import (
    HostKey,
    Line,
    authorities,
    find,
    key_order,
    label,
    pin,
    pinned,
    pinned_ports,
    revoked,
)

A = HostKey("ssh-ed25519", "AAAAC3NzaC1lZDI1NTE5AAAAIOabWvZGLaN/EB1qEj0KgJFyJ5SZcKX3mYbGgyilqEKK")
B = HostKey("ssh-ed25519", "AAAAC3NzaC1lZDI1NTE5AAAAIGkrW7CBI3nU0UIouxpRTNhdeHNL+NeqKyyeoQE2A/ec")
RSA = HostKey("ssh-rsa", "AAAAB3NzaC1yc2EAAAADAQAB")


@pytest.fixture
def known(tmp_path: Path) -> Path:
    return tmp_path / "ssh" / "known_hosts"


def test_fingerprint_is_the_one_that_ssh_keygen_prints(known: Path) -> None:
    pin(known, "web1", A)
    printed = subprocess.run(["ssh-keygen", "-lf", known], capture_output=True, text=True, check=True).stdout
    assert A.fingerprint == printed.split()[1]


@pytest.mark.parametrize(("port", "expected"), [(22, "web1"), (2222, "[web1]:2222")])
def test_label(port: int, expected: str) -> None:
    assert label("web1", port) == expected


def test_pin_makes_file_and_directory_private(known: Path) -> None:
    pin(known, "[web1]:2222", A)
    assert known.read_text() == f"[web1]:2222 {A.type} {A.base64}\n"
    assert stat.S_IMODE(known.stat().st_mode) == 0o600
    assert stat.S_IMODE(known.parent.stat().st_mode) == 0o700


def test_pin_ends_an_unfinished_last_line_first(known: Path) -> None:
    known.parent.mkdir()
    known.write_text("other ssh-ed25519 AAAA")
    pin(known, "web1", A)
    assert known.read_text() == f"other ssh-ed25519 AAAA\nweb1 {A.type} {A.base64}\n"


def test_pins_from_many_threads_are_all_kept_once(known: Path) -> None:
    hosts = [f"web{number}" for number in range(20)] * 2
    threads = [threading.Thread(target=pin, args=(known, host, A)) for host in hosts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(line.split()[0] for line in known.read_text().splitlines()) == sorted(set(hosts))


def test_what_openssh_hashed_is_found(known: Path) -> None:
    pin(known, "web1", A)
    pin(known, "[web1]:2222", B)
    subprocess.run(["ssh-keygen", "-H", "-f", known], check=True, capture_output=True)
    assert "web1" not in known.read_text()
    assert [line.key for line in find([known], "web1")] == [A]
    assert [line.key for line in find([known], "[web1]:2222")] == [B]
    assert find([known], "web2") == []


def test_patterns_markers_and_lines_that_are_none_are_read_as_openssh_does(known: Path) -> None:
    known.parent.mkdir()
    known.write_bytes(
        b"# a comment\n\n"
        + f"@cert-authority *.lan {B.type} {B.base64}\n@revoked * {RSA.type} {RSA.base64}\nnonsense\n".encode()
        + f"db,WEB1 {A.type} {A.base64} caf".encode()
        + b"\xe9\n"
        + f"*.lan,!web2.lan {A.type} {A.base64}\r\n".encode()
    )
    absent = known.parent / "absent"
    assert pinned(find([known, absent], "web1")) == [Line(known, "", "db,WEB1", A)]
    assert authorities(find([known], "web1")) == []
    assert [line.key for line in pinned(find([known], "web1.lan"))] == [A]
    assert pinned(find([known], "web2.lan")) == []
    assert [line.key for line in authorities(find([known], "web2.lan"))] == [B]


def test_a_revoked_key_is_known_as_such_for_its_host_only(known: Path) -> None:
    known.parent.mkdir()
    known.write_text(f"@revoked web1 {A.type} {A.base64}\n")
    assert revoked(find([known], "web1"), A)
    assert not revoked(find([known], "web1"), B)
    assert not revoked(find([known], "web2"), A)


def test_pinned_ports_are_those_seen_before(known: Path) -> None:
    for port in (22, 2222, 2200, 2222):
        pin(known, label("web1", port), A)
    pin(known, "[web10]:2300", A)
    assert pinned_ports([known, known.parent / "absent"], "web1") == [2222, 2200]


OFFERED = ["ssh-ed25519", "ecdsa-sha2-nistp256", "rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"]


@pytest.mark.parametrize(
    ("pins", "expected"),
    [
        ([], ["ssh-ed25519", "ecdsa-sha2-nistp256", "rsa-sha2-512", "rsa-sha2-256"]),
        ([RSA], ["rsa-sha2-512", "rsa-sha2-256", "ssh-ed25519", "ecdsa-sha2-nistp256"]),
        ([RSA, A], ["ssh-ed25519", "rsa-sha2-512", "rsa-sha2-256", "ecdsa-sha2-nistp256"]),
    ],
)
def test_the_pinned_types_are_asked_for_first_and_sha1_never(
    pins: list[HostKey], expected: list[str]
) -> None:
    assert key_order([Line(Path("k"), "", "web1", key) for key in pins], OFFERED) == expected
