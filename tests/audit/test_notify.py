"""Notifications, where `notify` is set: every failure is reported, and the receiver's secret is root's alone."""

from typing import Any

import pytest

from provision.remote.host_files import NOTIFY_ETC
from provision.settings.model import Settings
from tests.audit.checks import check
from tests.audit.test_hardening import exposure

SEND = "harvest-notify-send.service"
OTHERS = ("apt-daily.service", "apt-daily-upgrade.service", "fail2ban.service")


@pytest.fixture(autouse=True)
def _set(settings: Settings) -> None:
    if settings.notify is None:
        pytest.skip("notify is not set")


def services(settings: Settings) -> list[str]:
    """The services whose failure must be reported."""
    found = [f"{stem}.service" for each in settings.all_instances for stem in each.stems]
    found += ["nginx.service"] if settings.mode == "nginx" else []
    found += ["certbot.service"] if settings.mode == "nginx" and settings.tls == "letsencrypt" else []
    return [*found, *OTHERS]


@check(
    "notify.on-failure",
    "each service reports its failure",
    severity="high",
    mends="Configure notifications",
)
def test_each_service_reports_its_failure(run: Any, settings: Settings) -> None:
    names = services(settings)
    quoted = " ".join(f"'{name}'" for name in names)
    found = run(f"systemctl show -p OnFailure --value {quoted} | grep .").splitlines()
    silent = [name for name in names if not any(f"harvest-notify@{name}.service" in line for line in found)]
    assert not silent, silent


@check("notify.timer", "disks, certificates and the like are looked at hourly", mends="Start notifications")
def test_the_timer_is_active_and_enabled(run: Any) -> None:
    said = run("systemctl is-active harvest-notify.timer; systemctl is-enabled harvest-notify.timer")
    assert said.split() == ["active", "enabled"]


@check("notify.delivered", "the receiver took the last message", severity="high")
def test_the_last_message_was_delivered(run: Any) -> None:
    assert run(f"systemctl show -P Result {SEND}").strip() == "success", f"journalctl -u {SEND} -e"


@check("notify.secret", "root alone can read the receiver's secret", severity="high", secret=True)
def test_root_alone_can_read_the_secret(host: Any, run: Any) -> None:
    assert run(f"stat -c '%a %U' {NOTIFY_ETC} {NOTIFY_ETC}/receiver.json").splitlines() == [
        "700 root",
        "600 root",
    ]
    assert host.run(f"runuser -u nobody -- cat {NOTIFY_ETC}/receiver.json").rc != 0


@check("notify.sandbox", "the services that report are sandboxed", mends="Configure notifications")
def test_the_services_that_report_are_sandboxed(run: Any) -> None:
    found = {unit: exposure(run, unit) for unit in ("harvest-notify@hourly.service", SEND)}
    assert {unit: points for unit, points in found.items() if points > 2.0} == {}
