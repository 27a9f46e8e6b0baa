"""A small crawler: what a browser would ask for from HARVEST's page on, and what each answer must be like."""

import json
import re
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests

from tests.host.visitor import Visitor

MIME = {
    ".js": ("application/javascript", "text/javascript"),
    ".mjs": ("application/javascript", "text/javascript"),
    ".css": ("text/css",),
    ".ico": ("image/",),
    ".svg": ("image/svg+xml",),
    ".woff2": ("font/woff2", "application/font-woff2"),
    ".pdf": ("application/pdf",),
}
FINGERPRINT = re.compile(r"\.v[0-9][0-9a-z_]*m[0-9]{6,}\.|\?m=[1-9]")
HEADERS = ("Content-Security-Policy", "X-Content-Type-Options", "X-Frame-Options", "Referrer-Policy")


def trouble(answer: requests.Response, behind_nginx: bool) -> str:
    """What is wrong with one answer, "" if nothing."""
    path = urlsplit(answer.url).path
    if answer.status_code != 200:
        return f"{answer.url}: {answer.status_code}"
    kind = answer.headers.get("Content-Type", "")
    suffix = "." + path.rsplit(".", 1)[-1] if "." in path.rsplit("/", 1)[-1] else ""
    if "/highlights/" in path:
        suffix = ""  # JSON about a PDF, under its name
    if suffix in MIME and not kind.startswith(MIME[suffix]):
        return f"{answer.url}: is {kind}"
    if path.rsplit("/", 1)[-1].startswith("_dash-") and kind != "application/json":
        return f"{answer.url}: is {kind}"
    missing = [name for name in HEADERS if name not in answer.headers]
    if missing:
        return f"{answer.url}: lacks {', '.join(missing)}"
    double = [name for name in HEADERS if ", " in answer.headers[name] and name != "Content-Security-Policy"]
    if double:
        return f"{answer.url}: says {', '.join(double)} twice"
    kept = answer.headers.get("Cache-Control", "")
    lasting = "immutable" in kept
    wrong = suffix in (".js", ".css") and lasting != bool(FINGERPRINT.search(answer.url))
    if behind_nginx and (wrong or kept.count("max-age") != lasting):
        return f"{answer.url}: Cache-Control is {kept}"
    return ""


def links(answer: requests.Response) -> set[str]:
    """What a page or a style sheet refers to, as full URLs."""
    kind = answer.headers.get("Content-Type", "")
    found: list[str] = []
    if kind == "application/json" and answer.request.method == "POST":
        found = re.findall(r'"(?:href|src|data-pdf|data-highlights)": "([^"]+)"', plain(answer))
    if kind.startswith("text/html"):
        found = re.findall(r'(?:src|href)="([^"#]+)"', answer.text)
    elif kind.startswith("text/css"):
        found = re.findall(r"url\(['\"]?([^)'\"]+)['\"]?\)", answer.text)
    # A paper's DOI is for people to click on.
    return {
        urljoin(answer.url, one) for one in found if not one.startswith(("data:", "#", "https://doi.org/"))
    }


def plain(answer: requests.Response) -> str:
    """A JSON answer without the escapes that Dash writes: slashes are slashes."""
    return json.dumps(answer.json())


def shown(visitor: Visitor, path: str) -> requests.Response:
    """The callback by which Dash's browser side gets the page at `path`."""
    page, bar = {"id": "page", "property": "children"}, {"id": "bar", "property": "children"}
    inputs: list[dict[str, Any]] = [
        {"id": "url", "property": "pathname", "value": visitor.base + path},
        {"id": "url", "property": "search", "value": ""},
        {"id": "refresh", "property": "data", "value": None},
    ]
    output = "..page.children...bar.children.."
    asked = {"output": output, "outputs": [page, bar], "inputs": inputs, "changedPropIds": ["url.pathname"]}
    asked["state"] = [{"id": "drafts", "property": "data", "value": None}]
    headers = {"Origin": visitor.origin}
    return visitor.session.post(
        visitor.url + "_dash-update-component", json=asked, headers=headers, timeout=60
    )


def crawl(
    visitor: Visitor, behind_nginx: bool = True, api: str = "", paper: str = ""
) -> tuple[list[str], set[str]]:
    """Follow everything from the page on; the troubles found, and what was asked for.

    With `paper`, a path below the base, somebody signs in and opens that too, with its PDF; `api` is where the API is
    when it has a name of its own.
    """
    todo = {visitor.url, visitor.url + "_dash-layout", visitor.url + "_dash-dependencies"}
    seen: set[str] = set()
    troubles: list[str] = []

    def look(answer: requests.Response) -> None:
        nonlocal todo
        troubles.extend([said] if (said := trouble(answer, behind_nginx)) else [])
        todo |= links(answer)

    elsewhere: dict[str, str] = {}
    if paper:
        visitor.sign_in()
        if api:
            elsewhere = visitor.ticket()
        look(shown(visitor, ""))
        look(shown(visitor, paper))
        # The list of projects grows with each test.
        todo = {url for url in todo if not re.search(r"/projects/\d+$", url)}
    while todo - seen:
        url = min(todo - seen)
        seen.add(url)
        there = bool(api) and url.startswith(f"{api}/")
        if not url.startswith(visitor.url) and not there:
            troubles.append(f"{url}: lies outside of {visitor.url}")
            continue
        headers = elsewhere if there else {}
        answer = visitor.session.get(url, timeout=30, allow_redirects=False, headers=headers)
        if there and answer.headers.get("Access-Control-Allow-Origin") != visitor.origin:
            troubles.append(f"{url}: does not let {visitor.origin} in")
        look(answer)
    return troubles, seen
