"""HARVEST answers, on each port and name that a browser uses."""

from provision.operations.app import readiness, sources
from provision.operations.app.readiness import Ready
from provision.settings.instances import Instance
from provision.settings.model import Settings

CHOICES = ("entity_types", "relation_types")


def wait(settings: Settings) -> None:
    urls = tuple(url for each in settings.all_instances for url in (*inside(each), *outside(each)))
    units = tuple(f"{stem}.service" for each in settings.all_instances for stem in each.stems)
    readiness.wait("Wait until HARVEST answers", Ready(urls, units, hint(settings)))


def hint(settings: Settings) -> str:
    """Next to another site: the server block that owns the name must include HARVEST."""
    if settings.mode == "internal" or settings.site == "own":
        return ""
    lines = " and ".join(f"`include /etc/nginx/harvest.d/{domain}/*.conf;`" for domain in settings.sites)
    return f'site = "beside": does the other site\'s server block say {lines}? Then: nginx -t && systemctl reload nginx'


def inside(instance: Instance) -> list[tuple[str, tuple[str, ...]]]:
    """The services' own ports."""
    native = sources.native(instance)
    base = instance.base_path if native else "/"  # nginx takes it off for upstream's
    urls: list[tuple[str, tuple[str, ...]]] = [
        (f"http://127.0.0.1:{instance.frontend_port}{base}_dash-layout", ())
    ]
    for port in {*instance.backend_ports, instance.api_port}:
        if native:  # upstream's backend knows no such question, and is ready when it can answer the next
            urls.append((f"http://127.0.0.1:{port}/api/ready", ()))
        urls.append((f"http://127.0.0.1:{port}/api/choices", CHOICES))
    return urls


def outside(instance: Instance) -> list[tuple[str, tuple[str, ...]]]:
    """nginx's doors, under the names that browsers use."""
    if instance.mode == "internal":
        return []
    api = [(f"{instance.inner_api_url}/api/choices", CHOICES)] if sources.publishes_api(instance) else []
    return [(f"{instance.inner_url('')}_dash-layout", ()), *api]
