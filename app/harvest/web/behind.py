"""A proxy that ends TLS in front of the frontend itself: its X-Forwarded headers count, and only its."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable
from typing import Any

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
FORWARDED = (
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_PROTO",
    "HTTP_X_FORWARDED_SSL",
    "HTTP_X_FORWARDED_HOST",
)


def address_of(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """An address as a proxy writes it; IPv4 that came in through an IPv6 socket is IPv4."""
    try:
        found = ipaddress.ip_address(text.strip().strip("[]"))
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


class BehindProxy:
    """WSGI middleware: scheme and client address are what one of `proxies` says; of others, what the socket says."""

    def __init__(self, app: Callable[..., Iterable[bytes]], proxies: tuple[Network, ...]) -> None:
        self.app, self.proxies = app, proxies

    def trusted(self, text: str) -> bool:
        found = address_of(text)
        return found is not None and any(found in network for network in self.proxies)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        said = {name: environ.pop(name, "") for name in FORWARDED}
        if self.trusted(environ.get("REMOTE_ADDR", "")):
            # The last address that is no proxy's: what stands before it, the client may have made up.
            for hop in reversed(said["HTTP_X_FORWARDED_FOR"].split(",")):
                if address_of(hop) is None:
                    break
                environ["REMOTE_ADDR"] = str(address_of(hop))
                if not self.trusted(hop):
                    break
            scheme = said["HTTP_X_FORWARDED_PROTO"].rpartition(",")[2].strip().lower()
            if scheme in ("http", "https"):
                environ["wsgi.url_scheme"] = scheme
        return self.app(environ, start_response)
