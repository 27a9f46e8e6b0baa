"""Refuse what we do not know before anything changes; wait for whoever is still setting the host up."""

from provision.operations.access import Interrupted, resume
from provision.operations.host import Quiet, quiet
from provision.operations.support import Supported, check
from provision.settings import Settings
from tasks.packages import names


def preflight(settings: Settings) -> None:
    check("The host is one that we support", Supported())
    resume("No earlier run is half-way", Interrupted())
    quiet("Nobody else is setting the host up", Quiet(packages=names(settings)))
