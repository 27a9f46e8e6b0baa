"""A small crawler: what a browser would ask for from HARVEST's page on, and what each answer must be like."""

import re
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
    lasting = "immutable" in answer.headers.get("Cache-Control", "")
    if behind_nginx and suffix in (".js", ".css") and lasting != bool(FINGERPRINT.search(answer.url)):
        return f"{answer.url}: Cache-Control is {answer.headers.get('Cache-Control')}"
    return ""


def links(answer: requests.Response) -> set[str]:
    """What a page or a style sheet refers to, as full URLs."""
    kind = answer.headers.get("Content-Type", "")
    found: list[str] = []
    if kind.startswith("text/html"):
        found = re.findall(r'(?:src|href)="([^"#]+)"', answer.text)
    elif kind.startswith("text/css"):
        found = re.findall(r"url\(['\"]?([^)'\"]+)['\"]?\)", answer.text)
    return {urljoin(answer.url, link) for link in found if not link.startswith(("data:", "#"))}


def crawl(visitor: Visitor, behind_nginx: bool = True) -> tuple[list[str], int]:
    """Follow everything from the page on; the troubles found and the number of answers seen."""
    todo = {visitor.url, visitor.url + "_dash-layout", visitor.url + "_dash-dependencies"}
    seen: set[str] = set()
    troubles: list[str] = []
    while todo - seen:
        url = min(todo - seen)
        seen.add(url)
        if not url.startswith(visitor.url):
            troubles.append(f"{url}: lies outside of {visitor.url}")
            continue
        answer = visitor.session.get(url, timeout=30, allow_redirects=False)
        troubles += [said] if (said := trouble(answer, behind_nginx)) else []
        todo |= links(answer)
    return troubles, len(seen)
