"""The end of a successful run: record the AIDE baseline, check what a reboot would need, release the lock."""

from provision.engine.templates import render
from provision.operations import aide, files, health
from provision.operations.access import access
from provision.operations.aide import Baseline
from provision.settings.model import Settings

KNOWN = Baseline(render("system/aide.conf"))


def unlock(settings: Settings) -> None:
    aide.record("Record the AIDE baseline", Baseline(KNOWN.config, files.managed()))
    health.require("Check what a reboot would break", health.Health())
    access.release_lock(name="Release the lock")
