"""nginx in front of HARVEST, in nginx mode; in internal mode, nothing of it."""

from provision.facts.host_state import Query
from provision.operations.certificates import SelfSigned, self_sign
from provision.operations.files import Absent, Directory, File, Files, Item, place
from provision.operations.nginx import CONF, Connections, Left, check, leave, tune
from provision.operations.units import Unit, Units, settle
from provision.settings import Settings
from provision.sites import ETC, MARK, OUR_OWN, instance_files, pair_for, shared_files, site_files

CONNECTIONS = 4096
TLS = "/etc/harvest/tls"


def web(settings: Settings) -> None:
    if settings.mode == "internal":
        place("No site of HARVEST's", Files((), check=check(MARK, ()), within=(ETC,), stale=(*OUR_OWN, TLS)))
        tune("nginx's connections are Debian's", Connections(0))
        leave("nginx serves nobody", Left())
        return
    tune("nginx's connections", Connections(CONNECTIONS))
    certificates(settings)
    items = site(settings)
    names = tuple(name for domain in settings.sites for name in settings.certificate_names(domain))
    place(
        "nginx's sites",
        Files(
            items,
            check=check(MARK, names if settings.site == "own" else ()),
            within=(ETC,),
            stale=(*OUR_OWN, f"{TLS}/*"),
            needs=needs(settings),
        ),
    )
    settle("nginx serves them", Units((nginx(settings, items),)))


def certificates(settings: Settings) -> None:
    """Self-signed ones, made on the host."""
    if settings.tls != "selfsigned" or settings.site == "beside":
        return
    for domain in settings.sites:
        names = settings.certificate_names(domain)
        self_sign(f"Self-signed certificate for {domain}", SelfSigned(f"{TLS}/{domain}", names))


def site(settings: Settings) -> tuple[Item, ...]:
    """Everything below /etc/nginx, and the certificates that come from the controller."""
    items: list[Item] = [*shared_files(settings)]
    for each in settings.all_instances:
        items += instance_files(settings, each)
    if settings.site == "own":
        items += [*site_files(settings), Absent(f"{ETC}/sites-enabled/default")]
        for domain in settings.sites:
            items += own_certificate(settings, domain)
    return tuple(items)


def own_certificate(settings: Settings, domain: str) -> list[Item]:
    """The site's folder of certificates; with tls = files, filled from the controller."""
    if settings.tls == "off":
        return []
    items: list[Item] = [Directory(f"{TLS}/{domain}", 0o700)]
    if settings.tls == "files" and settings.tls_certificate and settings.tls_key:
        pair = pair_for(settings, domain)
        items += [
            File(pair.certificate, settings.tls_certificate.read_bytes()),
            File(pair.key, settings.tls_key.read_bytes(), 0o600),
        ]
    return items


def needs(settings: Settings) -> Query:
    """What the sites' contents depend on."""
    live = {f"/etc/letsencrypt/live/{domain}/fullchain.pem" for domain in settings.sites}
    return Query(packages={"nginx"}, certificates=live)


def nginx(settings: Settings, items: tuple[Item, ...]) -> Unit:
    """nginx, reloaded when one of its files is newer than what it runs. Folders show what was removed."""
    files = [item.path for item in items if isinstance(item, File)]
    folders = [f"{ETC}/{name}" for name in ("sites-enabled", "conf.d", "modules-enabled")]
    pairs = [pair_for(settings, domain) for domain in settings.sites if settings.tls != "off"]
    certificates = [path for pair in pairs for path in (pair.certificate, pair.key)]
    return Unit("nginx.service", (CONF, *files, *folders, *certificates), reload=True)
