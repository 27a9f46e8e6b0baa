"""Refuse what we do not know before anything changes; wait for whatever is still setting the host up."""

from provision.operations import health
from provision.operations.access.access import Interrupted, resume
from provision.operations.access.existing import Accounts
from provision.operations.access.existing import check as check_accounts
from provision.operations.aide import tell
from provision.operations.app.package_index import Index, require_trust
from provision.operations.app.release import room
from provision.operations.host import Clock, Quiet, check_clock, quiet
from provision.operations.supported_os import Supported, check
from provision.settings.model import Settings
from tasks import nginx, tls
from tasks.access import DROP_IN, SUDO, admin
from tasks.application import service_user
from tasks.finish import KNOWN
from tasks.packages import names
from tasks.release import release


def preflight(settings: Settings) -> None:
    check("The host is one that we support", Supported())
    check_clock("Check the clock", Clock())
    health.refuse_broken_access("Check sshd's and sudo's configuration", health.Health((DROP_IN, SUDO)))
    services = tuple(map(service_user, settings.all_instances))
    check_accounts("Check existing accounts", Accounts(admin(settings), services))
    for instance in settings.all_instances:
        room("There is room for a release", release(instance.root))
        index = Index(release(instance.root), settings.trusted_cas)
        require_trust("Check the package index's certificate", index)
    resume("No earlier run is half-way", Interrupted())
    health.end_leftovers("Check for commands of an earlier run", health.Health())
    tell("What others changed", KNOWN)
    nginx.require(settings)
    tls.require(settings)
    quiet("Nobody else is setting the host up", Quiet(packages=names(settings)))
    health.mend_packages("Repair interrupted package installations", health.Health())
