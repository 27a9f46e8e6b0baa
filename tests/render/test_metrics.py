"""Where metrics are set: who listens at which port, who may ask, and what is left where they are not."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from provision.engine.state import Entry
from provision.operations import metrics as operation
from provision.operations.access.ufw import tuples
from provision.operations.files import File
from provision.settings.model import settings_from
from tasks import access, metrics, packages
from tasks.nginx import site
from tests.render.test_nginx import host
from tests.unit.examples import GOOD, TWO, problem
from tests.unit.states import state, text

ON = GOOD | {"metrics_from": ["192.0.2.7", "2001:db8::/64"]}
UNITS = ("harvest-metrics.service", "harvest-metrics.timer")


def files(**changed: Any) -> dict[str, str]:
    items = metrics.items(settings_from(ON | changed))
    return {item.path: item.data.decode() for item in items if isinstance(item, File)}


def vhost(**changed: Any) -> str:
    """nginx's server for metrics; "" where there is none."""
    path = "/etc/nginx/sites-available/harvest-metrics"
    found = [item for item in site(settings_from(ON | changed)) if item.path == path]
    return "".join(item.resolved(host("1.26.3-1")).data.decode() for item in found if isinstance(item, File))


@pytest.mark.parametrize(
    ("changed", "listens", "by_nginx"),
    [
        ({}, "127.0.0.1:9100", True),
        ({"tls": "off"}, ":9100", False),
        ({"site": "beside", "tls": "off"}, ":9100", False),
        ({"mode": "internal", "domain": None}, ":9100", False),
    ],
)
def test_nginx_serves_them_where_it_has_tls(changed: dict[str, Any], listens: str, by_nginx: bool) -> None:
    assert f"--web.listen-address={listens} " in files(**changed)[operation.DROP_IN]
    if changed.get("mode") != "internal":
        assert bool(vhost(**changed)) == by_nginx


def test_nginx_asks_for_tls_and_refuses_all_others() -> None:
    said = vhost()
    assert "listen 9101 ssl;" in said
    assert "listen [::]:9101 ssl;" in said
    assert "allow 192.0.2.7;\n        allow 2001:db8::/64;\n        deny all;" in said


def test_the_firewall_opens_the_port_to_these_addresses_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(access.access, "configure", lambda name, want: asked.append(want))
    access.configure(settings_from(ON))
    assert [rule for rule in tuples(asked[0].firewall, "v4") if "910" in rule] == [
        "allow tcp 9101 0.0.0.0/0 any 192.0.2.7 in"
    ]
    assert [rule for rule in tuples(asked[0].firewall, "v6") if "910" in rule] == [
        "allow tcp 9101 ::/0 any 2001:db8::/64 in"
    ]


def test_the_program_knows_instances_backends_and_certificates() -> None:
    asked = json.loads(files(instances=TWO, tls="letsencrypt")[metrics.ASKED])
    assert [(app["name"], app["backends"]) for app in asked["apps"]] == [
        ("harvest", [5001]),
        ("harvest-research", [5011]),
    ]
    assert list(asked["certificates"].values()) == ["/etc/letsencrypt/live/harvest.example.org/fullchain.pem"]


def test_systemd_accepts_the_units_and_the_program_starts(tmp_path: Path) -> None:
    found = files()
    for unit in UNITS:
        (tmp_path / unit).write_text(found[f"/etc/systemd/system/{unit}"])
    verify = ["systemd-analyze", "verify", "--man=no", *(str(tmp_path / unit) for unit in UNITS)]
    done = subprocess.run(verify, capture_output=True, text=True, timeout=60)
    assert [line for line in done.stderr.splitlines() if "harvest-metrics" in line] == []
    (tmp_path / "program.py").write_text(found[metrics.PROGRAM])
    load = f"import runpy; runpy.run_path({str(tmp_path / 'program.py')!r}, run_name='loaded')"
    loaded = subprocess.run([sys.executable, "-ISc", load], capture_output=True, text=True)
    assert (loaded.returncode, loaded.stderr) == (0, "")


def test_unset_installs_nothing_and_leaves_a_node_exporter_of_another_alone() -> None:
    off = settings_from(GOOD)
    assert "prometheus-node-exporter" not in packages.names(off)
    assert off.metrics_openings == ()
    want = operation.Unwanted(("/usr/local/lib/harvest/metrics.py",))
    assert text(operation.changes(state(), want)) == []
    ours = state(files={operation.DROP_IN: Entry(kind="file")})
    (command,) = text(operation.changes(ours, want))
    assert "systemctl disable --now --quiet prometheus-node-exporter.service harvest-metrics.timer" in command
    assert command.index("rm -rf /usr/local/lib/harvest/metrics.py") < command.index(operation.DROP_IN)


def test_their_ports_are_taken_once() -> None:
    assert "port 9101 is used twice" in problem(backend_ports=[9101], metrics_from=["192.0.2.7"])
    settings_from(GOOD | {"backend_ports": [9101]})
