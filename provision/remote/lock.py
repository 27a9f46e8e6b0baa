"""The lock's program. Runs ON the host (`python3 -c`), so: standard library, Python 3.9, one file.

argv: `take`, `over` (take it from the run that argv[3] names) or `release`; the holder as JSON. News is one line on
standard output. A refusal is one line of JSON on standard error: the sentence, and the holder.

A run lives as long as the host hears from it. Its controller sends a packet every few seconds over the SSH session
that took the lock, so the kernel's count of milliseconds since the last one (`ss`, lastrcv) tells a run that works in
silence from one whose network was cut for ever, which sshd itself notices after minutes or hours.
"""

import fcntl
import ipaddress
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from typing import Any

FOLDER = "/run/harvest-lock"
SILENCE_S = 20.0
"""A holder that was not heard for so long is dead: four packets are missing."""
SUSPECT_S = 8.0
"""From here on a further packet is waited for before anything is said."""


def stat(pid: int) -> "tuple[str, int, str]":
    """(name, parent, start) of a process; its start tells it from a later one of the same number."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            name, _, rest = file.read().partition("(")[2].rpartition(")")
        return name, int(rest.split()[1]), rest.split()[19]
    except OSError:
        return "", 0, ""


def session() -> "tuple[int, str]":
    """The sshd process of this connection, else the eldest ancestor below init."""
    pid = os.getpid()
    while True:
        name, parent, start = stat(pid)
        if name.startswith("sshd") or parent < 2:
            return pid, start
        pid = parent


def connection(pid: int) -> "tuple[str, float] | None":
    """(address, seconds since the last packet) of the session's other end; None where the kernel does not tell."""
    if not (stat(pid)[0].startswith("sshd") and shutil.which("ss")):
        return None
    shown = subprocess.run(
        ["ss", "-HtnpiO", "state", "established"], stdout=subprocess.PIPE, text=True
    ).stdout
    for line in shown.splitlines():
        if f"pid={pid}," in line:
            peer = line.split()[3].rsplit(":", 1)[0].strip("[]").partition("%")[0]
            heard = re.search(r"lastrcv:(\d+)", line)
            return plain(peer), int(heard[1]) / 1000 if heard else 0.0
    return None


def plain(address: str) -> str:
    """An IPv4 address that came through an IPv6 socket, as IPv4."""
    found = ipaddress.ip_address(address)
    return str(getattr(found, "ipv4_mapped", None) or found)


def alive(pid: int, start: str) -> bool:
    """Whether the holder's session is there and still heard; waits for its next packet where one is late."""
    while stat(pid)[2] == start:
        heard = connection(pid)
        if heard is None or heard[1] < SUSPECT_S:
            return True
        if heard[1] >= SILENCE_S:
            return False
        time.sleep(0.5)
    return False


def end(pid: int, start: str) -> None:
    """End a dead holder's session: if its network comes back, no further step of it comes after ours."""
    name, _, begun = stat(pid)
    if begun == start and name.startswith("sshd"):
        os.kill(pid, signal.SIGTERM)


def refusal(holder: "dict[str, Any]") -> str:
    pid = holder["session"][0]
    where = f" from {holder['address']}" if holder.get("address") else ""
    return (
        f"locked by {described(holder)}, and is still connected{where} (session {pid} on the host, "
        f"process {holder.get('run', '?')} there); nothing was changed here. Wait, or end it on the host: kill {pid}"
    )


def described(holder: "dict[str, Any]") -> str:
    return f"{holder['who']}, who began {holder['what']} at {holder['since']}"


def main() -> None:
    verb, mine = sys.argv[1], json.loads(sys.argv[2])
    with open(FOLDER + ".mutex", "a") as mutex:
        fcntl.flock(mutex, fcntl.LOCK_EX)
        try:
            with open(FOLDER + "/holder") as file:
                holder = json.load(file)
        except (OSError, ValueError):
            holder = None
        if verb == "release":
            if holder and holder["token"] == mine["token"]:
                os.unlink(FOLDER + "/holder")
                os.rmdir(FOLDER)
            return
        if holder and holder["token"] != mine["token"]:
            own = verb == "over" and sys.argv[3] == holder["token"]
            if not own and alive(*holder["session"]):
                sys.exit(json.dumps({"sentence": refusal(holder), "holder": holder}))
            end(*holder["session"])
            print(f"took over the lock of {described(holder)} and did not finish")
        os.makedirs(FOLDER, exist_ok=True)
        mine["session"] = session()
        here = connection(mine["session"][0])
        mine["address"] = here[0] if here else ""
        mine["since"] = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
        with open(FOLDER + "/holder.new", "w") as file:
            json.dump(mine, file)
        os.rename(FOLDER + "/holder.new", FOLDER + "/holder")


if __name__ == "__main__":
    main()
