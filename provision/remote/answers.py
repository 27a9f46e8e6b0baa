"""What a URL of this host answers, and what is wrong with it. Runs ON the host, and on the controller.

HARVEST's health URL is a constant and any wrong path gives 200 text/html, so the answers themselves are read.
"""

import http.client
import json
import re
import socket
import ssl
from collections.abc import Sequence
from typing import Any

NOTHING = "answered nothing"


class Loopback(http.client.HTTPSConnection):
    """HTTPS to this host itself under the site's name."""

    def connect(self) -> None:
        plain = socket.create_connection(("127.0.0.1", self.port), self.timeout)
        context = ssl._create_unverified_context()  # noqa: S323 - asks itself; the audit checks the certificate
        self.sock = context.wrap_socket(plain, server_hostname=self.host)


def get(url: str, timeout_s: float = 10) -> "dict[str, Any]":
    """GET from this host to itself: status, content type, start of the body; status 0 where nothing answers."""
    scheme, rest = url.split("://", 1)
    authority, _, path = rest.partition("/")
    name, _, port = authority.partition(":")
    try:
        if scheme == "https":
            connection: http.client.HTTPConnection = Loopback(name, int(port or 443), timeout=timeout_s)
        else:
            connection = http.client.HTTPConnection("127.0.0.1", int(port or 80), timeout=timeout_s)
        connection.request("GET", "/" + path, headers={"Host": authority})
        response = connection.getresponse()
        body = response.read(65536).decode(errors="replace")
        return {"status": response.status, "type": response.getheader("Content-Type", ""), "body": body}
    except (OSError, http.client.HTTPException) as error:
        return {"status": 0, "type": "", "body": f"{type(error).__name__}: {error}"}


def trouble(status: int, kind: str, body: str, keys: "Sequence[str]") -> str:
    """What is wrong with an answer that is due as JSON with these keys; "" if nothing."""
    if status != 200:
        return f"answered {status}: {body[:200]}" if status else f"{NOTHING}: {body[:200]}"
    if not kind.startswith("application/json"):
        return f"answered {kind or 'no content type'} where JSON is due (the path leads elsewhere)"
    if not keys:
        return ""
    try:
        found = json.loads(body)
    except ValueError:
        return "answered broken JSON"
    missing = [key for key in keys if not (isinstance(found, dict) and found.get(key))]
    return f"lacks {', '.join(missing)}: {body[:200]}" if missing else ""


def json_trouble(url: str, keys: "Sequence[str]", timeout_s: float = 10) -> str:
    """What is wrong with the JSON at `url`, with the URL; "" if nothing."""
    answer = get(url, timeout_s)
    said = trouble(answer["status"], answer["type"], answer["body"], keys)
    return f"{url} {said}" if said else ""


def page_trouble(url: str, timeout_s: float = 10) -> str:
    """What is wrong with the page at `url` and with the first file that it links to; "" if nothing."""
    answer = get(url, timeout_s)
    if not answer["status"]:
        return f"{url} {NOTHING}: {answer['body'][:200]}"
    if answer["status"] != 200 or not answer["type"].startswith("text/html"):
        return f"{url} answered {answer['status']} {answer['type']} where a page is due"
    linked = re.search(r'(?:src|href)="(/[^"#]+\.(?:js|css)[^"#]*)"', answer["body"])
    if linked is None:
        return f"{url} is a page that links to no script and no style sheet"
    asset = "/".join(url.split("/")[:3]) + linked[1].replace("&amp;", "&")
    answer = get(asset, timeout_s)
    if answer["status"] != 200 or answer["type"].startswith("text/html") or not answer["body"]:
        return f"{asset} answered {answer['status'] or answer['body'][:200]} {answer['type']} where a file is due"
    return ""
