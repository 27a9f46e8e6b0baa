"""Figures for Prometheus: the host's by node exporter, HARVEST's by a program of ours, to metrics_from alone."""

import json

from provision.engine.templates import render
from provision.operations import files, metrics, systemd
from provision.operations.app import sources
from provision.operations.files import Directory, File, Files, Item
from provision.operations.metrics import DROP_IN, EXPORTER, TIMER, Unwanted
from provision.operations.systemd import Unit, Units
from provision.remote import program
from provision.settings.model import EXPORTER_PORT, Settings
from tasks.status import certificate
from tasks.tls import own

SYSTEM = "/etc/systemd/system"
PROGRAM = "/usr/local/lib/harvest/metrics.py"
ASKED = "/etc/harvest-metrics/asked.json"
FOLDER = "/var/lib/harvest-metrics"
UNITS = ("harvest-metrics.service", TIMER)
PARTS = ("host_files", "answers", "releases", "updates", "web", "readings")


def configure(settings: Settings) -> None:
    if not settings.metrics_from:
        ours = (PROGRAM, "/etc/harvest-metrics", FOLDER, *(f"{SYSTEM}/{unit}" for unit in UNITS))
        metrics.remove("Remove metrics", Unwanted(ours))
        return
    check = f"cd {SYSTEM}; systemd-analyze verify {' '.join(UNITS)}"
    files.put("Configure metrics", Files(items(settings), check=check, within=(SYSTEM,)))
    timer = Unit(TIMER, tuple(f"{SYSTEM}/{unit}" for unit in UNITS))
    systemd.running("Start metrics", Units((timer, Unit(EXPORTER, (DROP_IN,)))))


def items(settings: Settings) -> tuple[Item, ...]:
    # Another port than nginx's, so that neither waits for the other to leave it when the settings change.
    listen = f"{'127.0.0.1' if settings.metrics_by_nginx else ''}:{EXPORTER_PORT}"
    return (
        File(PROGRAM, program("metrics", *PARTS)),
        Directory("/etc/harvest-metrics"),
        Directory(FOLDER),
        File(ASKED, json.dumps(asked(settings), indent=1, sort_keys=True) + "\n"),
        *(
            File(f"{SYSTEM}/{unit}", render(f"systemd/{unit}", program=PROGRAM, asked=ASKED))
            for unit in UNITS
        ),
        File(DROP_IN, render("systemd/prometheus-node-exporter.conf", listen=listen, folder=FOLDER)),
    )


def asked(settings: Settings) -> dict[str, object]:
    """What the program on the host reads."""
    sites = own(settings) if settings.tls != "off" else ()
    return {
        "apps": [
            # An application from elsewhere reports no figures.
            {
                "name": each.slug,
                "root": each.root,
                "backends": each.backend_ports if sources.native(each) else (),
            }
            for each in settings.all_instances
        ],
        "certificates": {site: certificate(settings, site) for site in sites},
    }
