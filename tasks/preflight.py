"""Checks before the first change: what the run cannot handle is refused here, and cloud-init and apt are waited for."""

from provision.operations import aide, apt_locks, clock, health, supported_os
from provision.operations.access import access, existing_accounts
from provision.operations.access.access import Interrupted
from provision.operations.access.existing_accounts import Accounts
from provision.operations.app import package_index, release, switch
from provision.operations.app.package_index import Index
from provision.operations.apt_locks import Free
from provision.operations.clock import Clock
from provision.operations.supported_os import Supported
from provision.settings.model import Settings
from tasks import nginx, tls
from tasks.access import DROP_IN, SUDO, admin
from tasks.application import live, service_user
from tasks.finish import KNOWN
from tasks.packages import names
from tasks.release import wanted_release


def check(settings: Settings) -> None:
    supported_os.require("Check the operating system", Supported())
    clock.report("Check the clock", Clock())
    health.refuse_broken_access("Check the sshd and sudo configuration", health.Health((DROP_IN, SUDO)))
    services = tuple(map(service_user, settings.all_instances))
    existing_accounts.require("Check existing accounts", Accounts(admin(settings), services))
    for instance in settings.all_instances:
        switch.require_not_bad(f"{instance.slug}: check the record of the release", live(settings, instance))
        release.require_disk_space(f"{instance.slug}: check free disk space", wanted_release(instance))
        index = Index(wanted_release(instance), settings.trusted_cas)
        package_index.require_trust("Check the package index's certificate", index)
    access.check_interrupted("Check for an interrupted run", Interrupted())
    health.end_leftovers("Check for commands of an earlier run", health.Health())
    aide.report("Report changes since the last run", KNOWN)
    nginx.require(settings)
    tls.require(settings)
    apt_locks.wait("Wait for cloud-init and apt", Free(packages=names(settings)))
    health.repair_packages("Repair interrupted package installations", health.Health())
