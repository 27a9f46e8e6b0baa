"""A page in place of HARVEST: `pyinfra inventories/prod.py operate/maintenance.py --data on=yes`, and `off=yes`.

`text="Back at 14:00"` is the page's text; `allow=192.0.2.7,2001:db8::1` are addresses that still reach HARVEST.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pyinfra import host

from provision.engine.operation import one_look
from provision.operations.access import access
from provision.operations.app import maintenance
from provision.pyinfra_bridge.command_line import require_resolved, stop, without_words, yes
from provision.pyinfra_bridge.transport import no_delay, report_lost
from provision.settings.model import settings_from

require_resolved()
no_delay(host)
report_lost(host)
settings = settings_from(without_words(host.data.dict(), __file__))
words = {word: str(host.data.get(word) or "") for word in ("allow", "text")}
words |= {word: "yes" if yes(word, host.data.get(word)) else "" for word in ("on", "off")}
if problem := maintenance.problem(words) or maintenance.unfit(settings):
    stop([f"host {host.name}: {problem}"])

with one_look(host):
    title = "Close HARVEST for maintenance" if words["on"] else "End maintenance"
    maintenance.switch(title, maintenance.wanted(words))
    access.release_lock(name="Release the lock")
