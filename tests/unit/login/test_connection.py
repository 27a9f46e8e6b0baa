"""How a connection is opened, as the operator's ssh would open it; what only ssh can do is refused by name."""

import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import paramiko
import pytest

from provision.login import messages as words
from provision.login import openssh
from provision.login.connection import (
    Connection,
    connection_of,
    in_revoked_file,
    open_socket,
    restrict,
)
from provision.login.keys import keys_for
from provision.login.known_hosts import HostKey, pin
from provision.login.openssh import ConfigError, NoLogin
from provision.login.probe import source
from provision.login.reach import check, handshake
from provision.login.target import Target, target_for


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    return tmp_path


def read(config: str) -> Target:
    file = Path.home() / f"config-{abs(hash(config))}"
    file.write_text(f"Host web1\n  UserKnownHostsFile {Path.home()}/known\n{config}")
    return target_for("web1", {"ssh_config_file": str(file)}, None)


@pytest.fixture
def port() -> Iterator[int]:
    """A server on 127.0.0.1 that says from which address it is reached."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    link, place = server.accept()
                except OSError:
                    return
                with link:
                    link.sendall(place[0].encode())

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def test_without_a_word_the_connection_is_the_usual_one() -> None:
    found = read("").connection
    assert (found.family, found.source, found.revoked_keys) == (socket.AF_UNSPEC, "", ())
    assert found.ssh_options() == []


def test_bind_address_is_where_connections_come_from(port: int) -> None:
    target = read("  BindAddress 127.0.0.7\n")
    with open_socket("127.0.0.1", port, target.connection, 5) as link:
        assert link.recv(100) == b"127.0.0.7"
    assert source(Target("a", "127.0.0.1", (22,), ("a",), (), connection=target.connection)) == "127.0.0.7"
    assert target.ssh_options("a", 22, None)[-1] == "BindAddress 127.0.0.7"


@pytest.mark.parametrize(
    ("address", "why"),
    [("192.0.2.77", "Cannot assign requested address"), ("::1", "no address of that kind")],
)
def test_a_bind_address_that_cannot_be_used_is_named(address: str, why: str, port: int) -> None:
    with pytest.raises(NoLogin, match=f"BindAddress {address} .*{why}.*ip -brief address"):
        open_socket("127.0.0.1", port, Connection(source=address), 5)


@pytest.mark.parametrize(("word", "family"), [("inet", socket.AF_INET), ("inet6", socket.AF_INET6)])
def test_address_family(word: str, family: socket.AddressFamily, port: int) -> None:
    wanted = read(f"  AddressFamily {word}\n").connection
    assert wanted.family == family
    assert wanted.ssh_options() == [f"AddressFamily {word}"]
    if family == socket.AF_INET6:
        with pytest.raises(socket.gaierror):
            open_socket("127.0.0.1", port, wanted, 5)
    else:
        open_socket("127.0.0.1", port, wanted, 5).close()


def test_no_algorithm_is_offered_that_ssh_would_not() -> None:
    with socket.socket() as link:
        security = paramiko.Transport(link).get_security_options()
        assert "3des-cbc" in security.ciphers
        restrict(security, read("").connection)
        assert "3des-cbc" not in security.ciphers
        assert "diffie-hellman-group1-sha1" not in security.kex
        assert {"curve25519-sha256@libssh.org", "aes128-gcm@openssh.com", "hmac-sha2-256"} < {
            *security.kex,
            *security.ciphers,
            *security.digests,
        }
        wanted = "  HostKeyAlgorithms rsa-sha2-512,ssh-ed25519-cert-v01@openssh.com\n"
        wanted += "  KexAlgorithms curve25519-sha256\n"
        restrict(security, read(wanted).connection)
        assert list(security.key_types) == ["ssh-ed25519", "rsa-sha2-512"]
        assert list(security.kex) == ["curve25519-sha256@libssh.org"]


def test_algorithms_of_which_none_is_left_are_named() -> None:
    target = read("  Ciphers chacha20-poly1305@openssh.com\n")
    ours, theirs = socket.socketpair()
    with (
        ours,
        theirs,
        pytest.raises(ConfigError, match=r"^Ciphers chacha20-poly1305@openssh\.com of your ssh conf"),
    ):
        handshake(target, 22, "root", ours)


@pytest.mark.parametrize(
    ("config", "told"),
    [
        (
            "  BindInterface eth0\n",
            "BindInterface eth0 of your ssh configuration is not supported; write BindAddress",
        ),
        (
            "  ProxyUseFdpass yes\n  ProxyCommand nc -F %h %p\n",
            "ProxyUseFdpass of your ssh configuration is not",
        ),
    ],
)
def test_what_only_ssh_can_do_is_refused_by_name(config: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        read(config)


def test_behind_a_jump_host_the_interface_is_the_jump_hosts() -> None:
    assert read("  BindInterface eth0\n  ProxyJump gate\n").jumps == ("gate",)
    assert connection_of(openssh.parse("proxyusefdpass yes\n"), proxied=False) == Connection()


def make_key(file: Path) -> HostKey:
    subprocess.run(["ssh-keygen", "-qt", "ed25519", "-N", "", "-f", file], check=True)
    return HostKey(*Path(f"{file}.pub").read_text().split()[:2])


@pytest.mark.parametrize("binary", [False, True], ids=["public keys", "KRL"])
def test_a_key_of_revoked_host_keys_is_refused_even_where_it_is_pinned(home: Path, binary: bool) -> None:
    good, bad = make_key(home / "good"), make_key(home / "bad")
    if binary:
        subprocess.run(["ssh-keygen", "-qk", "-f", home / "revoked", home / "bad.pub"], check=True)
    else:
        (home / "revoked").write_text(f"# former\n{bad.type} {bad.base64} old\n")
    target = read("  RevokedHostKeys ~/revoked\n")
    assert target.connection.revoked_keys == (home / "revoked",)
    for key in (good, bad):
        pin(home / "known", "web1", key)
    check(target, 22, good)
    with pytest.raises(NoLogin) as why:
        check(target, 22, bad)
    assert str(why.value) == words.revoked("web1", 22, bad)


def test_where_revoked_host_keys_cannot_be_read_no_key_is_trusted(home: Path) -> None:
    key = make_key(home / "key")
    with pytest.raises(
        NoLogin, match=r"cannot be read \(No such file or directory\), so no host key is trusted"
    ):
        in_revoked_file(home / "absent", key)


def test_preferred_authentications_without_keys_offers_none(home: Path) -> None:
    make_key(home / "id")
    one = f"  IdentityFile {home}/id\n"
    assert read(one).identities == (f"{home}/id",)
    assert read(one + "  PreferredAuthentications password\n").identities == ()


def test_keys_of_a_token_are_offered_by_an_agent_and_that_is_said() -> None:
    target = read("  PKCS11Provider /usr/lib/opensc-pkcs11.so\n")
    assert keys_for(target, "root") == ([], [words.needs_agent("/usr/lib/opensc-pkcs11.so")])
    assert read("  PKCS11Provider none\n").pkcs11 == ""
