"""What browsers call a HARVEST that a proxy or load balancer stands in front of."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from provision.settings.model import Settings


def parts(public_url: str) -> tuple[str, str]:
    """public_url as origin and path."""
    scheme, _, rest = public_url.partition("://")
    place, _, path = rest.partition("/")
    return f"{scheme}://{place}", f"/{path}"


def name_of(public_url: str) -> str:
    """The name that browsers use."""
    return parts(public_url)[0].partition("://")[2].partition(":")[0]


def origin_for(settings: "Settings", public_url: str | None, domain: str | None) -> str:
    """The origin that a proxy in front gives the instance with this public_url and domain; "" where none does.

    The host's public_url is every instance's that sets none, but in nginx mode of those alone that have its name.
    """
    if public_url and (settings.mode == "internal" or name_of(public_url) == domain):
        return parts(public_url)[0]
    behind = settings.behind_proxy and settings.mode == "nginx" and domain
    return f"https://{domain}" if behind else ""


def check(settings: "Settings") -> None:
    """The public addresses are such under which HARVEST answers."""
    every = settings.all_instances
    if settings.public_url:
        paths, domains = {each.base_path for each in every}, {each.domain for each in every if each.domain}
        _check_one(settings, settings.public_url, paths, domains)
    for each in every:
        if each.public_url and each.public_url != settings.public_url:
            _check_one(settings, each.public_url, {each.base_path}, {each.domain} if each.domain else set())


def _check_one(settings: "Settings", public_url: str, paths: set[str], domains: set[str]) -> None:
    path, name = parts(public_url)[1], name_of(public_url)
    if path not in ("/", *paths):
        raise ValueError(f"public_url: has the path {path}; write none, base_path says it")
    if settings.mode == "nginx" and name not in domains:
        raise ValueError(
            f"public_url: names {name}, but nginx answers for {', '.join(sorted(domains))}; set domain to the name "
            "that browsers use, and have the proxy pass it on (Host)"
        )
    own_tls = settings.site == "own" and settings.tls != "off"
    if settings.mode == "nginx" and own_tls and not settings.behind_proxy:
        raise ValueError(
            "behind_proxy: is not set; with public_url and TLS on this host too, name the proxy's addresses: what "
            "it asks by plain HTTP is else sent back to https:// for ever"
        )
