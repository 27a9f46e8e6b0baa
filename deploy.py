"""What a host goes through, in order. `pyinfra inventories/prod.py deploy.py`"""

from pyinfra import host

from provision.settings import settings_from
from provision.transport import no_delay
from tasks.access import access
from tasks.application import application
from tasks.finish import finish
from tasks.intrusion import intrusion
from tasks.kernel import kernel
from tasks.packages import packages
from tasks.preflight import preflight
from tasks.readiness import readiness
from tasks.system import system
from tasks.updates import updates
from tasks.watch import watch
from tasks.web import web

no_delay(host)
settings = settings_from(host.data.dict())

preflight(settings)
system(settings)
packages(settings)
access(settings)
kernel(settings)
updates(settings)
application(settings)
watch(settings)
web(settings)
intrusion(settings)
readiness(settings)
finish(settings)
