"""Name resolution: by DNS only, never by LLMNR or multicast DNS."""

from provision.engine.templates import render
from provision.operations import run_when_newer
from provision.operations.files import File, Item
from provision.operations.run_when_newer import Script
from provision.settings.model import Settings

RESOLVED = "/etc/systemd/resolved.conf.d/harvest.conf"
RESTART = "systemctl -q is-active systemd-resolved && systemctl restart systemd-resolved || true"


def items(settings: Settings) -> tuple[Item, ...]:
    return (File(RESOLVED, render("system/resolved.conf", settings=settings)),)


def apply() -> None:
    """After its file is installed."""
    run_when_newer.run("Disable LLMNR and mDNS", Script("resolved", RESTART, (RESOLVED,)))
