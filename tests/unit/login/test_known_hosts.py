"""Reading and writing known_hosts, compared with OpenSSH's own words where it has any."""

import stat
import subprocess
import threading
from pathlib import Path

import pytest

from provision.login.known_hosts import (
    HostKey,
    Line,
    key_order,
    label,
    names_match,
    pin,
    pinned,
    pinned_ports,
    read,
    revoked,
)

A = HostKey("ssh-ed25519", "AAAAC3NzaC1lZDI1NTE5AAAAIOabWvZGLaN/EB1qEj0KgJFyJ5SZcKX3mYbGgyilqEKK")
B = HostKey("ssh-ed25519", "AAAAC3NzaC1lZDI1NTE5AAAAIGkrW7CBI3nU0UIouxpRTNhdeHNL+NeqKyyeoQE2A/ec")
RSA = HostKey("ssh-rsa", "AAAAB3NzaC1yc2EAAAADAQAB")


@pytest.fixture
def known(tmp_path: Path) -> Path:
    return tmp_path / "ssh" / "known_hosts"


def test_fingerprint_is_the_one_that_ssh_keygen_prints(known: Path) -> None:
    pin(known, "web1", 22, A)
    printed = subprocess.run(["ssh-keygen", "-lf", known], capture_output=True, text=True, check=True).stdout
    assert A.fingerprint == printed.split()[1]


@pytest.mark.parametrize(("port", "expected"), [(22, "web1"), (2222, "[web1]:2222")])
def test_label(port: int, expected: str) -> None:
    assert label("web1", port) == expected


def test_pin_makes_file_and_directory_private(known: Path) -> None:
    pin(known, "web1", 2222, A)
    assert known.read_text() == f"[web1]:2222 {A.type} {A.base64}\n"
    assert stat.S_IMODE(known.stat().st_mode) == 0o600
    assert stat.S_IMODE(known.parent.stat().st_mode) == 0o700


def test_pin_ends_an_unfinished_last_line_first(known: Path) -> None:
    known.parent.mkdir()
    known.write_text("other ssh-ed25519 AAAA")
    pin(known, "web1", 22, A)
    assert known.read_text() == f"other ssh-ed25519 AAAA\nweb1 {A.type} {A.base64}\n"


def test_pins_from_many_threads_are_all_kept_once(known: Path) -> None:
    hosts = [f"web{number}" for number in range(20)] * 2
    threads = [threading.Thread(target=pin, args=(known, host, 22, A)) for host in hosts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(line.names for line in read([known])) == sorted(set(hosts))


def test_what_openssh_hashed_is_found(known: Path) -> None:
    pin(known, "web1", 22, A)
    pin(known, "web1", 2222, B)
    subprocess.run(["ssh-keygen", "-H", "-f", known], check=True, capture_output=True)
    assert "web1" not in known.read_text()
    assert [line.key for line in pinned(read([known]), "web1", 22)] == [A]
    assert [line.key for line in pinned(read([known]), "web1", 2222)] == [B]
    assert pinned(read([known]), "web2", 22) == []


@pytest.mark.parametrize(
    ("names", "wanted", "expected"),
    [
        ("web1", "web1", True),
        ("web1", "web10", False),
        ("WEB1", "web1", True),
        ("db,web1", "web1", True),
        ("*.lan", "web1.lan", True),
        ("*.lan,!web1.lan", "web1.lan", False),
        ("[web1]:2222", "[web1]:2222", True),
        ("[web1]:2222", "web1", False),
        ("[web1]:2222", "w:2222", False),
        ("|1|broken", "web1", False),
        ("|1|!!|??", "web1", False),
    ],
)
def test_names_match(names: str, wanted: str, expected: bool) -> None:
    assert names_match(names, wanted) is expected


def test_lines_that_are_none_do_not_hide_the_others(known: Path) -> None:
    known.parent.mkdir()
    known.write_text(
        f"# a comment\n\n@cert-authority *.lan {B.type} {B.base64}\nnonsense\nweb1 {A.type} {A.base64} me@here\n"
    )
    lines = read([known, known.parent / "absent"])
    assert pinned(lines, "web1", 22) == [Line(known, "", "web1", A)]
    assert pinned(lines, "db.lan", 22) == []


def test_a_revoked_key_is_known_as_such_for_its_host_only(known: Path) -> None:
    known.parent.mkdir()
    known.write_text(f"@revoked web1 {A.type} {A.base64}\n")
    lines = read([known])
    assert revoked(lines, "web1", 22, A)
    assert not revoked(lines, "web1", 22, B)
    assert not revoked(lines, "web2", 22, A)


def test_pinned_ports_are_those_seen_before(known: Path) -> None:
    for port in (22, 2222, 2200, 2222):
        pin(known, "web1", port, A)
    pin(known, "web10", 2300, A)
    assert pinned_ports(read([known]), "web1") == [2222, 2200]


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
