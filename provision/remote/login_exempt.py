"""Whether a failed login counts. Runs ON the host, by fail2ban's `ignorecommand`: standard library, one file.

argv: the address, the failure's time, fail2ban's findtime, both in seconds. Exit 0: it does not count; 1: it does.
Not counted is what happened before this file was placed (starts of the first deploy that were refused), what comes
from the address of a run that is changing the host, and what comes from an address that logged in within findtime: a
login that succeeds clears the failures before it. The exemption ends by itself, with the session or with findtime.
"""

import json
import os
import re
import subprocess
import sys

HOLDER = "/run/harvest-lock/holder"


def holds_the_lock(address: str) -> bool:
    """Whether a run from this address has the lock, and its session still stands."""
    try:
        with open(HOLDER) as file:
            holder = json.load(file)
        pid, start = holder["session"]
        with open(f"/proc/{pid}/stat") as file:
            return (holder["address"], file.read().rpartition(")")[2].split()[19]) == (address, start)
    except (OSError, ValueError, KeyError):
        return False


def logged_in(address: str, since: float) -> bool:
    """Whether a login from this address succeeded; only lines of root's sshd are read, which no account can forge."""
    by = ("_UID=0", "_COMM=sshd", "+", "_UID=0", "_COMM=sshd-session")
    command = ["journalctl", "--quiet", "--no-pager", "--output=cat", f"--since=@{int(since)}", *by]
    said = subprocess.run(command, stdout=subprocess.PIPE, text=True, errors="replace").stdout
    return (
        re.search(rf"^Accepted \S+ for \S+ from {re.escape(address)} port ", said, re.MULTILINE) is not None
    )


def main(address: str, failed: float, findtime: float) -> bool:
    return (
        failed < os.stat(__file__).st_mtime
        or holds_the_lock(address)
        or logged_in(address, failed - findtime)
    )


if __name__ == "__main__":
    sys.exit(0 if main(sys.argv[1], float(sys.argv[2]), float(sys.argv[3])) else 1)
