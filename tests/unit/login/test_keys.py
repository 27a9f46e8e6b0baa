"""Which keys are offered, and which are not."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from provision.login import keys
from provision.login.keys import KeyUnusable, Offer, choose, keys_for, load, narrow, public_blob
from provision.login.target import Target


def make_key(path: Path, passphrase: str = "", kind: str = "ed25519") -> str:
    command = ["ssh-keygen", "-qt", kind, "-N", passphrase, "-C", path.name, "-f", path]
    subprocess.run(command, check=True)
    return str(path)


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    path = str(tmp_path / "a.sock")
    running = subprocess.Popen(["ssh-agent", "-D", "-a", path], stdout=subprocess.DEVNULL)
    while not os.path.exists(path):
        pass
    monkeypatch.setenv("SSH_AUTH_SOCK", path)
    yield path
    running.terminate()
    running.wait()


@pytest.fixture(autouse=True)
def nothing_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "_loaded", {})


def target(**more: object) -> Target:
    fixed = {"address": "web1", "ports": (22,), "users": ("sysop",), "known_hosts": (), "admin": "sysop"}
    return Target("web1", **{**fixed, **more})  # type: ignore[arg-type]


def labels(target: Target, user: str = "sysop") -> list[str]:
    return [offer.label for offer in keys_for(target, user)[0]]


def test_an_agent_that_is_gone_has_no_keys(tmp_path: Path) -> None:
    assert keys_for(target(agent=str(tmp_path / "gone")), "sysop") == ([], [])


def test_a_named_key_is_offered_alone(tmp_path: Path, agent: str) -> None:
    named = make_key(tmp_path / "named")
    subprocess.run(["ssh-add", "-q", make_key(tmp_path / "other")], check=True)
    assert labels(target(key_file=named, agent=agent)) == [named]


def test_the_agent_stands_for_an_encrypted_file(tmp_path: Path, agent: str) -> None:
    file = make_key(tmp_path / "id", "secret")
    environment = {**os.environ, "SSH_ASKPASS_REQUIRE": "force", "SSH_ASKPASS": str(tmp_path / "ask")}
    (tmp_path / "ask").write_text("#!/bin/sh\necho secret\n")
    (tmp_path / "ask").chmod(0o700)
    subprocess.run(["ssh-add", "-q", file], check=True, env=environment)
    os.unlink(file + ".pub")  # the private file's head tells which key it is
    (offer,), notes = keys_for(target(key_file=file, agent=agent), "sysop")
    assert (offer.label, offer.file, notes) == (file, file, [])
    assert offer.key(None) is offer.agent_key


def test_identities_only_leaves_other_agent_keys_out(tmp_path: Path, agent: str) -> None:
    mine = make_key(tmp_path / "mine")
    subprocess.run(["ssh-add", "-q", make_key(tmp_path / "other")], check=True)
    both = target(identities=(mine,), agent=agent)
    assert labels(both) == ["agent key other", mine]
    assert labels(target(identities=(mine,), agent=agent, agent_only_identities=True)) == [mine]


def test_the_admin_is_offered_nothing_but_the_keys_of_the_settings(tmp_path: Path) -> None:
    files = [make_key(tmp_path / name) for name in ("a", "b")]
    blob = public_blob(files[1])
    assert blob is not None
    fitting = target(identities=tuple(files), admin_keys=(blob,))
    assert labels(fitting) == [files[1]]
    assert labels(fitting, "root") == [files[1], files[0]]


def test_no_more_keys_than_sshd_listens_to() -> None:
    many = [Offer(f"k{number}", bytes([number])) for number in range(7)]
    chosen, notes = narrow(many, [bytes([6])], strictly=False)
    assert [offer.label for offer in chosen] == ["k6", "k0", "k1", "k2", "k3"]
    assert notes == ["not offered, there are too many: k4, k5"]


def test_doubles_are_offered_once() -> None:
    file, held = Offer("f", b"1", file="f"), Offer("agent key f", b"1")
    assert [offer.label for offer in choose([file], [held], only_files=False)] == ["f"]


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_public_half_of_an_encrypted_key_without_its_passphrase(tmp_path: Path, kind: str) -> None:
    file = make_key(tmp_path / "id", "secret", kind)
    beside = public_blob(file)
    os.unlink(file + ".pub")
    assert public_blob(file) == beside is not None


def test_an_encrypted_key_without_passphrase_is_told(tmp_path: Path) -> None:
    file = make_key(tmp_path / "id", "secret")
    with pytest.raises(KeyUnusable) as told:
        load(file, None)
    assert str(told.value) == f"{file} is encrypted and no agent holds it: ssh-add {file}"
    with pytest.raises(KeyUnusable):
        load(file, None)


def test_an_encrypted_key_opens_with_its_passphrase(tmp_path: Path) -> None:
    file = make_key(tmp_path / "id", "secret")
    assert load(file, "secret").asbytes() == public_blob(file)


def test_a_passphrase_is_asked_for_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = make_key(tmp_path / "id", "secret")
    asked: list[str] = []
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("getpass.getpass", lambda prompt: asked.append(prompt) or "secret")
    assert load(file, None) is load(file, None)
    assert asked == [f"Passphrase of {file}: "]


@pytest.mark.parametrize(
    ("text", "why"), [(None, "No such private key file"), ("rubbish", "Invalid private key")]
)
def test_a_key_file_that_is_none_is_told(tmp_path: Path, text: str | None, why: str) -> None:
    file = tmp_path / "id"
    if text is not None:
        file.write_text(text)
    with pytest.raises(KeyUnusable, match=f"cannot be used as a private key \\({why}"):
        load(str(file), None)


def test_a_public_key_stands_for_the_private_half_that_the_agent_holds(tmp_path: Path, agent: str) -> None:
    work, other = make_key(tmp_path / "work"), make_key(tmp_path / "other")
    subprocess.run(["ssh-add", "-q", work, other], check=True)
    for file in (work, other):
        os.unlink(file)
    for named in (f"{work}.pub", work):  # `IdentityFile ~/work` with work.pub next to it means the same
        found = target(identities=(named,), agent=agent, agent_only_identities=True)
        (offer,), notes = keys_for(found, "sysop")
        assert (offer.label, notes) == (named, [])
        assert offer.key(None) is offer.agent_key


def test_a_public_key_without_an_agent_is_told(tmp_path: Path) -> None:
    named = make_key(tmp_path / "work") + ".pub"
    note = f"{named} is a public key, and no agent holds its private half: ssh-add -l"
    assert keys_for(target(identities=(named,)), "sysop") == ([], [note])
    with pytest.raises(KeyUnusable, match="is a public key"):
        load(named, None)


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
@pytest.mark.parametrize("place", ["next to it", "CertificateFile", "agent"])
def test_a_certificate_is_offered_before_its_key(tmp_path: Path, agent: str, kind: str, place: str) -> None:
    file, authority = make_key(tmp_path / "id", kind=kind), make_key(tmp_path / "ca")
    sign = ["ssh-keygen", "-qs", authority, "-I", "me", "-n", "root", f"{file}.pub"]
    subprocess.run(sign, check=True)
    certificate, certificates = f"{file}-cert.pub", ()
    if place != "next to it":
        certificate = str(Path(certificate).rename(tmp_path / "else-cert.pub"))
        certificates = (certificate,)
    if place == "agent":
        subprocess.run(["ssh-add", "-q", file], check=True)
        os.unlink(file)
    found = target(identities=(file,), certificates=certificates, agent=agent if place == "agent" else None)
    first, second = keys_for(found, "sysop")[0]
    assert (first.label, second.label, first.file) == (certificate, file, file)
    assert first.key(None).public_blob.key_type.endswith("-cert-v01@openssh.com")
    assert not getattr(second.key(None), "public_blob", None)
