"""Which keys to offer, in which order: as few as possible, for fail2ban counts what is refused."""

import base64
import getpass
import socket
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
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

    def key(self, password: str | None) -> paramiko.PKey:
        """The key itself. Raises `KeyUnusable`."""
        if self.agent_key is not None:
            return self.agent_key
        if self.file is None:
            raise KeyUnusable(f"{self.label} is gone")
        return load(self.file, password)


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
    held = agent_offers(target.agent, target.timeout)
    if target.key_file:
        return choose([file_offer(target.key_file)], held, only_files=True), []
    files = [file_offer(file) for file in target.identities]
    chosen = choose(files, held, only_files=target.agent_only_identities)
    return narrow(chosen, target.admin_keys, strictly=user == target.admin)


def choose(files: Sequence[Offer], held: Sequence[Offer], *, only_files: bool) -> list[Offer]:
    """Files and agent keys without doubles. What the agent holds needs no passphrase, so it stands for its file,
    whose name is kept."""
    by_blob = {offer.blob: offer for offer in held}
    merged = [
        Offer(file.label, file.blob, file.file, by_blob[file.blob].agent_key)
        if file.blob in by_blob
        else file
        for file in files
    ]
    if only_files:
        return merged
    taken = {offer.blob for offer in files}
    return merged + [offer for offer in held if offer.blob not in taken]


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


def public_blob(file: str) -> bytes | None:
    """A private key's public half without its passphrase: from FILE.pub, or from the head of OpenSSH's own format."""
    try:
        return base64.b64decode(Path(file + ".pub").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        pass
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


def _read(file: str, password: str | None) -> paramiko.PKey:
    try:
        return load_key_with_certificate(file, password, allow_prompt=False)
    except PyinfraError as error:
        if "encrypted" not in str(error):
            raise KeyUnusable(words.unreadable(file, str(error))) from None
    except (OSError, ValueError, paramiko.SSHException) as error:
        raise KeyUnusable(words.unreadable(file, str(error))) from None
    if not sys.stdin.isatty():
        raise KeyUnusable(words.encrypted(file))
    try:
        return load_key_with_certificate(file, getpass.getpass(f"Passphrase of {file}: "), allow_prompt=False)
    except (PyinfraError, ValueError, paramiko.SSHException):
        raise KeyUnusable(words.unreadable(file, "wrong passphrase")) from None
