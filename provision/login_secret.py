"""Secrets by reference: read where they are needed, kept in memory, never in host data (debug-inventory prints it)."""

import os
import subprocess

from provision.values import Secret


class SecretError(ValueError):
    """The reference leads nowhere; the message is a sentence without the secret."""


def secret_value(secret: Secret) -> str:
    """What the reference stands for: the variable, or the first line of the file or of the command's output.

    Raises `SecretError`.
    """
    if secret.env is not None:
        value = os.environ.get(secret.env, "")
        source = f"environment variable {secret.env}"
    elif secret.file is not None:
        source = f"file {secret.file}"
        try:
            value = secret.file.expanduser().read_text().partition("\n")[0]
        except OSError as error:
            raise SecretError(f"{source} cannot be read ({error.strerror})") from None
    else:
        command = secret.command or ()
        source = f"command {' '.join(command[:1])}"
        try:
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=60)
        except (OSError, subprocess.TimeoutExpired, IndexError) as error:
            raise SecretError(f"{source} cannot be run ({type(error).__name__})") from None
        if done.returncode:
            raise SecretError(f"{source} failed with exit code {done.returncode}")
        value = done.stdout.partition("\n")[0]
    if not value.strip():
        raise SecretError(f"{source} is empty")
    return value.rstrip("\r")
