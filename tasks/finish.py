"""The end of a run that came to its end."""

from provision.operations.access import unlock
from provision.settings import Settings


def finish(settings: Settings) -> None:
    unlock(name="The host is free for the next run")
