"""What HARVEST logged, the newest last: `pyinfra inventories/prod.py operate/logs.py --data since=1h`.

`level=warning` shows what is at least that grave, `unit=frontend` or `unit=backend@5001` one service, `lines=500` more
than the last 100, `instance=NAME` one instance of several.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pyinfra import host

from provision.engine.operation import one_look
from provision.operations.app import logs
from provision.pyinfra_bridge.command_line import chosen, require_resolved, stop, without_words
from provision.pyinfra_bridge.transport import no_delay, report_lost
from provision.settings.model import settings_from

require_resolved()
no_delay(host)
report_lost(host)
settings = settings_from(without_words(host.data.dict(), __file__))
instances = chosen(settings.all_instances, host.data.get("instance"))
words = {word: str(host.data.get(word)) for word in logs.WORDS if host.data.get(word) is not None}
if problem := logs.problem(words):
    stop([problem])

with one_look(host):
    logs.show("Show the journal", logs.Journal(tuple(each.slug for each in instances), **words))
