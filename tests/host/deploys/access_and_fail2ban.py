"""The access step and fail2ban: all that can refuse an operator."""

from pyinfra import host, local

from provision.operations.apt import Packages, install
from provision.settings.model import settings_from
from tasks.fail2ban import fail2ban
from tasks.packages import INTRUSION

install("Packages against intruders", Packages(INTRUSION))
local.include("tests/host/access_only.py")
fail2ban(settings_from(host.data.dict()))
