"""What a host goes through, in order. `pyinfra inventories/prod.py deploy.py`"""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.exit("deploy.py is run by pyinfra, type: pyinfra inventories/prod.py deploy.py")
sys.path.insert(0, str(Path(__file__).resolve().parent))  # wherever the run is started

from pyinfra import host

from provision.engine.operation import one_look
from provision.pyinfra_bridge.command_line import require_settled
from provision.pyinfra_bridge.transport import no_delay, tell_lost
from provision.settings.model import settings_from
from tasks.access import access
from tasks.application import application
from tasks.fail2ban import fail2ban
from tasks.finish import finish
from tasks.hardening import hardening
from tasks.nginx import nginx
from tasks.packages import packages
from tasks.preflight import preflight
from tasks.readiness import readiness
from tasks.summary import summary
from tasks.system import system
from tasks.updates import updates
from tasks.watchdog import watchdog

require_settled()
no_delay(host)
tell_lost(host)
settings = settings_from(host.data.dict())

with one_look(host):
    preflight(settings)
    system(settings)
    packages(settings)
    access(settings)
    hardening(settings)
    updates(settings)
    application(settings)
    watchdog(settings)
    nginx(settings)
    fail2ban(settings)
    readiness(settings)
    finish(settings)
    summary(settings)
