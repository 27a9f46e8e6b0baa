"""Send a test message to the receiver of `notify`: `pyinfra inventories/prod.py operate/notify.py`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pyinfra import host

from provision.engine.operation import one_look
from provision.operations import notify
from provision.pyinfra_bridge.command_line import require_resolved, stop
from provision.pyinfra_bridge.transport import no_delay, report_lost
from provision.settings.model import settings_from

require_resolved()
no_delay(host)
report_lost(host)
settings = settings_from(host.data.dict())
if settings.notify is None:
    stop([f"host {host.name}: notify is not set; docs/notifications.md says how to set it"])

with one_look(host):
    notify.test("Send a test message")
