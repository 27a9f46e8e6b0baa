"""A proxy that ends TLS in front of nginx: whom this machine's nginx believes about scheme and address."""

import http.server
import subprocess
import threading
from collections.abc import Iterator
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


def said(folder: Path, pair: Path, frontend: int, changed: dict[str, Any], headers: dict[str, str]) -> str:
    """Status and words of the answer to a request by plain HTTP with these headers, from 127.0.0.1."""
    settings = settings_from(GOOD | {"frontend_port": frontend} | changed)
    write(folder, settings, host(installed()), pair)
    port = free_port()
    site = folder / "sites-available" / NAME
    lines = site.read_text().splitlines()
    plain = [line.replace("listen 80;", f"listen 127.0.0.1:{port};") for line in lines]
    site.write_text("\n".join(line for line in plain if "listen 443" not in line and "listen [" not in line))
    (folder / "sites-enabled" / "00-default").unlink()
    command = [str(NGINX), "-p", str(folder), "-c", str(folder / "nginx.conf"), "-g", "daemon off;"]
    nginx = subprocess.Popen(command)
    try:
        connected(port).close()
        url = f"http://127.0.0.1:{port}/x"
        answer = requests.get(url, headers={"Host": NAME, **headers}, timeout=10, allow_redirects=False)
        return f"{answer.status_code} {answer.headers.get('Location') or answer.text}"
    finally:
        nginx.terminate()
        nginx.wait(10)


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
    assert said(tmp_path, pair, frontend, changed, headers) == answer
