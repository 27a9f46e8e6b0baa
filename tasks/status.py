"""What operate/status.py looks at: every HARVEST of a host, and the host under it."""

from pyinfra.api.host import Host

from provision.operations.app.status import Place, Whole
from provision.operations.nginx_files import live, pair_for
from provision.settings.instances import Instance
from provision.settings.model import Settings
from tasks.application import service, units
from tasks.tls import own


def whole(host: Host, settings: Settings) -> Whole:
    name = str(host.data.get("ssh_hostname") or host.name)
    return Whole(
        tuple(
            Place(service(settings, each), running(each), each.url(name)) for each in settings.all_instances
        ),
        tuple((site, certificate(settings, site)) for site in own(settings) if settings.tls != "off"),
        settings.reboot_after_updates,
    )


def running(instance: Instance) -> tuple[str, ...]:
    """The units that run all the time: those of deploy, but a migration that is over is not kept as such."""
    return tuple(unit.name for unit in units(instance).running if not unit.static)


def certificate(settings: Settings, site: str) -> str:
    """Where nginx finds it; with Let's Encrypt as soon as there is one."""
    if settings.tls == "letsencrypt":
        return live(site).certificate
    return pair_for(settings, site).certificate
