"""Back to the release before: `pyinfra inventories/prod.py operate/rollback.py`, or to one: `--data release=ID`.

One instance of several: `--data instance=NAME`. `--data rollout=yes` is what provision/rollout says: deploy.py does not
refuse the release that is left.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pyinfra import host

from provision.engine.operation import one_look
from provision.operations.access import access
from provision.operations.app import rollback
from provision.operations.app.rollback import Back
from provision.pyinfra_bridge.command_line import chosen, require_resolved, without_words, yes
from provision.pyinfra_bridge.transport import no_delay, report_lost
from provision.settings.model import settings_from
from tasks.application import services

require_resolved()
no_delay(host)
report_lost(host)
settings = settings_from(without_words(host.data.dict(), __file__))
slugs = {each.slug for each in chosen(settings.all_instances, host.data.get("instance"))}

with one_look(host):
    back = Back(
        tuple(service for service in services(settings) if service.slug in slugs),
        str(host.data.get("release", "")),
        yes("restore", host.data.get("restore")),
        yes("rollout", host.data.get("rollout")),
    )
    rollback.rollback("Switch to the former release", back)
    access.release_lock(name="Release the lock")
