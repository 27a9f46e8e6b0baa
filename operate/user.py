"""HARVEST's accounts: `pyinfra inventories/prod.py operate/user.py --data list=yes`.

`add=ADDRESS` (with `admin=yes`) makes one, `reset=ADDRESS` gives one another password, which is shown once.
One instance of several: `instance=NAME`.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pyinfra import host

from provision.engine.operation import one_look
from provision.operations.access import access
from provision.operations.app import accounts, sources
from provision.operations.app.accounts import Accounts
from provision.pyinfra_bridge.command_line import chosen, require_resolved, stop, without_words, yes
from provision.pyinfra_bridge.transport import no_delay, report_lost
from provision.settings.model import settings_from
from tasks.application import environment

require_resolved()
no_delay(host)
report_lost(host)
settings = settings_from(without_words(host.data.dict(), __file__))
instances = chosen(settings.all_instances, host.data.get("instance"))
words = {word: str(host.data.get(word) or "") for word in ("add", "reset")}
words["list"] = "yes" if yes("list", host.data.get("list")) else ""
if problem := accounts.problem(words):
    stop([problem])
if not words["list"] and len(instances) > 1:
    stop([f"host {host.name}: has several instances; name one: --data instance={instances[0].name}"])
if foreign := [each.name for each in instances if not sources.native(each)]:
    stop(
        [
            f"host {host.name}: {', '.join(foreign)} comes from another app_source, which has no program for accounts"
        ]
    )

with one_look(host):
    for each in instances:
        accounts.manage(
            f"{each.slug}: manage accounts",
            Accounts(
                each.slug,
                each.root,
                environment(each),
                add=words["add"],
                reset=words["reset"],
                admin=yes("admin", host.data.get("admin")),
            ),
        )
    access.release_lock(name="Release the lock")
