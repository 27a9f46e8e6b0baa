"""Restart backends that hang."""

from provision.engine.templates import render
from provision.operations import files, systemd
from provision.operations.files import File, Files
from provision.operations.systemd import Unit, Units
from provision.remote import source
from provision.settings.model import Settings

PROGRAM = "/usr/local/lib/harvest/watch.py"
UNIT = "harvest-watch.service"
FILE = f"/etc/systemd/system/{UNIT}"


def install(settings: Settings) -> None:
    backends = [each.backend(port) for each in settings.all_instances for port in each.backend_ports]
    items = (
        File(PROGRAM, source("watchdog")),
        File(FILE, render(f"systemd/{UNIT}", program=PROGRAM, backends=backends)),
    )
    check = f"cd /etc/systemd/system; systemd-analyze verify {UNIT}"
    files.put("Install the backend watchdog", Files(items, check=check, within=("/etc/systemd/system",)))
    systemd.running("Start the backend watchdog", Units((Unit(UNIT, (PROGRAM, FILE)),)))
