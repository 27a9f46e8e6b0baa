"""Builds the Dash app: where it lives, its frame, its headers."""

from __future__ import annotations

import dash
from dash import _dash_renderer, dash_table
from dash.development.base_component import ComponentRegistry
from flask import Flask, Response
from werkzeug.middleware.proxy_fix import ProxyFix

from harvest.settings import APP_DIR, Settings, load
from harvest.web import behind, cached_frame, headers, proxy, router, shell

INDEX = """<!DOCTYPE html>
<html lang="en">
  <head>
    {%metas%}
    <title>{%title%}</title>
    {%icon%}
    <script src="{%loading%}"></script>
    {%css%}
  </head>
  <body>
    {%app_entry%}
    <footer>
      {%config%}
      {%scripts%}
      {%renderer%}
    </footer>
  </body>
</html>
"""


def load_only_what_is_used() -> None:
    """Every page would fetch Dash's tables, which no page has, and what browsers of before 2018 lack."""
    if "dash_table" in ComponentRegistry.registry:
        ComponentRegistry.registry.discard("dash_table")  # type: ignore[no-untyped-call]
    vars(dash_table)["_js_dist"].clear()
    for paths in _dash_renderer._js_dist_dependencies[0]["relative_package_path"].values():
        paths[:] = [path for path in paths if "polyfill" not in path]


def create_app(settings: Settings | None = None) -> dash.Dash:
    """The Dash app; `.server` is its WSGI app. It runs under the base path in every mode."""
    settings = settings or load()
    load_only_what_is_used()
    server = Flask("harvest.web", static_folder=None)
    server.extensions["harvest"] = settings
    server.register_blueprint(proxy.routes(settings))
    app = dash.Dash(
        "harvest.web",
        server=server,  # type: ignore[arg-type]  # Dash takes one, and says otherwise
        url_base_pathname=settings.URL_BASE_PATHNAME,
        assets_folder=str(APP_DIR / "assets"),
        assets_ignore=r".*\.vendor\.js$|loading\.js$",
        title="HARVEST",
        update_title="",
        suppress_callback_exceptions=True,
        meta_tags=[
            {"name": "viewport", "content": "width=device-width, initial-scale=1"},
            {"name": "color-scheme", "content": "light dark"},
        ],
    )
    # Not Dash's own icon, which only Python can serve.
    icon = f'<link rel="icon" href="{app.get_asset_url("favicon.svg")}">'
    changed = int((APP_DIR / "assets/loading.js").stat().st_mtime)  # as Dash does, so that browsers keep it
    loading = f"{app.get_asset_url('loading.js')}?m={changed}"
    app.index_string = INDEX.replace("{%icon%}", icon).replace("{%loading%}", loading)
    app.layout = shell.layout(settings)
    router.register(app)
    made = headers.security_headers(settings, app.csp_hashes())

    @server.after_request
    def add(response: Response) -> Response:
        for name, value in made.items():
            response.headers.setdefault(name, value)
        return response

    cached_frame.install(server, settings)
    if settings.proxies:
        server.wsgi_app = behind.BehindProxy(server.wsgi_app, settings.proxies)  # type: ignore[method-assign]
    elif settings.TRUSTED_PROXIES:
        hops = settings.TRUSTED_PROXIES
        server.wsgi_app = ProxyFix(server.wsgi_app, x_for=hops, x_proto=hops)  # type: ignore[method-assign]
    return app
