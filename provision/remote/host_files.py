"""Files on the host: where ours lie that several programs know, and their text. Runs ON the host."""

STAMPS = "/run/harvest-stamps"
"""What the running system has read (provision/operations/stamps.py)."""

MIGRATION_LOCK = "/run/lock/{slug}-migration"
"""Held by the switch while it changes an instance's database; its backends wait for it before they start."""

NOTIFY_ETC = "/etc/harvest-notify"
"""Who is notified, and of what host."""

NOTIFY_MESSAGES = "/run/harvest-notify/messages.json"
"""From notify.py to notify_send.py."""


def read(path: str) -> str:
    """The text of a file; "" where it cannot be read."""
    try:
        with open(path, errors="replace") as file:
            return file.read()
    except OSError:
        return ""
