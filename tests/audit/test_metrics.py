"""Figures for Prometheus, where `metrics_from` is set: fresh, whole, and from sandboxed services."""

from typing import Any

import pytest

from provision.operations.app import sources
from provision.operations.metrics import EXPORTER, TIMER
from provision.settings.instances import Instance
from provision.settings.model import EXPORTER_PORT, Settings
from tasks.metrics import FOLDER
from tests.audit.checks import check
from tests.audit.test_hardening import exposure


@pytest.fixture(autouse=True)
def _set(settings: Settings) -> None:
    if not settings.metrics_from:
        pytest.skip("metrics_from is not set")


@check("metrics.running", "node exporter and the timer run, and start at boot", mends="Start metrics")
def test_the_exporter_and_the_timer_are_active_and_enabled(run: Any) -> None:
    said = run(f"systemctl is-active {EXPORTER} {TIMER}; systemctl is-enabled {EXPORTER} {TIMER}")
    assert said.split() == ["active", "active", "enabled", "enabled"]


@check("metrics.fresh", "the figures of HARVEST are younger than five minutes", mends="Start metrics")
def test_the_figures_are_fresh(run: Any) -> None:
    assert run(f"find {FOLDER}/harvest.prom -mmin -5").strip() == f"{FOLDER}/harvest.prom"


@check(
    "metrics.served",
    "Prometheus gets the figures of each instance",
    severity="high",
    mends="Configure metrics",
)
def test_the_figures_of_each_instance_are_served(run: Any, settings: Settings, instance: Instance) -> None:
    if not sources.native(instance):
        pytest.skip("an application from elsewhere reports no figures")
    read = (
        "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=20).read().decode())"
    )
    said = run(f"python3 -c '{read}' http://127.0.0.1:{EXPORTER_PORT}/metrics")
    for backend in instance.backend_ports:
        assert f'harvest_up{{app="{instance.slug}",backend="{backend}"}} 1\n' in said


@check("metrics.sandbox", "the services that serve figures are sandboxed", mends="Configure metrics")
def test_the_services_that_serve_figures_are_sandboxed(run: Any) -> None:
    found = {unit: exposure(run, unit) for unit in ("harvest-metrics.service", EXPORTER)}
    assert {unit: points for unit, points in found.items() if points > 2.0} == {}
