"""nginx in front of HARVEST, in nginx mode."""

from provision.operations.certificates import SelfSigned, self_sign
from provision.operations.files import Absent, Directory, File, Files, Item, Link, place
from provision.operations.units import Unit, Units, settle
from provision.settings import Settings
from provision.templates import render


def web(settings: Settings) -> None:
    if settings.mode != "nginx" or settings.domain is None:
        return
    folder = f"/etc/harvest/tls/{settings.domain}"
    if settings.tls == "selfsigned":
        self_sign("Self-signed certificate", SelfSigned(folder, (settings.domain,)))
    items: list[Item] = []
    if settings.tls == "files" and settings.tls_certificate and settings.tls_key:
        items += [
            Directory(folder, 0o700),
            File(f"{folder}/cert.pem", settings.tls_certificate.read_bytes()),
            File(f"{folder}/key.pem", settings.tls_key.read_bytes(), 0o600),
        ]
    files = site_files(settings, folder)
    place("nginx's site", Files((*items, *files), check="nginx -t", within=("/etc/nginx", "/etc/harvest")))
    watched = tuple(item.path for item in (*items, *files) if isinstance(item, File))
    certificates = (f"{folder}/cert.pem",) if settings.tls != "off" else ()
    settle("nginx serves it", Units((Unit("nginx.service", (*watched, *certificates), reload=True),)))


def site_files(settings: Settings, folder: str) -> tuple[Item, ...]:
    """One file for the site, one include for the instance, one for the proxy's headers; Debian's welcome goes."""
    domain, etc = settings.domain, "/etc/nginx"
    certificate, key = f"{folder}/cert.pem", f"{folder}/key.pem"
    site = render("nginx/site.conf", settings=settings, certificate=certificate, key=key)
    return (
        File(f"{etc}/snippets/harvest-proxy.conf", render("nginx/harvest-proxy.conf", settings=settings)),
        File(f"{etc}/harvest.d/{domain}/harvest.conf", render("nginx/harvest.conf", settings=settings)),
        File(f"{etc}/sites-available/{domain}", site),
        File(f"{etc}/sites-available/00-default", render("nginx/00-default.conf", settings=settings)),
        Link(f"{etc}/sites-enabled/{domain}", f"../sites-available/{domain}"),
        Link(f"{etc}/sites-enabled/00-default", "../sites-available/00-default"),
        Absent(f"{etc}/sites-enabled/default"),
    )
