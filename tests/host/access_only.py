"""A deploy of who gets in alone, for tests that go through it many times: seconds instead of a minute."""

from pyinfra import host

from provision.operations.access.access import Interrupted, resume, unlock
from provision.operations.access.existing import Accounts
from provision.operations.access.existing import check as check_accounts
from provision.operations.apt import Packages, install
from provision.operations.host import Quiet, quiet
from provision.operations.supported_os import Supported, check
from provision.settings.model import settings_from
from tasks.access import access, admin
from tasks.application import service_user

NAMES = ("openssh-server", "sudo", "ufw")
settings = settings_from(host.data.dict())
check("The host is one that we support", Supported())
check_accounts(
    "Check existing accounts", Accounts(admin(settings), tuple(map(service_user, settings.all_instances)))
)
resume("No earlier run is half-way", Interrupted())
quiet("Nobody else is setting the host up", Quiet(NAMES))
install("Packages", Packages(NAMES))
access(settings)
unlock(name="The host is free for the next run")
