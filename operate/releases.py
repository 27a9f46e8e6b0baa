"""The releases that each host has, the newest first: `pyinfra inventories/prod.py operate/releases.py`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pyinfra import host

from provision.engine.operation import one_look
from provision.operations.app import rollback
from provision.operations.app.rollback import Back
from provision.pyinfra_bridge.command_line import require_resolved
from provision.pyinfra_bridge.transport import no_delay, report_lost
from provision.settings.model import settings_from
from tasks.application import services

require_resolved()
no_delay(host)
report_lost(host)
settings = settings_from(host.data.dict())

with one_look(host):
    rollback.show("Show releases", Back(services(settings)))
