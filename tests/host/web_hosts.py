"""What the tests of the web tier share: changing a lab host's settings, deploying, looking at what is served."""

import hashlib
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from cryptography import x509

from lab import hosts
from tests.host.runs import Run, deploy


def converge(host: hosts.Host, **settings: Any) -> Run:
    """Change the host's settings and deploy; it must work, and a second run must change nothing."""
    run = change(host, **settings)
    assert run.code == 0, run.said
    again = deploy(host.name)
    assert (again.code, again.changed) == (0, []), again.said
    return run


def change(host: hosts.Host, **settings: Any) -> Run:
    """Change the host's settings (None takes an optional one back) and deploy."""
    hosts.up(host.name, settings=settings)
    return deploy(host.name)


def served(host: hosts.Host, name: str) -> tuple[str, set[str]]:
    """The certificate that a browser gets for `name`: its SHA-256 and its DNS names."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection((host.address, 443), timeout=5) as plain,
        context.wrap_socket(plain, server_hostname=name) as tls,
    ):
        data = tls.getpeercert(binary_form=True) or b""
    found = x509.load_der_x509_certificate(data)
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return hashlib.sha256(data).hexdigest(), set(names.get_values_for_type(x509.DNSName))


def changed(host: hosts.Host, before: tuple[str, set[str]], seconds: float = 5) -> None:
    """Another certificate than `before` is served, after the moment that new workers of nginx take to start."""
    deadline = time.monotonic() + seconds
    while served(host, min(before[1])) == before:
        assert time.monotonic() < deadline, "the old certificate is still served"
        time.sleep(0.1)


@contextmanager
def visited(ask: Callable[[requests.Session], requests.Response], people: int = 2, pause: float = 0.1) -> Any:
    """While the block runs, `people` ask again and again, each on a kept connection; yields the failures so far.

    By default ten times a second each: below what nginx lets one address do.
    """
    failures: list[str] = []
    answers: list[int] = []
    over = threading.Event()

    def person() -> None:
        session = requests.Session()
        while not over.is_set():
            try:
                answers.append((answer := ask(session)).status_code)
                if answer.status_code not in (200, 201):
                    failures.append(f"{answer.status_code} {answer.text[:100]}")
            except requests.RequestException as error:
                failures.append(repr(error))
            time.sleep(pause)

    threads = [threading.Thread(target=person) for _ in range(people)]
    for thread in threads:
        thread.start()
    try:
        yield failures
    finally:
        over.set()
        for thread in threads:
            thread.join(60)
    assert len(answers) > 10


INCLUDE = "include /etc/nginx/harvest.d/{name}/*.conf;"
OTHERS = """server {{
    listen 80;
    listen 443 ssl;
    server_name {name};
    ssl_certificate /etc/ssl/other/server.pem;
    ssl_certificate_key /etc/ssl/other/server.key;
    root /var/www/other;
    expires 7d;
    {include}
    location /mine {{ return 200 mine; }}
    location ~* \\.(css|js|json|pdf|svg)$ {{ access_log off; }}
}}
"""


def beside(host: hosts.Host, name: str, authority: Path, include: str = INCLUDE) -> None:
    """Somebody else's site has the name and its TLS, and includes ours."""
    files = {"etc/nginx/sites-enabled/other": OTHERS.format(name=name, include=include.format(name=name))}
    files |= {"var/www/other/index.html": "the other site\n"}
    files |= {f"etc/ssl/other/{pem}": (authority / pem).read_text() for pem in ("server.pem", "server.key")}
    for path, text in files.items():
        (host.root / path).parent.mkdir(parents=True, exist_ok=True)
        (host.root / path).write_text(text)


def alone(host: hosts.Host) -> None:
    (host.root / "etc/nginx/sites-enabled/other").unlink(missing_ok=True)
