"""Authenticate over an open connection, and prove that the login can do what a deploy needs: commands as root."""

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass

import paramiko

from provision.login import messages as words
from provision.login.keys import KeyUnusable, Offer
from provision.login.messages import Attempt
from provision.login.reach import Link

PROOF_SECONDS = 15.0
# cloud-init's forced command for root; it hangs for ten seconds after saying so.
TRAP = re.compile(r'[Pp]lease login as the user "([a-z_][a-z0-9_-]*)"')
# As sudo, sudo-rs and the shell say it.
NO_RIGHT = (
    "not in the sudoers",
    "may not run sudo",
    "is not allowed to",
    "I'm afraid I can't do that",
    "not found",
)
SHELL, ROOT = "harvest-login-shell", "harvest-login-root"
# sudo's prompt may stand before it; the command itself, repeated by a forced command, has more behind it.
AS_ROOT = re.compile(rf"{ROOT}\r?$", re.MULTILINE)
SHELL_IS = re.compile(r"^harvest-shell (\S*)\r?$", re.MULTILINE)
PROOF = (
    f'sh -c \'echo {SHELL}; echo "harvest-shell $SHELL"; '
    f'if [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; then echo {ROOT}; '
    f"elif sudo -S true; then echo {ROOT}; fi'"
)


@dataclass(frozen=True)
class Accepted:
    """With what a user was let in: a key file, or neither for an agent's key or a password."""

    key_file: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Refused:
    """Who was not let in, with what, and notes on keys that could not be offered."""

    attempt: Attempt
    notes: tuple[str, ...] = ()


def authenticate(link: Link, user: str, keys: Sequence[Offer]) -> Accepted | Refused:
    """Offer keys, then the password, and stop at the first that is taken."""
    target, transport = link.target, link.transport
    notes: list[str] = []
    offered: list[str] = []
    password = None if user == target.admin else target.password
    for offer in keys:
        try:
            key = offer.key(target.key_password)
        except KeyUnusable as why:
            notes.append(str(why))
            continue
        offered.append(offer.label)
        try:
            missing = transport.auth_publickey(user, key)
        except paramiko.BadAuthenticationType:
            break
        except (paramiko.SSHException, EOFError):
            if transport.is_active():
                continue
            break
        if not missing:
            return Accepted(offer.file, tuple(notes))
        break  # a second factor is asked for: the password, if there is one
    if password is not None and transport.is_active():
        offered.append("the password")
        try:
            if not transport.auth_password(user, password):
                return Accepted(None, tuple(notes))
        except (paramiko.SSHException, EOFError):
            pass
    verdict = words.REFUSED if offered else words.NOTHING_TO_OFFER
    return Refused(Attempt(user, verdict, tuple(offered)), tuple(notes))


@dataclass(frozen=True)
class Proof:
    """What a login turned out to be good for; `named` is the user that the host named instead."""

    why: str = ""
    named: str | None = None
    shell: str = ""

    @property
    def root(self) -> bool:
        """Whether commands run as root."""
        return not self.why


def prove(link: Link, sudo_password: str | None) -> Proof:
    """Run one command: a login that a forced command answers, or that cannot become root, is none."""
    try:
        channel = link.transport.open_session(timeout=max(PROOF_SECONDS, 3 * link.target.timeout))
        channel.settimeout(max(PROOF_SECONDS, 3 * link.target.timeout))
        channel.set_combine_stderr(True)
        channel.exec_command(PROOF)
        channel.sendall(f"{sudo_password}\n".encode() if sudo_password else b"")
        channel.shutdown_write()
        text = _read(channel)
        channel.close()
    except TimeoutError:
        return Proof(words.no_answer(max(PROOF_SECONDS, 3 * link.target.timeout)))
    except (paramiko.SSHException, EOFError, OSError):
        return Proof(words.NO_COMMANDS)
    return judge(text, password_given=sudo_password is not None)


def _read(channel: paramiko.Channel) -> str:
    """Everything that is said until the verdict is clear, the channel closes, or patience ends."""
    text, deadline = "", time.monotonic() + (channel.gettimeout() or PROOF_SECONDS)
    while time.monotonic() < deadline:
        piece = channel.recv(4096).decode(errors="replace")
        text += piece
        if not piece or AS_ROOT.search(text) or TRAP.search(text):
            break
    return text


def judge(text: str, *, password_given: bool) -> Proof:
    """What the host's answer to the proof means."""
    if AS_ROOT.search(text):
        shell = SHELL_IS.search(text)
        return Proof(shell=shell[1] if shell else "")
    if SHELL not in text.splitlines():
        named = TRAP.search(text)
        return Proof(words.login_as_instead(named[1]), named[1]) if named else Proof(words.NO_COMMANDS)
    if any(sign in text for sign in NO_RIGHT):
        return Proof(words.NO_SUDO)
    return Proof(words.SUDO_PASSWORD_WRONG if password_given else words.SUDO_PASSWORD_UNKNOWN)
