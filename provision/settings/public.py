"""What browsers call a HARVEST that a proxy or load balancer stands in front of."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from provision.settings.model import Settings


def parts(settings: "Settings") -> tuple[str, str]:
    """public_url as origin and path."""
    scheme, _, rest = (settings.public_url or "").partition("://")
    place, _, path = rest.partition("/")
    return f"{scheme}://{place}", f"/{path}"


def origin_for(settings: "Settings", domain: str | None) -> str:
    """The origin that a proxy in front gives the site of `domain`; "" where none does."""
    if settings.public_url:
        origin = parts(settings)[0]
        if settings.mode == "internal" or origin.partition("://")[2].partition(":")[0] == domain:
            return origin
    behind = settings.behind_proxy and settings.mode == "nginx" and domain
    return f"https://{domain}" if behind else ""


def check(settings: "Settings") -> None:
    """The public address is one under which HARVEST answers."""
    if settings.public_url is None:
        return
    origin, path = parts(settings)
    name = origin.partition("://")[2].partition(":")[0]
    domains = sorted({each.domain for each in settings.all_instances if each.domain})
    if path not in ("/", *(each.base_path for each in settings.all_instances)):
        raise ValueError(f"public_url: has the path {path}; write none, base_path says it")
    if settings.mode == "nginx" and name not in domains:
        raise ValueError(
            f"public_url: names {name}, but nginx answers for {', '.join(domains)}; set domain to the name that "
            "browsers use, and have the proxy pass it on (Host)"
        )
    own_tls = settings.site == "own" and settings.tls != "off"
    if settings.mode == "nginx" and own_tls and not settings.behind_proxy:
        raise ValueError(
            "behind_proxy: is not set; with public_url and TLS on this host too, name the proxy's addresses: what "
            "it asks by plain HTTP is else sent back to https:// for ever"
        )
