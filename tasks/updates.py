"""Security updates: those that are pending at the first provisioning at once, all later ones by the host itself."""

from provision.engine.templates import render
from provision.operations.apt import upgrade_script
from provision.operations.files import File, Files, place
from provision.operations.run_when_newer import Applied, apply
from provision.operations.systemd import Unit, Units, settle
from provision.settings.model import Settings

CONFIGURATION = "/etc/apt/apt.conf.d/52harvest"
STEMS = ("apt-daily", "apt-daily-upgrade")


def updates(settings: Settings) -> None:
    apply("Pending updates", Applied("updated", upgrade_script()))
    place("Updates' configuration", Files((File(CONFIGURATION, render("apt/52harvest", settings=settings)),)))
    timers = tuple(Unit(f"{stem}.timer") for stem in STEMS)
    settle("Updates come by themselves", Units(timers, startable=tuple(f"{stem}.service" for stem in STEMS)))
