"""Restart HARVEST behind its open sockets, no request lost: `pyinfra inventories/prod.py operate/restart.py`.

One instance of several: `--data instance=NAME`.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pyinfra import host

from provision.engine.operation import one_look
from provision.operations.access import access
from provision.operations.app import restart
from provision.operations.app.restart import Restart
from provision.pyinfra_bridge.command_line import chosen, require_resolved, without_words
from provision.pyinfra_bridge.transport import no_delay, report_lost
from provision.settings.model import settings_from
from tasks import readiness

require_resolved()
no_delay(host)
report_lost(host)
settings = settings_from(without_words(host.data.dict(), __file__))
instances = chosen(settings.all_instances, host.data.get("instance"))

with one_look(host):
    services = tuple(f"{stem}.service" for each in instances for stem in each.stems)
    restart.restart("Restart HARVEST", Restart(services))
    readiness.wait(settings)
    access.release_lock(name="Release the lock")
