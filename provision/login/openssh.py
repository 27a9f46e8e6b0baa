"""OpenSSH answers for itself: `ssh -G HOST` says what the operator's configuration means for a host.

Match, Include, tokens and canonicalisation are then ssh's own, whatever its version (ssh_config(5)). Only what `ssh -G`
prints unexpanded is expanded here, with the values of the tokens that ssh itself gives.
"""

import atexit
import functools
import os
import pwd
import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

# Values of these tokens are asked for in one line of the answer: ssh expands a ControlPath before it prints it.
TOKENS = "CLdhiklnpru"
MARK = "harvest-tokens"
# `Match exec` runs a command of the operator's.
PATIENCE_SECONDS = 30.0
SYSTEM_CONFIG = "/etc/ssh/ssh_config"
NOT_CONFIGURED = "harvest-no-user"


class NoLogin(Exception):
    """Why no login succeeded: a sentence without the host's name."""


class ConfigError(NoLogin):
    """What ssh says of its configuration, or that there is no ssh: a sentence without the host's name."""


@dataclass(frozen=True)
class Answer:
    """What `ssh -G` printed: keyword in lower case to its values."""

    values: Mapping[str, tuple[str, ...]]

    def one(self, keyword: str, default: str = "") -> str:
        return self.values.get(keyword, (default,))[0]

    def all(self, keyword: str) -> tuple[str, ...]:
        return self.values.get(keyword, ())

    def yes(self, keyword: str) -> bool:
        return self.one(keyword) in ("yes", "true")

    def tokens(self, user: str = "", port: int = 0) -> dict[str, str]:
        """The values of %h and its kin, for this user and port."""
        found = dict(zip(TOKENS, self.one("controlpath").split("\x1f")[1:], strict=False))
        return (
            found
            | {"d": home(), "%": "%"}
            | ({"r": user} if user else {})
            | ({"p": str(port)} if port else {})
        )

    def expand(self, text: str, user: str = "") -> str:
        """A path in full: `~`, `${NAME}` and tokens; the last two as ssh does, in that order."""
        path = _tilde(text)
        path = re.sub(r"\$\{(\w+)\}", lambda match: os.environ.get(match[1], match[0]), path)
        path = percent(path, self.tokens(user))
        return at_home(path) if os.path.exists(at_home(path)) else path

    def agent(self, user: str = "") -> str | None:
        """The agent's socket: IdentityAgent, which may name an environment variable, else SSH_AUTH_SOCK."""
        named = self.one("identityagent", "SSH_AUTH_SOCK")
        if named == "none":
            return None
        if named == "SSH_AUTH_SOCK":
            return os.environ.get(named) or None
        path = self.expand(named, user)
        return os.environ.get(path[1:]) or None if path.startswith("$") else path


def percent(text: str, tokens: Mapping[str, str]) -> str:
    """Replace %h and its kin; a token that has no value stays."""
    return re.sub("%(.)", lambda match: tokens.get(match[1], match[0]), text)


def paths(line: str) -> list[str]:
    """The files that one line of `ssh -G` names. It prints no quotes, so a blank before something that does not look
    like the beginning of a path belongs to the path."""
    return re.split(r" (?=[/~%$]|none$)", line) if line else []


def home() -> str:
    """The operator's home. ssh takes it from the user database, everything else from HOME; they are rarely two."""
    return os.environ.get("HOME") or _own().pw_dir


def _own() -> pwd.struct_passwd:
    return pwd.getpwuid(os.getuid())


def _tilde(path: str) -> str:
    return home() + path[1:] if path == "~" or path.startswith("~/") else os.path.expanduser(path)


def at_home(path: str) -> str:
    """A path that ssh has put into the home of the user database, in HOME."""
    theirs = _own().pw_dir.rstrip("/") + "/"
    return home() + "/" + path.removeprefix(theirs) if path.startswith(theirs) and theirs != "/" else path


def config_of(config_file: str | None) -> str | None:
    """The file for `ssh -F`, or None where ssh's own choice is right: where HOME is not the user database's home, the
    files in HOME count, as for every other tool of this run."""
    if config_file:
        return str(Path(_tilde(config_file)).absolute())
    if os.path.realpath(home()) == os.path.realpath(_own().pw_dir):
        return None
    own = Path(home(), ".ssh/config")
    return str(own) if own.is_file() else SYSTEM_CONFIG if Path(SYSTEM_CONFIG).is_file() else "none"


def executable(name: str) -> str:
    """Where one of OpenSSH's programs is. Raises `ConfigError`."""
    found = shutil.which(name)
    if found is None:
        raise ConfigError(
            f"{name} is not installed on this machine; install OpenSSH's client: apt install openssh-client"
        )
    return found


def ask(host: str, config_file: str | None = None, user: str | None = None) -> Answer:
    """What the operator's configuration says of a host. Raises `ConfigError`."""
    return _ask(host, config_of(config_file), user)


@functools.lru_cache(maxsize=4096)
def _ask(host: str, config: str | None, user: str | None) -> Answer:
    values = "".join(f"\x1f%{token}" for token in TOKENS)
    command = [executable("ssh"), "-G", "-o", f"ControlPath={MARK}{values}"]
    command += ["-F", config] if config else []
    command += ["-l", user] if user else []
    try:
        done = subprocess.run(
            [*command, "--", host],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=PATIENCE_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise ConfigError(
            f"ssh needs more than {PATIENCE_SECONDS:g} s to read its configuration; is it waiting for a command of "
            f"`Match exec`? Try: {_retry(host, config)}"
        ) from None
    answer = parse(done.stdout.decode(errors="surrogateescape"))
    if done.returncode or "hostname" not in answer.values:
        raise ConfigError(_complaint(done.stderr.decode(errors="replace"), host, config))
    return answer


def parse(text: str) -> Answer:
    """The lines of `ssh -G`: a keyword and its value."""
    found: dict[str, tuple[str, ...]] = {}
    for line in text.split("\n"):
        keyword, _, value = line.partition(" ")
        if keyword:
            found[keyword.lower()] = (*found.get(keyword.lower(), ()), value)
    return Answer(found)


def _complaint(said: str, host: str, config: str | None) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip() and "Pseudo-terminal" not in line]
    if any("option -- G" in line for line in lines):
        return "ssh on this machine is older than OpenSSH 6.8 and cannot say what its configuration means; update it"
    told = "; ".join(lines[:3]) or "it says nothing; is it OpenSSH's?"
    return f"ssh cannot use its configuration: {told}. Correct it, then try: {_retry(host, config)}"


def _retry(host: str, config: str | None) -> str:
    return shlex.join(["ssh", "-G", *(["-F", config] if config else []), host])


def configured_user(host: str, config_file: str | None = None) -> str | None:
    """The user that the configuration names for a host, None where there is none: `ssh -G` does not tell a default
    from a line `User`, so ssh is asked again with another default where the two look the same."""
    user = ask(host, config_file).one("user")
    if user != _own().pw_name:
        return user
    user = _ask(host, with_defaults(config_of(config_file), f"User {NOT_CONFIGURED}"), None).one("user")
    return None if user == NOT_CONFIGURED else user


def jump_config(config_file: str | None) -> str:
    """A configuration file for the way through jump hosts: the operator's, but ssh never waits for an answer there, and
    pins a host key at first sight where the operator does not say otherwise. Jump hosts of jump hosts get it too."""
    config = config_of(config_file)
    lines = ["StrictHostKeyChecking accept-new"]
    if config and not config_file:
        lines.append(f'UserKnownHostsFile "{home()}/.ssh/known_hosts"')
    return with_defaults(config, *lines, first="BatchMode yes")


@functools.cache
def with_defaults(config: str | None, *lines: str, first: str = "") -> str:
    """A file that includes the operator's configuration, and below it `lines`, which count where it says nothing."""
    files = [config] if config else [str(Path(_own().pw_dir, ".ssh/config")), SYSTEM_CONFIG]
    includes = [f'Include "{_literal(file)}"' for file in files if file != "none"]
    path = _folder() / f"config-{os.urandom(4).hex()}"
    path.write_text("\n".join([first, *includes, "Host *", *lines, ""]))
    return str(path)


def _literal(path: str) -> str:
    return re.sub(r"([\[*?\\])", r"\\\1", path)


@functools.cache
def _folder() -> Path:
    """A private directory, gone when the run ends."""
    path = tempfile.mkdtemp(prefix="harvest-ssh-")
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return Path(path)


def through(hops: str, config_file: str | None) -> str:
    """The proxy command that stands for ProxyJump, as ssh itself makes it: the last hop passes the connection on, ssh
    finds the way to it through the others and through jump hosts of its own. %h and %p are still to be filled in."""
    others, _, last = hops.rpartition(",")
    words = [executable("ssh"), "-F", jump_config(config_file), *(["-J", others] if others else [])]
    last = last if last.startswith("ssh://") else f"ssh://{last}"
    return percent_quoted(shlex.join(words)) + f" -W '[%h]:%p' -- {percent_quoted(shlex.quote(last))}"


def percent_quoted(text: str) -> str:
    return text.replace("%", "%%")


def proves(
    asked: str, config_file: str | None, user: str, port: int, known_hosts: str | None, shown: str
) -> bool:
    """Whether ssh itself, told to be strict, accepts the host key of this fingerprint: by a certificate of an authority
    in known_hosts, by KnownHostsCommand or by DNS. It does not log in."""
    config = config_of(config_file)
    options = [
        "BatchMode=yes",
        "StrictHostKeyChecking=yes",
        "PreferredAuthentications=none",
        "ControlPath=none",
    ]
    options += ["ConnectTimeout=15", "LogLevel=DEBUG1"]
    options += [f'UserKnownHostsFile="{known_hosts}"'] if known_hosts else []
    command = [executable("ssh"), *(["-F", config] if config else []), "-p", str(port), "-l", user]
    command += [word for option in options for word in ("-o", option)]
    try:
        done = subprocess.run(
            [*command, "--", asked, "true"],
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            timeout=PATIENCE_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return False
    said = done.stderr.decode(errors="replace")
    keys = re.findall(r"Server host (?:key|certificate): \S+ (SHA256:[^\s,]+)", said)
    return "SSH2_MSG_NEWKEYS sent" in said and keys[-1:] == [shown]
