"""Which keys to offer, in which order: as few as possible, for fail2ban counts what is refused."""

import base64
import getpass
import os
import socket
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import paramiko
from paramiko.agent import AgentSSH
from pyinfra.api.exceptions import PyinfraError
from pyinfra.connectors.ssh_util import load_key_with_certificate

from provision.login import messages as words
from provision.login.target import Target

# sshd hangs up after six (MaxAuthTries), and a password may follow.
MAX_OFFERS = 5
OPENSSH_MAGIC = b"openssh-key-v1\0"

_loaded: "dict[str, paramiko.PKey | KeyUnusable]" = {}
_loading = threading.Lock()


class KeyUnusable(Exception):
    """A key file that cannot be offered; the message is a note for the operator."""


@dataclass(frozen=True)
class Offer:
    """A key that can be offered: from the agent, or from a file that is read when its turn comes."""

    label: str
    blob: bytes | None
    file: str | None = None
    agent_key: paramiko.PKey | None = None
    certificate: str | None = None
    """A file with a certificate of the key, which is offered in its place."""

    def key(self, password: str | None) -> paramiko.PKey:
        """The key itself. Raises `KeyUnusable`."""
        if self.agent_key is None and self.file is None:
            raise KeyUnusable(f"{self.label} is gone")
        key = self.agent_key or load(self.file or "", password)
        return certified(key, self.certificate) if self.certificate else key


class _AgentAt(AgentSSH):
    """The agent behind a socket; paramiko's own class only looks at the environment."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__()
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(timeout)
        connection.connect(path)
        connection.settimeout(None)  # a hardware key waits for a finger
        self._connect(connection)  # type: ignore[attr-defined]


def agent_offers(path: str | None, timeout: float) -> list[Offer]:
    """The agent's keys; an agent that is gone has none. Each login asks for itself: the protocol has no turns."""
    if not path:
        return []
    try:
        keys = _AgentAt(path, timeout).get_keys()
    except (OSError, paramiko.SSHException):
        return []
    return [Offer(f"agent key {key.comment or key.get_name()}", key.blob, agent_key=key) for key in keys]


def file_offer(file: str) -> Offer:
    return Offer(file, public_blob(file), file=file)


def keys_for(target: Target, user: str) -> tuple[list[Offer], list[str]]:
    """What to offer to one user, best first, and notes on what was left out."""
    found, notes = _found(target, user)
    if found:
        # A passphrase is asked for before the host waits for an answer.
        with suppress(KeyUnusable):
            found[0].key(target.key_password)
    return found, notes


def _found(target: Target, user: str) -> tuple[list[Offer], list[str]]:
    target = target.as_user(user)
    held = agent_offers(target.agent, target.timeout)
    if target.key_file:
        named = choose([file_offer(target.key_file)], held, only_files=True)
        return with_certificates(named, [f"{target.key_file}-cert.pub"]), []
    files = [file_offer(file) for file in target.identities]
    chosen, notes = without_public_halves(choose(files, held, only_files=target.agent_only_identities))
    found, more = narrow(chosen, target.admin_keys, strictly=user == target.admin)
    beside = [f"{file}-cert.pub" for file in target.identities]
    more += [words.needs_agent(target.pkcs11)] if target.pkcs11 and not held else []
    return with_certificates(found, target.certificates or beside)[:MAX_OFFERS], notes + more


def choose(files: Sequence[Offer], held: Sequence[Offer], *, only_files: bool) -> list[Offer]:
    """Files and agent keys without doubles, in ssh's order: files whose key the agent holds, which needs no passphrase
    then, the agent's other keys, the other files."""
    by_blob = {file.blob: file for file in reversed(files) if file.blob}
    named = [
        replace(by_blob[offer.blob], agent_key=offer.agent_key) for offer in held if offer.blob in by_blob
    ]
    taken = {offer.blob for offer in named}
    others = [] if only_files else [offer for offer in held if offer.blob not in by_blob]
    return named + others + [file for file in files if file.blob is None or file.blob not in taken]


def without_public_halves(offers: Sequence[Offer]) -> tuple[list[Offer], list[str]]:
    """A file that holds, or lies next to, a public key alone is of use only where an agent holds the private half."""
    lone = [offer.file for offer in offers if offer.file and not offer.agent_key and is_public(offer.file)]
    return [offer for offer in offers if offer.agent_key or offer.file not in lone], [
        words.only_public(file) for file in lone
    ]


def is_public(file: str) -> bool:
    """Whether there is no private key in a file that the configuration names."""
    try:
        return not Path(file).is_file() or _blob(Path(file)) is not None
    except OSError:
        return False


def with_certificates(offers: Sequence[Offer], certificates: Sequence[str]) -> list[Offer]:
    """Keys, and before each the certificates of it."""
    made = {file: certified_blob(file) for file in certificates}
    return [
        each
        for offer in offers
        for each in (
            *(
                replace(offer, label=file, certificate=file)
                for file, blob in made.items()
                if blob and blob == offer.blob
            ),
            offer,
        )
    ]


def certified_blob(file: str) -> bytes | None:
    """The public key that a certificate is about, as a blob of its own; None where it is none."""
    try:
        blob = base64.b64decode(Path(file).read_text().split()[1])
        message = paramiko.Message(blob)
        kind = message.get_text().removesuffix("-cert-v01@openssh.com")
        message.get_binary()  # nonce
        fields = {"ssh-rsa": 2, "ssh-ed25519": 1}.get(kind, 2)
        key = paramiko.Message()
        key.add_string(kind)
        for _ in range(fields):
            key.add_string(message.get_binary())
    except (OSError, ValueError, IndexError, paramiko.SSHException):
        return None
    return key.asbytes()


def certified(key: paramiko.PKey, certificate: str) -> paramiko.PKey:
    """A copy of the key that shows its certificate. Raises `KeyUnusable`."""
    other = object.__new__(type(key))  # an agent's key cannot be copied by `copy`
    other.__dict__.update(key.__dict__)
    try:
        other.public_blob = paramiko.pkey.PublicBlob.from_file(certificate)
    except (OSError, ValueError) as error:
        raise KeyUnusable(words.unreadable(certificate, str(error))) from None
    return other


def narrow(
    found: Sequence[Offer], wanted: Sequence[bytes], *, strictly: bool
) -> tuple[list[Offer], list[str]]:
    """Keys that the settings name first; strictly: those alone, if there is one. At most `MAX_OFFERS`."""
    fitting = [offer for offer in found if offer.blob in wanted]
    if fitting and strictly:
        return fitting[:MAX_OFFERS], []
    ordered = fitting + [offer for offer in found if offer not in fitting]
    left = [offer.label for offer in ordered[MAX_OFFERS:]]
    return ordered[:MAX_OFFERS], [f"not offered, there are too many: {', '.join(left)}"] if left else []


def _blob(file: Path) -> bytes | None:
    """The key in a public key file."""
    try:
        kind, blob = file.read_text(errors="replace").split()[:2]
        found = base64.b64decode(blob, validate=True)
    except (OSError, ValueError):
        return None
    return found if kind.encode() in found[:64] else None


def public_blob(file: str) -> bytes | None:
    """A private key's public half without its passphrase: from the file itself if it is a public key, from FILE.pub, or
    from the head of OpenSSH's own format."""
    found = _blob(Path(file)) or _blob(Path(file + ".pub"))
    if found:
        return found
    try:
        lines = Path(file).read_text().splitlines()
        raw = base64.b64decode("".join(line for line in lines if not line.startswith("-----")))
    except (OSError, ValueError):
        return None
    if not raw.startswith(OPENSSH_MAGIC):
        return None
    head = paramiko.Message(raw[len(OPENSSH_MAGIC) :])
    for _ in ("cipher", "kdf", "kdf options"):
        head.get_binary()
    head.get_int()
    return head.get_binary()


def load(file: str, password: str | None) -> paramiko.PKey:
    """Read a private key, once a run; a passphrase that nobody set is asked for on a terminal.

    Raises `KeyUnusable`.
    """
    with _loading:
        if file not in _loaded:
            try:
                _loaded[file] = _read(file, password)
            except KeyUnusable as why:
                _loaded[file] = why
        result = _loaded[file]
    if isinstance(result, KeyUnusable):
        raise result
    return result


def _plain(file: str, password: str | None) -> paramiko.PKey:
    # Without a certificate that lies next to it: that is offered as well, by itself.
    return load_key_with_certificate(file, password, certificate_filename=os.devnull, allow_prompt=False)


def _read(file: str, password: str | None) -> paramiko.PKey:
    if Path(file).is_file() and is_public(file):
        raise KeyUnusable(words.only_public(file))
    try:
        return _plain(file, password)
    except PyinfraError as error:
        if "encrypted" not in str(error):
            raise KeyUnusable(words.unreadable(file, str(error))) from None
    except (OSError, ValueError, paramiko.SSHException) as error:
        raise KeyUnusable(words.unreadable(file, str(error))) from None
    if not sys.stdin.isatty():
        raise KeyUnusable(words.encrypted(file))
    try:
        return _plain(file, getpass.getpass(f"Passphrase of {file}: "))
    except (PyinfraError, ValueError, paramiko.SSHException):
        raise KeyUnusable(words.unreadable(file, "wrong passphrase")) from None
