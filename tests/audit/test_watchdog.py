"""The watchdog: it runs, and watches exactly the backends of the settings."""

import re
from typing import Any

from provision.settings.model import Settings
from tests.audit.checks import check

UNIT = "harvest-watch.service"


@check("harvest.watchdog", "the watchdog runs, and starts at boot", mends="Start the backend watchdog")
def test_the_watchdog_is_running_and_enabled(run: Any) -> None:
    assert run(f"systemctl is-active {UNIT}; systemctl is-enabled {UNIT}").split() == ["active", "enabled"]


@check(
    "harvest.watchdog-backends",
    "the watchdog watches every backend and nothing else",
    mends="Install the backend watchdog",
)
def test_the_watchdog_watches_every_backend_and_nothing_else(run: Any, settings: Settings) -> None:
    pid = run(f"systemctl show -p MainPID --value {UNIT}").strip()
    watched = {word for word in run(f"ps -o args= -p {pid}").split() if "-backend@" in word}
    assert watched == {each.backend(port) for each in settings.all_instances for port in each.backend_ports}


@check(
    "harvest.watchdog-sandbox",
    "the watchdog is sandboxed",
    severity="low",
    mends="Install the backend watchdog",
)
def test_the_watchdog_is_sandboxed(run: Any) -> None:
    said = run(f"systemd-analyze security --no-pager {UNIT} | tail -1")
    exposure = re.search(r"([\d.]+)", said.split(":", 1)[1])
    assert exposure
    assert float(exposure.group(1)) <= 2.0, said
