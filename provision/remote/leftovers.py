"""Waits for, or ends, what an earlier run left at work on the host. Runs ON the host; argv[1] is the limit, seconds.

The connection of that run is gone, its commands are not: apt goes on to its end, and must, since a dpkg that is
killed leaves packages half installed; so does certbot, since a certificate that is issued and not stored counts against
the authority's limits. Anything else is ended: this run does its work again.
"""

import os
import signal
import sys
import time
from contextlib import suppress

from provision.remote.health import leftovers

WAITED_FOR = ("apt", "dpkg", "debconf", "needrestart", "certbot")


def main(limit: float, pause: float = 0.5, patience: float = 5.0) -> str:
    """Sees to it that nothing of an earlier run is at work; gives the sentence to fail with, "" if all is well."""
    start, asked_at, told = time.monotonic(), 0.0, set()
    while True:
        found = leftovers()
        if not found:
            return ""
        spent = time.monotonic() - start
        unbroken = [(pid, name) for pid, name in found if name.startswith(WAITED_FOR)]
        for pid, name in unbroken or found:
            if name not in told:
                told.add(name)
                verb = "waiting for" if unbroken else "ending"
                print(f"{verb} {name} (pid {pid}) of an earlier run that was cut off", flush=True)
        if spent > limit:
            pid, name = (unbroken or found)[0]
            return (
                f"{name} (pid {pid}) of an earlier run is still at work after {spent:.0f} s; nothing was changed. "
                f"Look with: ps -fp {pid}"
            )
        if not unbroken:
            asked_at = asked_at or time.monotonic()
            late = time.monotonic() - asked_at > patience
            for pid, _ in found:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL if late else signal.SIGTERM)
        time.sleep(pause)


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1])) or 0)
