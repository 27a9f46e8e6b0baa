"""A deploy of SSH access alone, for tests that go through it many times: seconds instead of a minute."""

from pyinfra import host

from provision.operations import apt, apt_locks, supported_os
from provision.operations.access import access, existing_accounts
from provision.operations.access.access import Interrupted
from provision.operations.access.existing_accounts import Accounts
from provision.operations.apt import Packages
from provision.operations.apt_locks import Free
from provision.operations.supported_os import Supported
from provision.settings.model import settings_from
from tasks import access as access_task
from tasks.application import service_user

NAMES = ("openssh-server", "sudo", "ufw")
settings = settings_from(host.data.dict())
supported_os.require("Check the operating system", Supported())
existing_accounts.require(
    "Check existing accounts",
    Accounts(access_task.admin(settings), tuple(map(service_user, settings.all_instances))),
)
access.check_interrupted("Check for an interrupted run", Interrupted())
apt_locks.wait("Wait for cloud-init and apt", Free(NAMES))
apt.packages("Install packages", Packages(NAMES))
access_task.configure(settings)
access.release_lock(name="Release the lock")
