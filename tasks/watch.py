"""A backend that hangs is ended, and systemd starts it anew."""

from pathlib import Path

import provision
from provision.operations.files import File, Files, place
from provision.operations.units import Unit, Units, settle
from provision.settings import Settings
from provision.templates import render

PROGRAM = "/usr/local/lib/harvest/watch.py"
UNIT = "harvest-watch.service"
FILE = f"/etc/systemd/system/{UNIT}"


def watch(settings: Settings) -> None:
    backends = [each.backend(port) for each in settings.all_instances for port in each.backend_ports]
    code = (Path(provision.__path__[0]) / "watch.py").read_text()
    files = (
        File(PROGRAM, code),
        File(FILE, render(f"systemd/{UNIT}", program=PROGRAM, backends=backends)),
    )
    check = f"cd /etc/systemd/system; systemd-analyze verify {UNIT}"
    place("The watch over the backends", Files(files, check=check, within=("/etc/systemd/system",)))
    settle("The backends are watched", Units((Unit(UNIT, (PROGRAM, FILE)),)))
