"""What the guard's tests share: a quick deploy, a host's fingerprint, and the way back to a fresh host."""

import os
import subprocess
import time
from collections.abc import Callable

from lab import hosts
from tests.host.runs import BIN, REPO

DEPLOY = "tests/host/access_only.py"
# Everything that decides who gets in, byte for byte, with owners, modes and times of change of content.
LOOK = """
cd /
skip='-name .pwd.lock -o -path etc/hosts -o -path home/*/.cache'
set -f
find etc home root/.ssh -xdev \\( $skip \\) -prune -o -printf '%M %u %g %p %l\\n' | sort
find etc home root/.ssh -xdev \\( $skip \\) -prune -o -type f -print0 | sort -z | xargs -0 sha256sum
iptables -S; ip6tables -S
systemctl show -P ActiveState ssh.service ssh.socket ufw.service harvest-guard.timer
systemctl is-enabled ssh.service ssh.socket ufw.service; systemctl --failed --plain --no-legend
ss -Hltn | awk '{print $4}' | sort
"""
# Copies that shadow's tools leave, and what differs by the day or by the number of tries.
BACKUPS = ("passwd-", "group-", "shadow-", "gshadow-", "subuid-", "subgid-")


def fingerprint(host: hosts.Host) -> list[str]:
    """The host's answer to LOOK, a line each."""
    return host.exec(LOOK, check=False).stdout.splitlines()


def essence(host: hosts.Host) -> list[str]:
    """The fingerprint without what a detour may leave behind: backup copies."""
    return [line for line in fingerprint(host) if not line.endswith(BACKUPS)]


def start(name: str, *options: str, file: str = DEPLOY, **environment: str) -> "subprocess.Popen[str]":
    """A run in a session of its own, to be killed or waited for."""
    return subprocess.Popen(
        [str(BIN / "pyinfra"), "inventories/lab.py", file, "-y", "--limit", name, *options],
        cwd=REPO,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "PYINFRA_PROGRESS": "off", **environment},
        start_new_session=True,
    )


def run(name: str, *options: str, file: str = DEPLOY, **environment: str) -> tuple[int, str]:
    """A whole run: its exit code and all that it said."""
    process = start(name, *options, file=file, **environment)
    said, _ = process.communicate(timeout=300)
    return process.returncode, said


def prepare(name: str, **arguments: object) -> hosts.Host:
    """A fresh host on which UFW is installed, with a way back to just this moment."""
    host = hosts.up(name, fresh=True, **arguments)  # type: ignore[arg-type]
    install = "until apt-get -qq update; do sleep 1; done; apt-get -qq -o DPkg::Lock::Timeout=60 install ufw"
    host.exec(f"export DEBIAN_FRONTEND=noninteractive; {install}; cp -a /etc /var/fresh-etc", timeout=300)
    return host


def refresh(host: hosts.Host) -> None:
    """Undo everything by hand."""
    host.exec(
        """systemctl stop harvest-guard.timer harvest-guard.service; ufw --force disable
        rm -rf /var/lib/harvest-guard /run/harvest-lock* /run/harvest-stamps /home/sysop
        find /etc -mindepth 1 -maxdepth 1 -exec rm -rf {} +; cp -a /var/fresh-etc/. /etc/
        systemctl daemon-reload
        for tool in iptables ip6tables; do
            for chain in INPUT FORWARD OUTPUT; do $tool -w -P $chain ACCEPT; done; $tool -w -F; $tool -w -X
        done
        systemctl restart ssh.service; systemctl start ufw.service""",
        check=False,
    )
    rules = host.exec("iptables -w -S; ip6tables -w -S").stdout
    assert len(rules.splitlines()) == 6, rules


def until(happened: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait for something, at most so long."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.2)
