"""nginx in front of HARVEST, in nginx mode; in internal mode, nothing of it."""

from provision.engine.state import Query
from provision.operations import files, nginx, systemd
from provision.operations.files import File, Files, Item
from provision.operations.nginx import CONF, Connections, Included, Loaded, Stopped, check
from provision.operations.nginx_files import (
    ETC,
    KEPT,
    MARK,
    NOBODYS,
    OUR_OWN,
    instance_files,
    live,
    pair_for,
    shared_files,
    site_files,
)
from provision.operations.systemd import Unit, Units
from provision.settings.model import Settings
from tasks.tls import by_authority, forget, from_controller, placeholders, renewals, self_signed

CONNECTIONS = 4096


def configure(settings: Settings) -> None:
    if settings.mode == "internal":
        files.put(
            "Remove HARVEST's nginx configuration",
            Files((), check=check(MARK, ()), within=(ETC,), stale=(*OUR_OWN, KEPT)),
        )
        nginx.worker_connections("Restore Debian's worker_connections", Connections(0))
        nginx.stop("Stop nginx", Stopped())
        forget(settings)
        return
    require(settings)  # it may have come with this run
    nginx.worker_connections("Set worker_connections", Connections(CONNECTIONS))
    renewals(settings)
    self_signed(settings)
    from_controller(settings)
    serve(settings, "Configure nginx sites", "Reload nginx")
    if by_authority(settings):
        serve(
            settings,
            "Configure nginx sites with the issued certificates",
            "Reload nginx with the issued certificates",
        )
        placeholders(settings)
    forget(settings)
    nginx.verify("Check the loaded nginx configuration", Loaded(MARK, our_names(settings)))


def require(settings: Settings) -> None:
    """Refuse an nginx that would not read our files, before any file is changed."""
    if settings.mode == "nginx":
        sites = [f"{ETC}/sites-enabled/{domain}" for domain in settings.sites if settings.site == "own"]
        nginx.require_included(
            "Check that nginx includes its sites", Included((f"{ETC}/conf.d/harvest.conf", *sites))
        )


def our_names(settings: Settings) -> tuple[str, ...]:
    """The DNS names that are ours alone."""
    names = tuple(name for domain in settings.sites for name in settings.certificate_names(domain))
    return names if settings.site == "own" else ()


def serve(settings: Settings, placed: str, served: str) -> None:
    """Put the sites that fit the certificates which are there now, and have nginx serve them."""
    items = site(settings)
    checked = check(MARK, our_names(settings))
    stale = (*OUR_OWN, NOBODYS) if settings.site == "own" else OUR_OWN
    files.put(placed, Files(items, check=checked, within=(ETC,), stale=stale, needs=needs(settings)))
    systemd.running(served, Units((nginx_unit(settings, items),)))


def site(settings: Settings) -> tuple[Item, ...]:
    """Everything below /etc/nginx."""
    items: list[Item] = [*shared_files(settings)]
    for each in settings.all_instances:
        items += instance_files(settings, each)
    if settings.site == "own":
        items += site_files(settings)
    return tuple(items)


def needs(settings: Settings) -> Query:
    """What the sites' contents depend on."""
    return Query(packages={"nginx"}, certificates={live(domain).certificate for domain in settings.sites})


def nginx_unit(settings: Settings, items: tuple[Item, ...]) -> Unit:
    """nginx, reloaded when one of its files is newer than what it runs. Folders show what was removed."""
    files = [item.path for item in items if isinstance(item, File)]
    folders = [f"{ETC}/{name}" for name in ("sites-enabled", "conf.d", "modules-enabled")]
    pairs = [pair for domain in settings.sites for pair in (pair_for(settings, domain), live(domain))]
    certificates = [path for pair in pairs if settings.tls != "off" for path in (pair.certificate, pair.key)]
    return Unit("nginx.service", (CONF, *files, *folders, *certificates), reload=True)
