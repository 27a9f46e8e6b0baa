"""HARVEST itself: its user, its release, its configuration, its units."""

from pathlib import Path

from provision.artifact import pack
from provision.operations.accounts import Account, ensure
from provision.operations.files import Directory, File, Files, place
from provision.operations.release import Release, deploy
from provision.operations.secrets import KeptSecret, keep
from provision.operations.units import Unit, Units, settle
from provision.settings import Settings
from provision.templates import render

APP = Path(__file__).parents[1] / "app"
WORKERS = 2
ENVIRONMENT = "/etc/harvest/harvest.env"
SECRET = "/etc/harvest/secret_key"  # noqa: S105 - a path
READ_AT_START = (ENVIRONMENT, SECRET, "/opt/harvest/harvest", "/opt/harvest/venv")


def application(settings: Settings) -> None:
    ensure("Service user", Account("harvest", "/var/lib/harvest", "/usr/sbin/nologin", system=True))
    deploy("HARVEST's release", Release("/opt/harvest", pack(APP), (APP / "requirements.txt").read_text()))
    place("HARVEST's configuration", Files(configuration(settings)))
    keep("HARVEST's secret key", KeptSecret(SECRET, "harvest"))
    place("HARVEST's units", unit_files(settings))
    settle("HARVEST runs", units(settings))


def configuration(settings: Settings) -> tuple[Directory, File]:
    environment = render("harvest/harvest.env", settings=settings)
    return (
        Directory("/etc/harvest", 0o750, "root", "harvest"),
        File(ENVIRONMENT, environment, 0o640, "root", "harvest"),
    )


def unit_files(settings: Settings) -> Files:
    names = (
        "harvest-backend@.socket",
        "harvest-backend@.service",
        "harvest-frontend.socket",
        "harvest-frontend.service",
    )
    files = tuple(
        File(f"/etc/systemd/system/{name}", render(f"systemd/{name}", settings=settings, workers=WORKERS))
        for name in names
    )
    # An instance is named for the check: a template alone is not a unit.
    backend = f"harvest-backend@{settings.backend_ports[0]}.service"
    check = f"cd /etc/systemd/system; systemd-analyze verify harvest-frontend.service {backend}"
    return Files(files, check=check, within=("/etc/systemd/system",))


def units(settings: Settings) -> Units:
    running: list[Unit] = []
    for stem in (*(f"harvest-backend@{port}" for port in settings.backend_ports), "harvest-frontend"):
        file = "/etc/systemd/system/" + (stem if "@" not in stem else "harvest-backend@")
        running += [
            Unit(f"{stem}.socket", (f"{file}.socket",)),
            Unit(f"{stem}.service", (f"{file}.service", *READ_AT_START)),
        ]
    return Units(tuple(running))
