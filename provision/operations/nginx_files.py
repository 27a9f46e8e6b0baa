"""nginx's files for HARVEST, rendered: a function of the settings and of the nginx and certificates on the host.

conf.d/0-harvest.conf                   the log's format, which nginx must have read first
conf.d/harvest.conf                     what all sites share: upstreams, limits
snippets/harvest-*.conf                 what all locations share
harvest.d/<domain>/<instance>.conf      one instance's locations
sites-available/<domain>                one site, which includes them
"""

from dataclasses import dataclass
from typing import Any

from provision.engine.state import Containing, HostState
from provision.engine.templates import render
from provision.operations.app import maintenance, sources
from provision.operations.files import Directory, File, Item, Link
from provision.settings.instances import Instance
from provision.settings.model import Settings

ETC = "/etc/nginx"
MARK = "Written by deploy.py for HARVEST"
WEBROOT = "/var/www/harvest-acme"
KEPT = "/run/nginx-harvest"
"""Where nginx keeps the page's frame."""
TLS = "/etc/harvest/tls"
OUR_OWN = (
    f"{ETC}/conf.d/* :: {MARK}",
    Containing(f"{ETC}/modules-enabled/*", MARK),
    Containing(f"{ETC}/snippets/*", MARK),
    Containing(f"{ETC}/sites-available/*", MARK),
    Containing(f"{ETC}/sites-enabled/*", MARK),
    f"{ETC}/harvest.d",
    f"{ETC}/harvest.d/*",
    f"{ETC}/harvest.d/*/*",
)
"""Patterns of everything that we ever put below /etc/nginx, to find what is no longer wanted."""

NOBODYS = Containing(f"{ETC}/sites-enabled/default", "server_name _;")
"""Debian's page for those who ask for no name: our 00-default takes its place. Edited for a name, it is somebody's."""

HUNG_S = 20
"""With several backends: seconds after which a read that got no answer is asked of another one."""

PAGES = {
    "busy": ("Too many requests", "Please wait a few seconds and try again."),
    "down": (
        "HARVEST does not answer",
        "It is being restarted, or it is in trouble. Please try again in a minute.",
    ),
    "large": ("The file is too large", "HARVEST takes files of at most {max_upload_mb} MiB."),
    "maintenance": (maintenance.TITLE, "It will be back soon; nothing of yours is lost."),
    "missing": ("There is nothing here", "Please check the address."),
}


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, PEM, on the host."""

    certificate: str
    key: str


def nginx_version(have: HostState) -> tuple[int, ...]:
    """The installed nginx's version; the oldest that we support where it is yet to be installed."""
    found = have.packages.get("nginx", "1.18.0").partition("-")[0]
    return tuple(int(part) for part in found.split(".") if part.isdigit())


def live(domain: str) -> Pair:
    """Where certbot keeps what the authority gave."""
    folder = f"/etc/letsencrypt/live/{domain}"
    return Pair(f"{folder}/fullchain.pem", f"{folder}/privkey.pem")


def pair_for(settings: Settings, domain: str, have: HostState | None = None) -> Pair:
    """What the site's `ssl_certificate` names: with letsencrypt, what the authority gave as soon as it gave it."""
    given = live(domain)
    found = have.certificates[given.certificate] if have else None
    if settings.tls == "letsencrypt" and found and found.names and found.fits:
        return given
    return Pair(f"{TLS}/{domain}/cert.pem", f"{TLS}/{domain}/key.pem")


def listen(what: str, version: tuple[int, ...], ipv6: bool) -> str:
    """The listen lines for "443 ssl" or "80": both families, and HTTP/2 as this nginx wants it said (1.25.1)."""
    flag = " http2" if what.startswith("443") and version < (1, 25, 1) else ""
    lines = [f"    listen {what}{flag};"]
    if ipv6:
        lines += [f"    listen [::]:{what}{flag};"]
    if what.startswith("443") and not flag:
        lines += ["    http2 on;"]
    return "\n".join(lines)


def _site(settings: Settings, template: str, page: str, **values: Any) -> Any:
    """A file's content that waits for the host's state; its certificate is that of the page's name."""

    def content(have: HostState) -> str:
        version = nginx_version(have)
        pair = pair_for(settings, page, have)
        return render(
            f"nginx/{template}",
            settings=settings,
            version=version,
            listen=lambda what: listen(what, version, have.system.ipv6),
            certificate=pair.certificate,
            key=pair.key,
            webroot=WEBROOT,
            maintenance=maintenance,
            **values,
        )

    return content


def bucket_size(settings: Settings) -> int:
    """server_names_hash_bucket_size where the longest name needs more than nginx's 64 bytes, which hold 47; else 0."""
    names = [name for domain in settings.sites for name in settings.certificate_names(domain)]
    longest = max(map(len, names), default=0)
    if settings.site == "beside" or longest < 47:
        return 0
    return next(size for size in (128, 256, 512) if longest + 32 <= size)


def shared_files(settings: Settings) -> list[Item]:
    """What every site and instance needs."""
    values = {"settings": settings, "instances": settings.all_instances, "hung_s": HUNG_S, "kept": KEPT}
    values |= {"bucket": bucket_size(settings)}
    items: list[Item] = [
        File(f"{ETC}/conf.d/0-harvest.conf", render("nginx/0-harvest.conf")),
        File(f"{ETC}/conf.d/harvest.conf", render("nginx/harvest-http.conf", **values)),
        File(f"{ETC}/modules-enabled/90-harvest.conf", render("nginx/harvest-main.conf")),
    ]
    for name in ("answer", "frame", "proxy", "tls", "upstream"):
        items += [File(f"{ETC}/snippets/harvest-{name}.conf", render(f"nginx/harvest-{name}.conf", **values))]
    folder = f"{ETC}/harvest.d/pages"
    items += [Directory(folder)]
    for name, (title, words) in PAGES.items():
        said = words.format(max_upload_mb=settings.max_upload_mb)
        items += [
            File(f"{folder}/{name}.html", render("nginx/pages/_page", title=title, words=said)),
            File(f"{folder}/{name}.json", f'{{"ok": false, "error": "{title}. {said}"}}\n'),
        ]
    return items


def instance_files(settings: Settings, each: Instance) -> list[Item]:
    """One instance's locations, and its API's where that has a name of its own."""
    values = {"settings": settings, "each": each, "hung_s": HUNG_S}
    values |= {"native": sources.native(each), "published": sources.publishes_api(each)}
    values |= {"maintenance": maintenance}
    base = each.base_path
    include = render("nginx/include.conf", api=f"{base}api/", pages=f"{base}_harvest/", **values)
    items: list[Item] = [File(f"{ETC}/harvest.d/{each.domain}/{each.name}.conf", include)]
    if each.api_domain:
        api = render("nginx/api.conf", api="/api/", pages="/_harvest/", **values)
        items += [File(f"{ETC}/harvest.d/{each.api_domain}/{each.name}.conf", api)]
    return items


def site_files(settings: Settings) -> list[Item]:
    """The sites, and the one that answers for no name; none where the domain is another's."""
    if settings.site == "beside":
        return []
    items: list[Item] = []
    for domain, instances in settings.sites.items():
        rooted = any(each.base_path == "/" for each in instances)
        items += _enabled(domain, _site(settings, "site.conf", domain, domain=domain, rooted=rooted))
        aliases = settings.aliases(domain)
        for name in aliases:
            items += _enabled(name, _site(settings, "alias.conf", domain, domain=name, to=domain))
        for name in settings.certificate_names(domain)[1:]:
            if name in aliases:
                continue
            items += _enabled(name, _site(settings, "site.conf", domain, domain=name, rooted=False))
    first = next(iter(settings.sites))
    return [*items, *_enabled("00-default", _site(settings, "00-default.conf", first))]


def _enabled(name: str, content: Any) -> list[Item]:
    return [
        File(f"{ETC}/sites-available/{name}", content),
        Link(f"{ETC}/sites-enabled/{name}", f"../sites-available/{name}"),
    ]
