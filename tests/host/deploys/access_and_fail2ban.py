"""The access step and fail2ban: all that can refuse an operator."""

from pyinfra import host, local

from provision.operations import apt
from provision.operations.apt import Packages
from provision.settings.model import settings_from
from tasks import fail2ban
from tasks.packages import INTRUSION

apt.packages("Packages against intruders", Packages(INTRUSION))
local.include("tests/host/access_only.py")
fail2ban.configure(settings_from(host.data.dict()))
