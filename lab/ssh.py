"""Logging in to hosts, and entering them without SSH."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterable, Sequence

from lab import paths
from lab.locks import write_atomic

INSIDE_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def ssh_command(
    address: str,
    user: str,
    port: int = 22,
    key: str | None = None,
    options: Iterable[str] = (),
    *,
    interactive: bool = False,
) -> list[str]:
    """Return the ssh command line up to the destination; it neither reads nor pins anybody's host keys.

    Without `key` ssh asks for a password; with it only when `interactive`.
    """
    if key:
        login = ["-o", "IdentitiesOnly=yes", "-i", key, *([] if interactive else ["-o", "BatchMode=yes"])]
    else:
        login = ["-o", "PubkeyAuthentication=no", "-o", "NumberOfPasswordPrompts=1"]
    return [
        *["ssh", "-F", "none"],
        *["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"],
        *["-o", "ConnectTimeout=10"],
        *login,
        *(part for option in options for part in ("-o", option)),
        *["-p", str(port), f"{user}@{address}"],
    ]


def password_environment(password: str) -> dict[str, str]:
    """Return an environment in which ssh takes its password from us instead of from a terminal."""
    helper = paths.lab_dir() / "askpass"
    if not helper.exists():
        write_atomic(helper, "#!/bin/sh\nprintf '%s\\n' \"$LAB_PASSWORD\"\n", 0o700)
    return {
        **os.environ,
        "SSH_ASKPASS": str(helper),
        "SSH_ASKPASS_REQUIRE": "force",
        "LAB_PASSWORD": password,
    }


def inside_command(leader: int, command: str) -> list[str]:
    """Return a command that runs a shell command as root in all namespaces of a host."""
    namespaces = [f"--{kind}" for kind in ("mount", "uts", "ipc", "net", "pid", "cgroup", "root", "wd")]
    enter = ["nsenter", "--target", str(leader), *namespaces]
    return [*enter, "env", "-i", f"PATH={INSIDE_PATH}", "HOME=/root", "LANG=C.UTF-8", "sh", "-c", command]


def run(
    command: Sequence[str], *, check: bool, timeout: float, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command with its output captured.

    Raises:
        AssertionError: `check` is set and it failed; the message has both outputs.
        subprocess.TimeoutExpired: it took longer than `timeout` seconds.
    """
    done = subprocess.run(
        list(command),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        timeout=timeout,
        env=environment,
    )
    if check and done.returncode != 0:
        raise AssertionError(
            f"`{command[-1]}` failed with {done.returncode}\n{done.stdout}{done.stderr}".rstrip()
        )
    return done


def banner(address: str, port: int = 22) -> str | None:
    """Return what an SSH server says first, None if nobody answers within a second."""
    try:
        with socket.create_connection((address, port), timeout=1) as connection:
            words = connection.recv(255)
    except OSError:
        return None
    return words.decode(errors="replace").strip() if words.startswith(b"SSH-") else None
