"""What is the same for everyone is made once, before the workers fork: the page's frame and Dash's two descriptions."""

from __future__ import annotations

import gzip
import hashlib

from flask import Flask, Response, request

NAMES = ("", "_dash-layout", "_dash-dependencies")


def install(server: Flask, base: str) -> None:
    """Answer the frame and Dash's descriptions from memory, gzipped where the browser takes it."""
    kept: dict[str, tuple[str, bytes, bytes, str]] = {}

    @server.before_request
    def answer_from_memory() -> Response | None:
        found = kept.get(request.path)
        if found is None or request.method not in ("GET", "HEAD"):
            return None
        mimetype, data, zipped, tag = found
        takes_gzip = "gzip" in request.headers.get("Accept-Encoding", "")
        response = Response(zipped if takes_gzip else data, mimetype=mimetype)
        if takes_gzip:
            response.headers["Content-Encoding"] = "gzip"
        response.headers["Vary"] = "Accept-Encoding"
        response.headers["Cache-Control"] = "no-cache"
        response.set_etag(tag, weak=True)
        response.make_conditional(request)
        return response

    client = server.test_client()
    made: dict[str, tuple[str, bytes, bytes, str]] = {}
    for name in NAMES:
        answer = client.get(base + name)
        data = answer.data
        made[base + name] = (
            answer.mimetype or "",
            data,
            gzip.compress(data, 9, mtime=0),
            hashlib.sha256(data).hexdigest()[:16],
        )
    kept.update(made)
