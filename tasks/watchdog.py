"""A backend that hangs is ended, and systemd starts it anew."""

from provision.engine.templates import render
from provision.operations.files import File, Files, place
from provision.operations.systemd import Unit, Units, settle
from provision.remote import source
from provision.settings.model import Settings

PROGRAM = "/usr/local/lib/harvest/watch.py"
UNIT = "harvest-watch.service"
FILE = f"/etc/systemd/system/{UNIT}"


def watchdog(settings: Settings) -> None:
    backends = [each.backend(port) for each in settings.all_instances for port in each.backend_ports]
    files = (
        File(PROGRAM, source("watchdog")),
        File(FILE, render(f"systemd/{UNIT}", program=PROGRAM, backends=backends)),
    )
    check = f"cd /etc/systemd/system; systemd-analyze verify {UNIT}"
    place("The watch over the backends", Files(files, check=check, within=("/etc/systemd/system",)))
    settle("The backends are watched", Units((Unit(UNIT, (PROGRAM, FILE)),)))
