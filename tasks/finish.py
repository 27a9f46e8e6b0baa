"""The end of a run that came to its end."""

from provision.engine.templates import render
from provision.operations import health
from provision.operations.access.access import unlock
from provision.operations.aide import Known, know
from provision.settings.model import Settings

KNOWN = Known(render("system/aide.conf"))


def finish(settings: Settings) -> None:
    know("Its files are known", KNOWN)
    health.require("Check what a reboot would break", health.Health())
    unlock(name="The host is free for the next run")
