"""The time as the tables keep it."""

import time


def now(plus_seconds: float = 0) -> str:
    """UTC as "2026-01-31T12:00:00Z", shifted by `plus_seconds`."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + plus_seconds))
