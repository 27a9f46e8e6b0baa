"""Secrets by reference: read on the controller at the moment of use, never stored."""

import os
import subprocess

from provision.settings.types import Secret


def value_of(secret: Secret) -> str:
    """The secret's value; raises ValueError with a sentence that names the reference, never the value."""
    if secret.env is not None:
        if secret.env not in os.environ:
            raise ValueError(f"the environment variable {secret.env} is not set")
        return os.environ[secret.env]
    if secret.file is not None:
        try:
            return secret.file.expanduser().read_text().strip()
        except OSError as error:
            raise ValueError(f"the file {secret.file} cannot be read ({error.strerror})") from None
    done = subprocess.run(list(secret.command or ()), stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise ValueError(f"the command {' '.join(secret.command or ())} failed with {done.returncode}")
    return done.stdout.splitlines()[0]
