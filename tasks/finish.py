"""The end of a run that came to its end."""

from provision.operations.access import unlock
from provision.operations.integrity import Known, know
from provision.settings import Settings
from provision.templates import render

KNOWN = Known(render("system/aide.conf"))


def finish(settings: Settings) -> None:
    know("Its files are known", KNOWN)
    unlock(name="The host is free for the next run")
