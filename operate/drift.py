"""How each host differs from the settings: `pyinfra inventories/prod.py operate/drift.py`. Touches nothing.

Exit code 0 as wanted, 2 drifted, 1 could not tell. `accept=PATH`, or several with commas between them, takes what
others changed there as right, in its present state.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pyinfra import host

from provision.engine.operation import one_look
from provision.engine.state import Unreadable
from provision.operations import aide, drift
from provision.operations.access import access
from provision.operations.aide import Accepted
from provision.pyinfra_bridge.command_line import prepare_page, require_resolved, without_words
from provision.pyinfra_bridge.transport import no_delay, report_lost
from provision.settings.model import settings_from
from tasks.finish import KNOWN

require_resolved()
paths = host.data.get("accept")
if paths is None:
    try:
        prepare_page("deploy.py")
        drift.show("Compare", KNOWN)
    except Unreadable as why:
        drift.cannot_tell(str(why))
else:
    no_delay(host)
    report_lost(host)
    settings_from(without_words(host.data.dict(), __file__))
    with one_look(host):
        aide.accept("Accept changes outside of deploy", Accepted(aide.split(str(paths))))
        access.release_lock(name="Release the lock")
