"""How each host is, and whether all is well (else exit code 1): `pyinfra inventories/prod.py operate/status.py`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pyinfra import host

from provision.engine.operation import one_look
from provision.operations.app import status
from provision.pyinfra_bridge.command_line import require_resolved
from provision.pyinfra_bridge.transport import no_delay, report_lost
from provision.settings.model import settings_from
from tasks.status import whole

require_resolved()
no_delay(host)
report_lost(host)
settings = settings_from(host.data.dict())

with one_look(host):
    status.show("Show status", whole(host, settings))
