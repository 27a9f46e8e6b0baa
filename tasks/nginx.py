"""nginx in front of HARVEST, in nginx mode; in internal mode, nothing of it."""

from provision.engine.state import Query
from provision.operations.files import File, Files, Item, place
from provision.operations.nginx import CONF, Connections, Left, check, leave, tune
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
from provision.operations.systemd import Unit, Units, settle
from provision.settings.model import Settings
from tasks.tls import by_authority, forget, from_controller, placeholders, self_signed

CONNECTIONS = 4096


def nginx(settings: Settings) -> None:
    if settings.mode == "internal":
        place("No site of HARVEST's", Files((), check=check(MARK, ()), within=(ETC,), stale=(*OUR_OWN, KEPT)))
        tune("nginx's connections are Debian's", Connections(0))
        leave("nginx serves nobody", Left())
        forget(settings)
        return
    tune("nginx's connections", Connections(CONNECTIONS))
    self_signed(settings)
    from_controller(settings)
    serve(settings, "nginx's sites", "nginx serves them")
    if by_authority(settings):
        serve(settings, "nginx's sites with the authority's certificates", "nginx serves those")
        placeholders(settings)
    forget(settings)


def serve(settings: Settings, placed: str, served: str) -> None:
    """Put the sites that fit the certificates which are there now, and have nginx serve them."""
    items = site(settings)
    names = tuple(name for domain in settings.sites for name in settings.certificate_names(domain))
    checked = check(MARK, names if settings.site == "own" else ())
    stale = (*OUR_OWN, NOBODYS) if settings.site == "own" else OUR_OWN
    place(placed, Files(items, check=checked, within=(ETC,), stale=stale, needs=needs(settings)))
    settle(served, Units((nginx_unit(settings, items),)))


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
