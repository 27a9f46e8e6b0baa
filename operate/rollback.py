"""Back to the release before: `pyinfra inventories/prod.py operate/rollback.py`, or to one: `--data release=ID`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pyinfra import host

from provision.engine.operation import one_look
from provision.operations.access import access
from provision.operations.app import rollback
from provision.operations.app.rollback import Back
from provision.pyinfra_bridge.command_line import require_resolved, without_words, yes
from provision.pyinfra_bridge.transport import no_delay, report_lost
from provision.settings.model import settings_from
from tasks.application import services

require_resolved()
no_delay(host)
report_lost(host)
settings = settings_from(without_words(host.data.dict(), __file__))

with one_look(host):
    back = Back(
        services(settings), str(host.data.get("release", "")), yes("restore", host.data.get("restore"))
    )
    rollback.rollback("Switch to the former release", back)
    access.release_lock(name="Release the lock")
