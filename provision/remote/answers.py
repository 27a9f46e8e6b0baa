"""What a URL of this host answers, and what is wrong with it. Runs ON the host, and on the controller.

HARVEST's health URL is a constant and any wrong path gives 200 text/html, so the answers themselves are read.
"""

import json
import re
import socket
from collections.abc import Sequence
from typing import Any

NOTHING = "answered nothing"
LENGTH = 65536
"""How much of a body is read, bytes."""


def _connected(scheme: str, name: str, port: int, timeout_s: float) -> socket.socket:
    """A connection to this host itself, with TLS under the site's name."""
    plain = socket.create_connection(("127.0.0.1", port), timeout_s)
    if scheme != "https":
        return plain
    import ssl  # dear, and seldom needed here

    context = ssl._create_unverified_context()  # noqa: S323 - asks itself; the audit checks the certificate
    return context.wrap_socket(plain, server_hostname=name)


def get(url: str, timeout_s: float = 10) -> "dict[str, Any]":
    """GET from this host to itself: status, content type, start of the body; status 0 where nothing answers.

    HTTP/1.0, which ends an answer by closing; http.client is a tenth of the CPU that a host's look takes.
    """
    scheme, rest = url.split("://", 1)
    authority, _, path = rest.partition("/")
    name, _, port = authority.partition(":")
    try:
        with _connected(
            scheme, name, int(port or (443 if scheme == "https" else 80)), timeout_s
        ) as connection:
            connection.sendall(f"GET /{path} HTTP/1.0\r\nHost: {authority}\r\n\r\n".encode())
            with connection.makefile("rb") as answer:
                version, code = answer.readline(LENGTH).decode("latin-1").split()[:2]
                if not version.startswith("HTTP/"):
                    raise ValueError(f"{version} is no HTTP")
                kind = ""
                while (line := answer.readline(LENGTH).decode("latin-1").strip()) != "":
                    key, _, value = line.partition(":")
                    kind = value.strip() if key.lower() == "content-type" else kind
                body = answer.read(LENGTH).decode(errors="replace")
        return {"status": int(code), "type": kind, "body": body}
    except (OSError, ValueError) as error:
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
