"""The time as the tables keep it."""

from datetime import datetime, timedelta, timezone


def now(plus_seconds: float = 0) -> str:
    """UTC as "2026-01-31T12:00:00Z", shifted by `plus_seconds`."""
    moment = datetime.now(timezone.utc) + timedelta(seconds=plus_seconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
