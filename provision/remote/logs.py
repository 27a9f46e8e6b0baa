"""What units logged, and what the operator is told. Runs ON the host, in switch.py."""

import json
import subprocess
import time
from contextlib import suppress

SYSTEMDS = ("systemd", "(systemd)")


def say(sentence: str) -> None:
    """Tell the operator; a controller that is gone does not stop the work."""
    with suppress(OSError):
        print(sentence, flush=True)


def since(units: "tuple[str, ...]", began: float) -> "list[str]":
    """What the units themselves logged since."""
    if not units:
        return []
    start = f"@{int(time.time() - (time.monotonic() - began))}"
    with suppress(OSError):
        subprocess.run(["journalctl", "--sync"], stderr=subprocess.DEVNULL)
    command = ["journalctl", "-q", "--no-pager", "-o", "json", "-n", "60", "--since", start]
    command += [word for unit in units for word in ("-u", unit)]
    said = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    found = []
    for line in said.splitlines():
        entry = json.loads(line)
        message = entry.get("MESSAGE")
        if isinstance(message, str) and entry.get("SYSLOG_IDENTIFIER") not in SYSTEMDS:
            found += [line for line in message.splitlines() if "[INFO]" not in line]  # gunicorn's own
    return found


def tail(words: "list[str]", units: "tuple[str, ...]", count: int = 12) -> None:
    """The last log lines, and the command that shows all."""
    for line in words[-count:]:
        say(f"| {line[:300]}")
    if units:
        say("all of it: journalctl " + " ".join(f"-u '{unit}'" for unit in units) + " -e")
