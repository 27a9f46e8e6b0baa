"""What a host goes through, in order. `pyinfra inventories/prod.py deploy.py`"""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.exit("deploy.py is run by pyinfra, type: pyinfra inventories/prod.py deploy.py")
sys.path.insert(0, str(Path(__file__).resolve().parent))  # wherever the run is started

from pyinfra import host

from provision.engine.operation import one_look
from provision.pyinfra_bridge.command_line import require_resolved
from provision.pyinfra_bridge.transport import no_delay, report_lost
from provision.settings.model import settings_from
from tasks import (
    access,
    application,
    fail2ban,
    finish,
    hardening,
    metrics,
    nginx,
    notify,
    packages,
    preflight,
    readiness,
    summary,
    system,
    updates,
    watchdog,
)

require_resolved()
no_delay(host)
report_lost(host)
settings = settings_from(host.data.dict())

with one_look(host):
    preflight.check(settings)
    system.configure(settings)
    packages.install(settings)
    access.configure(settings)
    hardening.apply(settings)
    updates.configure(settings)
    application.deploy(settings)
    watchdog.install(settings)
    notify.configure(settings)
    nginx.configure(settings)
    metrics.configure(settings)
    fail2ban.configure(settings)
    readiness.wait(settings)
    finish.unlock(settings)
    summary.show(settings)
