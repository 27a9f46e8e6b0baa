"""Secrets by reference: read on the controller, before any host is asked, and never written anywhere."""

import os
import shlex
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from provision.settings.model import Settings
from provision.settings.notify import secrets_of, value_problem
from provision.settings.types import Secret

COMMAND_S = 60.0
"""How long a command may take, in seconds; it may ask its user for a passphrase."""
HARVESTS_OWN = (10, 200)
"""How long a password may be that HARVEST takes, in characters: MIN_PASSWORD and MAX_PASSWORD of the application."""


def value_of(secret: Secret) -> str:
    """The secret's value, one line; raises ValueError with a sentence that names the reference, never the value."""
    if secret.env is not None:
        if secret.env not in os.environ:
            raise ValueError(f"the environment variable {secret.env} is not set")
        return _line(os.environ[secret.env], f"the environment variable {secret.env}")
    if secret.file is not None:
        return _line(_file(secret.file), f"the file {secret.file}")
    return _first_line(secret.command or ())


def check_secrets(settings: Settings) -> list[tuple[str, str]]:
    """(key, sentence) for each secret of one host that cannot be read, or that its reader would refuse."""
    problems = []
    for key in type(settings).model_fields:
        secret = getattr(settings, key)
        if not isinstance(secret, Secret):
            continue
        try:
            value = value_of(secret)
        except ValueError as why:
            problems.append((key, str(why)))
            continue
        least, most = HARVESTS_OWN
        if key == "first_admin_password" and not least <= len(value) <= most:
            what = f"has {len(value)} characters; HARVEST takes passwords of {least} to {most}"
            problems.append((key, what))
    return problems + _notify_problems(settings)


def _notify_problems(settings: Settings) -> list[tuple[str, str]]:
    problems = []
    for key, secret in secrets_of(settings.notify) if settings.notify else ():
        try:
            why = value_problem(settings.notify, key, value_of(secret)) if settings.notify else ""
        except ValueError as error:
            why = str(error)
        if why:
            problems.append((f"notify.{key}", why))
    return problems


def _file(file: Path) -> str:
    path = file.expanduser()
    if path.is_dir():
        raise ValueError(f"the file {file} cannot be read (it is a folder)")
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"the file {file} holds no text (it is not UTF-8)") from None
    except OSError as error:
        raise ValueError(f"the file {file} cannot be read ({error.strerror})") from None


@cache
def _first_line(command: tuple[str, ...]) -> str:
    """What a command prints first; it runs once a run, since it may ask its user something."""
    shown = shlex.join(command)
    if not command or shutil.which(os.path.expanduser(command[0])) is None:
        raise ValueError(
            f"the command {shown} cannot be run ({command[0] if command else 'it'} is not there)"
        )
    terminal = None if sys.stdin and sys.stdin.isatty() else subprocess.DEVNULL
    try:
        done = subprocess.run(
            [os.path.expanduser(command[0]), *command[1:]],
            stdin=terminal,
            stdout=subprocess.PIPE,
            timeout=COMMAND_S,
        )
    except subprocess.TimeoutExpired:
        raise ValueError(f"the command {shown} did not end within {COMMAND_S:.0f} s") from None
    except OSError as error:
        raise ValueError(f"the command {shown} cannot be run ({error.strerror})") from None
    if done.returncode:
        raise ValueError(f"the command {shown} failed with {done.returncode}")
    try:
        lines = done.stdout.decode().splitlines()
    except UnicodeDecodeError:
        raise ValueError(f"the command {shown} printed no text (it is not UTF-8)") from None
    if not lines:
        raise ValueError(f"the command {shown} printed nothing")
    return _line(lines[0], f"the command {shown}: its first line")


def _line(text: str, what: str) -> str:
    """The one line that a secret is."""
    line = text.strip()
    if not line:
        raise ValueError(f"{what} is empty")
    if "\n" in line or "\r" in line:
        raise ValueError(f"{what} holds {len(line.splitlines())} lines; a secret is one")
    if not line.isprintable():
        raise ValueError(f"{what} holds control characters")
    return line
