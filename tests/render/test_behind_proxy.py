"""A proxy that ends TLS in front of nginx: whom this machine's nginx believes about scheme and address."""

import http.server
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from provision.settings.model import settings_from
from tests.render.test_nginx import NGINX, host, installed, pair, write
from tests.render.test_versions import connected, free_port
from tests.unit.examples import GOOD

__all__ = ["pair"]
NAME = "harvest.example.org"


class Echo(http.server.BaseHTTPRequestHandler):
    """HARVEST's frontend: says back what nginx told it."""

    def do_GET(self) -> None:
        body = f"{self.headers['X-Forwarded-Proto']} {self.headers['X-Forwarded-For']}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def frontend() -> Iterator[int]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


BESIDE = """server {{
    listen 127.0.0.1:{port};
    location = /theirs {{ return 200 $remote_addr; }}
    include {folder}/harvest.d/harvest.example.org/*.conf;
}}
"""


@contextmanager
def served(folder: Path, pair: Path, frontend: int, changed: dict[str, Any]) -> Iterator[str]:
    """The settings' nginx, as a URL by plain HTTP."""
    settings = settings_from(GOOD | {"frontend_port": frontend} | changed)
    write(folder, settings, host(installed()), pair)
    port = free_port()
    if settings.site == "beside":
        (folder / "sites-enabled").mkdir()
        (folder / "sites-enabled/other").write_text(BESIDE.format(port=port, folder=folder))
    else:
        site = folder / "sites-available" / NAME
        plain = [
            line.replace("listen 80;", f"listen 127.0.0.1:{port};") for line in site.read_text().splitlines()
        ]
        site.write_text(
            "\n".join(line for line in plain if "listen 443" not in line and "listen [" not in line)
        )
        (folder / "sites-enabled" / "00-default").unlink()
    command = [str(NGINX), "-p", str(folder), "-c", str(folder / "nginx.conf"), "-g", "daemon off;"]
    nginx = subprocess.Popen(command)
    try:
        connected(port).close()
        yield f"http://127.0.0.1:{port}"
    finally:
        nginx.terminate()
        nginx.wait(10)


def said(url: str, headers: dict[str, str]) -> str:
    """Status and words of the answer to a request with these headers, from 127.0.0.1."""
    answer = requests.get(url, headers={"Host": NAME, **headers}, timeout=10, allow_redirects=False)
    return f"{answer.status_code} {answer.headers.get('Location') or answer.text}"


BY_PROXY = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "198.51.100.9, 203.0.113.5"}


@pytest.mark.skipif(NGINX is None, reason="no nginx on this machine")
@pytest.mark.parametrize(
    ("changed", "headers", "answer"),
    [
        ({"tls": "off", "behind_proxy": ["127.0.0.0/8"]}, BY_PROXY, "200 https 203.0.113.5"),
        ({"tls": "off", "behind_proxy": ["10.0.0.1"]}, BY_PROXY, "200 http 127.0.0.1"),
        ({"tls": "off"}, BY_PROXY, "200 http 127.0.0.1"),
        ({"behind_proxy": ["127.0.0.1"]}, BY_PROXY, "200 https 203.0.113.5"),
        ({"behind_proxy": ["127.0.0.1"]}, {"X-Forwarded-Proto": "http"}, f"301 https://{NAME}/x"),
        ({"behind_proxy": ["10.0.0.1"]}, BY_PROXY, f"301 https://{NAME}/x"),
    ],
)
def test_scheme_and_address_are_taken_from_the_proxy_only(
    changed: dict[str, Any], headers: dict[str, str], answer: str, tmp_path: Path, pair: Path, frontend: int
) -> None:
    with served(tmp_path, pair, frontend, changed) as url:
        assert said(f"{url}/x", headers) == answer


@pytest.mark.skipif(NGINX is None, reason="no nginx on this machine")
def test_next_to_another_site_only_our_paths_believe_the_proxy(
    tmp_path: Path, pair: Path, frontend: int
) -> None:
    changed = {"site": "beside", "tls": "off", "base_path": "/harvest/", "behind_proxy": ["127.0.0.1"]}
    with served(tmp_path, pair, frontend, changed) as url:
        assert said(f"{url}/harvest/x", BY_PROXY) == "200 https 203.0.113.5"
        assert said(f"{url}/theirs", BY_PROXY) == "200 127.0.0.1"
        # One client behind the proxy that is turned away does not shut out the next.

        def passes(client: str) -> bool:
            """Whether an attempt to sign in comes as far as the frontend, which takes none here."""
            headers = {"Host": NAME, "X-Forwarded-For": client}
            return requests.post(f"{url}/harvest/login", headers=headers, timeout=10).status_code == 501

        assert not all(passes("203.0.113.5") for _ in range(80))
        assert passes("203.0.113.6")
