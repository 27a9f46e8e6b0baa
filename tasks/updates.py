"""Security updates: those that are pending at the first provisioning at once, all later ones by the host itself."""

from provision.engine.templates import render
from provision.operations import files, run_when_newer, systemd
from provision.operations.apt import upgrade_script
from provision.operations.files import File, Files
from provision.operations.run_when_newer import Script
from provision.operations.systemd import Unit, Units
from provision.settings.model import Settings

CONFIGURATION = "/etc/apt/apt.conf.d/52harvest"
STEMS = ("apt-daily", "apt-daily-upgrade")


def configure(settings: Settings) -> None:
    run_when_newer.run("Install pending updates", Script("updated", upgrade_script()))
    files.put(
        "Configure unattended-upgrades",
        Files((File(CONFIGURATION, render("apt/52harvest", settings=settings)),)),
    )
    timers = tuple(Unit(f"{stem}.timer") for stem in STEMS)
    systemd.running(
        "Start unattended upgrades", Units(timers, startable=tuple(f"{stem}.service" for stem in STEMS))
    )
