"""The backend: a Flask app whose every endpoint lies under /api and answers JSON."""

from __future__ import annotations

import re

from flask import Flask, Response, request
from werkzeug.middleware.proxy_fix import ProxyFix

from harvest.api import (
    admin,
    auth,
    health,
    highlights,
    http,
    metrics,
    openapi,
    papers,
    pdfs,
    projects,
    sentences,
    transfer,
    trash,
    triples,
    upstream,
)
from harvest.db import Database
from harvest.settings import Settings, load

# Importing them declares their endpoints.
MODULES = (
    admin, auth, health, highlights, openapi, papers, pdfs, projects, sentences, transfer, trash, triples, upstream,
)  # fmt: skip
LOCALHOST = re.compile(r"https?://(localhost|127\.0\.0\.1)(:\d{1,5})?")


def create_app(settings: Settings | None = None) -> Flask:
    """The WSGI app. Opens no file and no connection: that happens in each worker, on its first request."""
    settings = settings or load()
    app = Flask("harvest.api", static_folder=None)
    app.config["MAX_FORM_MEMORY_SIZE"] = http.MAX_JSON_BYTES
    app.json.sort_keys = False  # type: ignore[attr-defined]
    db = Database(settings.database_url)
    app.extensions["harvest"] = (settings, db)
    metrics.install(app)
    http.install(app, settings, db)
    app.before_request(lambda: preflight(settings))
    app.after_request(lambda response: add_headers(settings, response))
    # The frontend is always a proxy in front of the backend; see harvest.web.client for its half.
    hops = max(1, settings.TRUSTED_PROXIES)
    app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops)  # type: ignore[method-assign]
    return app


def allowed_origin(settings: Settings) -> str | None:
    """The request's Origin when its page may read our answers."""
    origin = request.headers.get("Origin", "").lower()
    if origin in settings.allowed_origins or (settings.internal and LOCALHOST.fullmatch(origin)):
        return origin
    return None


def preflight(settings: Settings) -> Response | None:
    """Answer a browser's question whether a page of another origin may call."""
    if request.method != "OPTIONS":
        return None
    response = Response(status=204)
    if allowed_origin(settings):
        response.headers["Access-Control-Allow-Methods"] = "GET, POST, PUT, PATCH, DELETE"
        response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type, Range"
        response.headers["Access-Control-Max-Age"] = "600"
    return response


def add_headers(settings: Settings, response: Response) -> Response:
    """CORS for listed origins only and never with credentials; a page that embeds us gets nothing to run."""
    response.headers["Vary"] = "Origin"
    if origin := allowed_origin(settings):
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Expose-Headers"] = (
            "Accept-Ranges, Content-Length, Content-Range, ETag"
        )
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers.setdefault("Content-Security-Policy", "default-src 'none'; frame-ancestors 'self'")
    return response
