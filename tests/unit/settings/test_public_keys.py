"""Public keys and the files that hold them: what is read, and in which words the rest is refused."""

import base64
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from provision.settings.model import settings_from
from tests.unit.examples import GOOD, KEY, problem

SSH = (serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
PEM = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
BARE = KEY.rpartition(" ")[0]


def read(key: Any) -> str:
    (line,) = settings_from(GOOD | {"admin_keys": [str(key)]}).admin_keys
    return line


def packed(*parts: bytes) -> str:
    return base64.b64encode(b"".join(len(part).to_bytes(4, "big") + part for part in parts)).decode()


def point(key: str = KEY) -> bytes:
    return base64.b64decode(key.split()[1])[-32:]


SK = packed(b"sk-ssh-ed25519@openssh.com", point(), b"ssh:")


@pytest.mark.parametrize(
    "name", ["id.pub", "ID.PUB", "my keys/id.pub", "my keys/id", "key.txt", "ssh-ed25519 x"]
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "latin-1"])
def test_a_file_of_any_name_and_encoding_is_read(tmp_path: Path, name: str, encoding: str) -> None:
    (tmp_path / "my keys").mkdir()
    (tmp_path / name).write_bytes(f"# mine\r\n\r\n{BARE} bücher\r\n".encode(encoding))
    assert read(tmp_path / name) == f"{BARE} bücher"


def test_a_file_in_the_home_folder_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plain").write_text(KEY)
    assert read("~/plain") == read("./plain") == read("plain") == KEY


@pytest.mark.parametrize("bits", [256, 384, 521])
def test_ecdsa_keys_are_read(bits: int) -> None:
    curve = {256: ec.SECP256R1(), 384: ec.SECP384R1(), 521: ec.SECP521R1()}[bits]
    line = ec.generate_private_key(curve).public_key().public_bytes(*SSH).decode()
    assert read(line) == line


def test_hardware_keys_are_read() -> None:
    assert read(f"sk-ssh-ed25519@openssh.com {SK} token").endswith(" token")
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    raw = key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    kind = "sk-ecdsa-sha2-nistp256@openssh.com"
    assert read(f"{kind} {packed(kind.encode(), b'nistp256', raw, b'ssh:')}").startswith(kind)


def test_rfc_4716_and_pem_are_read(tmp_path: Path) -> None:
    text = base64.b64encode(base64.b64decode(BARE.split()[1])).decode()
    lines = [text[:40], text[40:]]
    file = tmp_path / "putty.pub"
    head = '---- BEGIN SSH2 PUBLIC KEY ----\r\nSubject: me\r\nComment: "my long \\\r\nkey"\r\n'
    file.write_text(head + "\r\n".join(lines) + "\r\n---- END SSH2 PUBLIC KEY ----\r\n")
    assert read(file) == f"{BARE} my long key"
    key = rsa.generate_private_key(65537, 2048).public_key()
    (tmp_path / "id.pem").write_bytes(key.public_bytes(*PEM))
    assert read(tmp_path / "id.pem") == key.public_bytes(*SSH).decode()


def certificate(folder: Path) -> str:
    for name in ("ca", "id"):
        subprocess.run(["ssh-keygen", "-qt", "ed25519", "-N", "", "-f", folder / name], check=True)
    subprocess.run(
        ["ssh-keygen", "-qs", folder / "ca", "-I", "me", "-n", "me", folder / "id.pub"], check=True
    )
    return (folder / "id-cert.pub").read_text()


def test_what_is_no_public_key_is_told_as_what_it_is(tmp_path: Path) -> None:
    small = rsa.generate_private_key(65537, 1024).public_key().public_bytes(*SSH).decode()  # noqa: S505
    old = "ssh-dss AAAAB3NzaC1kc3MAAACBAP1"
    private = certificate(tmp_path)
    off_curve = packed(b"ecdsa-sha2-nistp256", b"nistp256", b"\4" + b"x" * 64)
    told = {
        small: "is an RSA key of less than 2048 bits",
        old: "is a DSA key, which sshd does not take any more",
        private: "is a certificate; give the key that it was made for",
        f"{KEY}\n{KEY}": "holds 2 keys",
        f"{BARE[:50]}\n{BARE[50:]}": "is broken into 2 lines",
        f'from="10.0.0.0/8" {KEY}': "has options in front of the key",
        f"no-pty,command=\"echo 'a b'\" {KEY}": "has options in front of the key",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----": "is an X.509 certificate",
        "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----": "is PEM, but holds no public key",
        f"ssh-rsa {BARE.split()[1]}": "does not hold a ssh-rsa key",
        f"ssh-ed25519 {BARE.split()[1]}AAAA": "is cut or garbled",
        f"ssh-ed25519 {packed(b'ssh-ed25519', b'x' * 31)}": "is cut or garbled",
        f"ecdsa-sha2-nistp256 {off_curve}": "is cut or garbled",
        str(tmp_path / "id"): "give the public one",
        str(tmp_path): "cannot be read (Is a directory)",
        "~/no keys here/id.pub": "cannot be read (No such file",
        "": "must be one line",
    }
    for key, words in told.items():
        assert words in problem(admin_keys=[key]), key


@pytest.mark.parametrize(("content", "words"), [(b"", "is empty"), (b"\x7fELF\0\1\2", "holds no text")])
def test_a_file_that_holds_none_is_told(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "id.pub").write_bytes(content)
    assert words in problem(admin_keys=[str(tmp_path / "id.pub")])


def test_a_private_key_path_is_told_and_not_its_content(tmp_path: Path) -> None:
    certificate(tmp_path)
    said = problem(admin_keys=[str(tmp_path / "id")])
    assert f"names a PRIVATE key ({tmp_path / 'id'})" in said
    assert "replace" not in said  # it did not leave its file
    putty = problem(admin_keys=["PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\n"])
    assert "is a PRIVATE key" in putty
    assert "Encryption" not in putty
