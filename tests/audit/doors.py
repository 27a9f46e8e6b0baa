"""Requests to a host's address under its site's name: DNS need not point there yet; TLS is told the name."""

from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from provision.settings.instances import in_url


class Named(HTTPAdapter):
    """TLS as if the address were `name`; the certificate is looked at elsewhere."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__()

    def init_poolmanager(self, *words: Any, **options: Any) -> None:
        super().init_poolmanager(*words, server_hostname=self.name, assert_hostname=False, **options)  # type: ignore[no-untyped-call]


def get(address: str, url: str, **headers: str) -> requests.Response:
    """GET `url`, asked of `address`; redirects are not followed."""
    place = urlsplit(url)
    name = place.hostname or address
    session = requests.Session()
    session.trust_env = False  # REQUESTS_CA_BUNDLE would have it verify all the same
    session.mount("https://", Named(name))
    port = f":{place.port}" if place.port else ""
    at = place._replace(netloc=in_url(address) + port).geturl()
    headers = {"Host": in_url(name), **headers}
    return session.get(at, headers=headers, timeout=20, verify=False, allow_redirects=False)
