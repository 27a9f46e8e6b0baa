"""What the operator is told about a login: a sentence each, with the next command to type. Pure text."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from provision.login.known_hosts import HostKey, label

PLAIN_TYPES = {"ssh-ed25519": "ed25519", "ssh-rsa": "rsa"}


@dataclass(frozen=True)
class Attempt:
    """One user that was tried: `why` it failed, and with what (keys, "the password")."""

    user: str
    why: str
    offered: tuple[str, ...] = ()


def first_sight(address: str, port: int, key: HostKey, file: Path) -> str:
    kind = PLAIN_TYPES.get(key.type, "ecdsa")
    return (
        f"seen for the first time: pinned {kind} key {key.fingerprint} for {label(address, port)} in {file}; "
        f"compare it on the host's console: ssh-keygen -lf /etc/ssh/ssh_host_{kind}_key.pub"
    )


def no_answer(seconds: float) -> str:
    """A command that did not end: a host that is this slow, or a shell that waits for something."""
    return f"logs in, but a command did not answer within {seconds:g} s (a slow host: set timeout_factor)"


def changed(address: str, port: int, shown: HostKey, pins: Sequence[tuple[HostKey, Path]]) -> str:
    """The host shows a key that is not the pinned one."""
    expected = ", ".join(dict.fromkeys(f"{key.type} {key.fingerprint}" for key, _ in pins))
    files = dict.fromkeys(str(file) for _, file in pins)
    remove = " && ".join(shlex.join(["ssh-keygen", "-R", label(address, port), "-f", file]) for file in files)
    return (
        f"host key has changed: expected {expected}, got {shown.type} {shown.fingerprint}; "
        f"either it was rebuilt or someone intercepts the connection. If you know that it was rebuilt, type: {remove}"
    )


def other_port(address: str, port: int, shown: HostKey, pins: Sequence[tuple[HostKey, Path]]) -> str:
    """The new port shows a key that the host never showed on its other ports."""
    expected = ", ".join(dict.fromkeys(f"{key.type} {key.fingerprint}" for key, _ in pins))
    return (
        f"shows another host key on port {port} than on the port it was pinned on: expected {expected}, got "
        f"{shown.type} {shown.fingerprint}; if port {port} is another machine's, set ssh_hostname or "
        f"sshd_port. If both are this host, type: ssh-keyscan -p {port} {shlex.quote(address)}"
        f" >> {shlex.quote(str(pins[0][1]))}"
    )


def cannot_pin(file: Path, detail: str) -> str:
    return f"is seen for the first time, and {file} cannot take its key ({detail}); make it writable: ls -l {file}"


def revoked(address: str, port: int, shown: HostKey) -> str:
    return (
        f"shows a host key that is marked @revoked for {label(address, port)} ({shown.type} "
        f"{shown.fingerprint}); give the host a new one: ssh-keygen -A, after removing /etc/ssh/ssh_host_*"
    )


def no_such_name(address: str, detail: str) -> str:
    return (
        f'"{address}" does not resolve ({detail}); correct the name, or set ssh_hostname to its address. '
        f"Try: getent hosts {shlex.quote(address)}"
    )


def unreachable(address: str, ports: Sequence[tuple[int, str]], via: str = "") -> str:
    """`ports` are (port, what happened there)."""
    seen = ", ".join(f"port {port} {what}" for port, what in ports)
    jump = f" -J {shlex.quote(via)}" if via else ""
    return (
        f"is not reachable at {address}{' through ' + via if via else ''}: {seen}; is it up, and does a firewall let "
        f"you through? Try: ssh -v{jump} -p {ports[-1][0]} {shlex.quote(address)}"
    )


def no_ssh(address: str, port: int, detail: str) -> str:
    return (
        f"takes connections on port {port} but does not speak SSH ({detail}); sshd may be limiting you after failed "
        f"logins (fail2ban, PerSourcePenalties): wait a minute. Try: ssh -v -p {port} {shlex.quote(address)}"
    )


def is_limiting(sentence: str) -> bool:
    """Whether sshd hung up before it said anything, as it does for some seconds to an address with failed logins."""
    return "does not speak SSH" in sentence


def waits_for_sshd(seconds: float) -> str:
    return (
        "sshd hangs up at once, as it does for some seconds after failed logins (PerSourcePenalties, MaxStartups); "
        f"trying again for {seconds:.0f} s"
    )


def is_refusing(sentence: str) -> bool:
    """Whether a port refused the connection."""
    return " is closed" in sentence


def maybe_banned(source: str, until: str) -> str:
    """What to do where a host that was reachable before refuses connections. `source` is our address as it sees it."""
    return (
        "; it was reachable before, so fail2ban may have banned your address after failed logins (ten minutes for a "
        f"first ban, so until {until} at the latest; repeated bans last longer). Wait, come from another address, or "
        f"type on the provider's console: fail2ban-client set sshd unbanip {source or 'ADDRESS'}"
        + ("" if source else ", ADDRESS being one of those that this lists: fail2ban-client get sshd banned")
    )


def no_login(address: str, port: int, attempts: Sequence[Attempt], notes: Sequence[str] = ()) -> str:
    """The host answers and nobody gets in far enough."""
    tried = "; ".join(
        f"{attempt.user} {attempt.why}"
        + (f" (offered {', '.join(attempt.offered)})" if attempt.offered else "")
        for attempt in attempts
    )
    extra = "".join(f"; {note}" for note in notes)
    return (
        f"no login with root rights succeeded: {tried}{extra}. "
        f"Try: ssh -v -p {port} {attempts[-1].user}@{shlex.quote(address)}"
    )


REFUSED = "is refused"
NOTHING_TO_OFFER = "has no key or password to offer"
NO_COMMANDS = "logs in but may not run commands"
NO_SUDO = "may not use sudo"
SUDO_PASSWORD_UNKNOWN = "needs a password for sudo, and none is set (bootstrap_password, admin_password)"  # noqa: S105
SUDO_PASSWORD_WRONG = "rejected the configured sudo password"  # noqa: S105


def login_as_instead(user: str) -> str:
    return f'{NO_COMMANDS} (the host says: log in as "{user}"; set bootstrap_user = "{user}")'


def encrypted(key_file: str) -> str:
    return f"{key_file} is encrypted and no agent holds it: ssh-add {shlex.quote(key_file)}"


def unreadable(key_file: str, detail: str) -> str:
    return f"{key_file} cannot be used as a private key ({detail})"


def as_bootstrap(user: str, admin: str) -> str:
    return f"logging in as {user}; {admin} cannot log in yet"


def strict(name: str, known_port: int, shown: HostKey, address: str, port: int, authority: bool) -> str:
    """StrictHostKeyChecking yes, and no line for the host."""
    why = "proves its key by no certificate of an @cert-authority" if authority else "is not in known_hosts"
    return (
        f"{why}, and StrictHostKeyChecking is yes for it: {label(name, known_port)} shows {shown.type} "
        f"{shown.fingerprint}. Compare it on the host's console, then type: "
        f"ssh-keyscan -p {port} {shlex.quote(address)} >> ~/.ssh/known_hosts"
    )


def nowhere_to_pin(name: str, port: int) -> str:
    return (
        f"is seen for the first time, and your ssh configuration keeps no host keys (UserKnownHostsFile none or "
        f"/dev/null) without StrictHostKeyChecking no; set ssh_known_hosts_file to a file for the key of "
        f"{label(name, port)}"
    )


def unpinned(name: str, port: int, shown: HostKey, strict: str) -> str:
    return (
        f"its host key is not checked, as your ssh configuration asks (UserKnownHostsFile none or /dev/null, "
        f"StrictHostKeyChecking {strict}): {label(name, port)} shows {shown.type} {shown.fingerprint}"
    )


def proxy_failed(address: str, jumps: str, command: str, said: str) -> str:
    """`said` are the last lines of the proxy command, mostly ssh's own."""
    way = f"the jump host {jumps}" if jumps else f"the proxy command `{command}`"
    retry = f"ssh -v -J {shlex.quote(jumps)} {shlex.quote(address)}" if jumps else command
    return f"is behind {way}, which failed ({said}). Try: {retry}"


def jump_first_sight(said: str) -> str:
    """`said` are ssh's words of what it pinned."""
    return f"a jump host is seen for the first time: ssh pinned {said}"


def only_public(file: str) -> str:
    return f"{file} is a public key, and no agent holds its private half: ssh-add -l"


def needs_agent(provider: str) -> str:
    """PKCS11Provider: paramiko reads no tokens, an agent does."""
    return (
        f"keys of PKCS11Provider {provider} are offered by an agent alone: ssh-add -s {shlex.quote(provider)}"
    )
