"""Reports what needs the operator. Runs ON the host (harvest-notify@SUBJECT.service), as root and without network.

The subject is the service that failed, "hourly", or "test". What is due goes to harvest-notify-send.service, which has
the network and no other right. What could not be delivered is tried again an hour later.
"""

import fcntl
import json
import os
import subprocess
import sys
import time
from typing import Any

from provision.remote.host_files import NOTIFY_ETC, NOTIFY_MESSAGES, read
from provision.remote.notify_findings import Finding, backups, certificates, disks, mounted, reboots, units
from provision.remote.notify_repeats import State, compare, message

STATE = "/var/lib/harvest-notify/state.json"
SEND = "harvest-notify-send.service"


def look(host: "dict[str, Any]", subject: str, known: State) -> "list[Finding]":
    """All findings, each under its own key."""
    now = time.time()
    return [
        *disks(mounted(read("/proc/self/mounts")), set(known), now),
        *certificates(host["certificates"], now),
        *backups(host["instances"], now),
        *reboots(now),
        *units(subject, now),
    ]


def write(path: str, content: object) -> None:
    """Readable by root alone, whole or not at all."""
    with open(os.open(f"{path}.new", os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file:
        json.dump(content, file)
    os.replace(f"{path}.new", path)


def deliver(messages: "list[dict[str, Any]]") -> bool:
    """Whether the receiver took all of them."""
    for each in messages:
        print(each["what"], flush=True)
    if not messages:
        return True
    write(NOTIFY_MESSAGES, messages)  # in memory: a full disk must not keep the message back
    if subprocess.run(["systemctl", "start", SEND], stderr=subprocess.DEVNULL).returncode:
        print(f"<4>not delivered: journalctl -u {SEND} -e", flush=True)
        return False
    return True


def known_state() -> State:
    """What was reported before; of a state that a full disk cut off, nothing."""
    try:
        found: State = json.loads(read(STATE) or "{}")
        return found
    except ValueError:
        return {}


def run(subject: str) -> int:
    """Exit code: 1 where a test was not delivered."""
    host = json.loads(read(f"{NOTIFY_ETC}/host.json"))
    if subject == "test":
        words = message(host["name"], "test message: notifications work", time.time())
        return 0 if deliver([words]) else 1
    known = known_state()
    state, messages = compare(host["name"], known, look(host, subject, known), time.time())
    if deliver(messages) and state != known:
        try:
            write(STATE, state)
        except OSError as error:
            print(f"<4>{STATE}: {error.strerror}; the same is reported again", flush=True)
    return 0


def main() -> int:
    # One after the other: two that fail together are compared with one state.
    with open(f"{NOTIFY_MESSAGES}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return run(sys.argv[1])


if __name__ == "__main__":
    sys.exit(main())
