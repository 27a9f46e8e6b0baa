"""Notifications alone, with what they need of the system: seconds instead of a minute."""

from pyinfra import host

from provision.operations import apt
from provision.operations.access import access
from provision.operations.apt import Packages
from provision.settings.model import settings_from
from tasks import notify, system

apt.packages("Install packages", Packages(("ca-certificates", "openssl", "python3-aiosmtpd")))
settings = settings_from(host.data.dict())
system.configure(settings)
notify.configure(settings)
access.release_lock(name="Release the lock")
