"""What is the same for everyone is made once, before the workers fork: the page's frame, Dash's two descriptions, and
where no web server does it, the scripts and styles that the frame names, gzipped."""

from __future__ import annotations

import gzip
import hashlib
import re
from dataclasses import dataclass

from flask import Flask, Response, request

from harvest.settings import Settings

NAMES = ("", "_dash-layout", "_dash-dependencies")


@dataclass(frozen=True)
class Kept:
    """An answer. Of scripts only the gzipped form is kept: Flask has the other on disk."""

    mimetype: str
    plain: bytes | None
    zipped: bytes
    tag: str
    caching: str


def install(server: Flask, settings: Settings) -> None:
    """Answer these from memory, gzipped where the browser takes it."""
    kept: dict[str, Kept] = {}

    @server.before_request
    def answer_from_memory() -> Response | None:
        found = kept.get(request.path)
        if found is None or request.method not in ("GET", "HEAD"):
            return None
        takes_gzip = "gzip" in request.headers.get("Accept-Encoding", "")
        body = found.zipped if takes_gzip else found.plain
        if body is None:
            return None
        response = Response(body, mimetype=found.mimetype)
        if takes_gzip:
            response.headers["Content-Encoding"] = "gzip"
        response.headers["Vary"] = "Accept-Encoding"
        response.headers["Cache-Control"] = found.caching
        response.set_etag(found.tag, weak=True)
        response.make_conditional(request)
        return response

    client = server.test_client()

    def keep(path: str, caching: str = "", *, frame: bool = True) -> bytes:
        answer = client.get(path)
        data: bytes = answer.data
        tag = hashlib.sha256(data).hexdigest()[:16]
        caching = caching or answer.headers.get("Cache-Control", "no-cache")
        zipped = gzip.compress(data, 9, mtime=0)
        made[path.partition("?")[0]] = Kept(
            answer.mimetype or "", data if frame else None, zipped, tag, caching
        )
        return data

    made: dict[str, Kept] = {}
    pages = [keep(settings.URL_BASE_PATHNAME + name, "no-cache") for name in NAMES]
    if settings.internal:
        for path in re.findall(r'(?:src|href)="(/[^"]+\.(?:js|css)(?:\?[^"]*)?)"', pages[0].decode()):
            keep(path, frame=False)
    kept.update(made)
