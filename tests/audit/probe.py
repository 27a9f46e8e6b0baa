"""Ports and logins tried from this machine, at a person's rate: what the world finds, not what the host says."""

import re
import socket
import subprocess
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

WAIT_S = 2.5
"""How long a port may be silent, in seconds. What was found is kept: no port is asked twice."""
Answer = Literal["open", "closed", "silent", "no way there"]


def ports(address: str, wanted: Iterable[int]) -> dict[int, Answer]:
    """How each TCP port answers: a firewall is silent, and "no way there" is this machine's network, not the host."""
    numbers = sorted(set(wanted))
    with ThreadPoolExecutor(max_workers=len(numbers) or 1) as pool:
        return dict(zip(numbers, pool.map(lambda number: _port(address, number), numbers), strict=True))


@cache
def _port(address: str, number: int) -> Answer:
    try:
        with socket.create_connection((address, number), timeout=WAIT_S):
            return "open"
    except ConnectionRefusedError:
        return "closed"
    except TimeoutError:
        return "silent"
    except OSError as error:
        # A firewall that refuses says so by ICMP: no route to the host, or prohibited.
        return "closed" if "route to host" in str(error) or "ermission" in str(error) else "no way there"


@dataclass(frozen=True)
class Offer:
    """What a running sshd offers to somebody without a key: ways to log in, and algorithms by kind."""

    methods: tuple[str, ...]
    algorithms: dict[str, tuple[str, ...]]


@cache
def ssh_offer(config: Path, alias: str, user: str) -> Offer | str:
    """Ask sshd without any key. Why it could not be asked, in ssh's words, where it could not."""
    options = {
        "ControlPath": "none",
        "PubkeyAuthentication": "no",
        "PreferredAuthentications": "none",
        "ConnectTimeout": "10",
        "LogLevel": "DEBUG2",
    }
    command = ["ssh", "-F", str(config), "-l", user, "-n"]
    command += [word for option, value in options.items() for word in ("-o", f"{option}={value}")]
    done = subprocess.run([*command, alias, "true"], capture_output=True, text=True, timeout=60, check=False)
    return read_offer(done.stderr)


KINDS = {
    "KEX algorithms": "kexalgorithms",
    "host key algorithms": "hostkeyalgorithms",
    "ciphers stoc": "ciphers",
    "MACs stoc": "macs",
}
MARKERS = ("ext-info-s", "kex-strict-s-v00@openssh.com")
"""Named among algorithms, and none."""


def read_offer(said: str) -> Offer | str:
    """What ssh -vv told."""
    methods = re.findall(r"Authentications that can continue: (\S+)", said)
    # A jump host's offer stands before the host's own.
    _, _, server = said.rpartition("peer server KEXINIT proposal")
    found = re.findall(r"debug2: ([A-Za-z ]+): (\S+)", server)
    algorithms = {
        KINDS[kind]: tuple(name for name in names.split(",") if name not in MARKERS)
        for kind, names in found
        if kind in KINDS
    }
    if not methods or set(algorithms) != set(KINDS.values()):
        lines = [line for line in said.splitlines() if not line.startswith("debug")]
        return lines[-1] if lines else "ssh said nothing"
    return Offer(tuple(methods[-1].split(",")), algorithms)
