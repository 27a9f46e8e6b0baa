"""What a host goes through, in order. `pyinfra inventories/prod.py deploy.py`"""

from provision.transport import no_delay
from pyinfra import host

from provision.settings import settings_from
from tasks.admin import admin
from tasks.application import application
from tasks.firewall import firewall
from tasks.packages import packages
from tasks.preflight import preflight
from tasks.readiness import readiness
from tasks.ssh import ssh
from tasks.system import system
from tasks.web import web

no_delay(host)
settings = settings_from(host.data.dict())

preflight(settings)
system(settings)
packages(settings)
admin(settings)
firewall(settings)
ssh(settings)
application(settings)
web(settings)
readiness(settings)
