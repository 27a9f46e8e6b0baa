"""The sites as each nginx wants them said: Ubuntu's 1.18, 1.24 and 1.28, Debian's 1.22 and 1.26."""

import re
import socket
import ssl
import subprocess
import time
from pathlib import Path

import pytest

from provision.operations.files import File
from provision.settings.model import settings_from
from tasks.nginx import site
from tests.render.test_nginx import NGINX, host, pair, write
from tests.unit.examples import GOOD

__all__ = ["pair"]


def sites(version: str) -> dict[str, str]:
    """The files of sites-available by name."""
    settings = settings_from(GOOD | {"api_domain": "api.example.org"})
    return {
        item.path.rpartition("/")[2]: item.resolved(host(version)).data.decode()
        for item in site(settings)
        if isinstance(item, File) and "/sites-available/" in item.path
    }


@pytest.mark.parametrize("version", ["1.18.0-1", "1.22.1-1", "1.24.0-1", "1.26.3-1", "1.28.0-1"])
def test_every_tls_server_speaks_http2_in_this_nginx_syntax(version: str) -> None:
    old = version < "1.25"
    found = sites(version)
    assert set(found) == {"00-default", "harvest.example.org", "api.example.org"}
    for name, text in found.items():
        for server in text.split("\nserver {")[1:]:
            lines = re.findall(r"listen .*443 ssl.*;", server)
            assert len(lines) in (0, 2), name  # IPv4 and IPv6
            assert all(("http2" in line) == old for line in lines), lines
            assert ("http2 on;" in server) == (bool(lines) and not old)


@pytest.mark.parametrize(
    ("version", "refuses"), [("1.18.0-1", False), ("1.22.1-1", True), ("1.28.0-1", True)]
)
def test_an_unknown_name_gets_no_handshake_where_this_nginx_can_refuse_it(
    version: str, refuses: bool
) -> None:
    default = sites(version)["00-default"]
    assert ("ssl_reject_handshake on;" in default) == refuses
    assert ("ssl_certificate " in default) == (not refuses)
    assert "return 444;" in default


@pytest.mark.skipif(NGINX is None, reason="no nginx on this machine")
@pytest.mark.parametrize("version", ["1.18.0-1", "1.22.1-1"])
def test_an_unknown_name_learns_no_name_from_a_handshake(version: str, tmp_path: Path, pair: Path) -> None:
    """nginx 1.18 has no word for it: what stands there instead is tried with this machine's nginx."""
    write(tmp_path, settings_from(GOOD), host(version), pair)
    port = free_port()
    for file in (tmp_path / "sites-available").iterdir():
        lines = [line for line in file.read_text().splitlines() if not re.search(r"listen (\[::\]|80)", line)]
        file.write_text("\n".join(lines).replace("listen 443 ", f"listen 127.0.0.1:{port} "))
    command = [str(NGINX), "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf"), "-g", "daemon off;"]
    nginx = subprocess.Popen(command)
    try:
        for name, served in (("harvest.example.org", True), ("unknown.example.org", False), (None, False)):
            assert handshake(port, name) == served, name
    finally:
        nginx.terminate()
        nginx.wait(10)


@pytest.mark.skipif(NGINX is None, reason="no nginx on this machine")
def test_who_names_no_host_is_waited_for_15_seconds_and_not_60(tmp_path: Path, pair: Path) -> None:
    write(tmp_path, settings_from(GOOD), host("1.22.1-1"), pair)
    port = free_port()
    for file in (tmp_path / "sites-available").iterdir():
        lines = [
            line for line in file.read_text().splitlines() if not re.search(r"listen (\[::\]|443)", line)
        ]
        text = "\n".join(lines).replace("listen 80", f"listen 127.0.0.1:{port}").replace(" 15s;", " 1s;")
        file.write_text(text)
    command = [str(NGINX), "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf"), "-g", "daemon off;"]
    nginx = subprocess.Popen(command)
    try:
        with connected(port) as slow:
            slow.sendall(b"GET / HTTP/1.1\r\n")
            assert slow.recv(1) == b"", "closed without a word"
    finally:
        nginx.terminate()
        nginx.wait(10)


def free_port() -> int:
    """A port of this machine that nobody has."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def connected(port: int) -> socket.socket:
    """A connection to nginx, which is starting."""
    deadline = time.monotonic() + 10
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=5)
        except ConnectionRefusedError:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def handshake(port: int, name: str | None) -> bool:
    """Whether TLS comes about with somebody who asks for `name`."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with connected(port) as plain, context.wrap_socket(plain, server_hostname=name):
            return True
    except ssl.SSLError:
        return False
