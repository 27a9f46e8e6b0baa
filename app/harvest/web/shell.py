"""The frame around every page. It is the same for everyone: what a user may see comes with the page."""

from __future__ import annotations

from dash import dcc, html

from harvest.settings import Settings
from harvest.web.parts import attributes


def layout(settings: Settings) -> html.Div:
    return html.Div(
        [
            dcc.Location(id="url", refresh="callback-nav"),
            dcc.Store(id="refresh"),
            # What is typed into the form of each paper: it outlives the page, a reload and a session.
            dcc.Store(id="drafts", storage_type="session"),
            html.A("Skip to the content", href="#page", className="skip"),
            html.Header(html.Div(id="bar", className="bar"), className="top"),
            html.Main(html.P("Loading …", className="quiet"), id="page", tabIndex="-1"),
            html.Div(id="server-note", hidden=True),
            html.Div(id="toasts", className="toasts", role="status", **attributes(aria_live="polite")),
        ],
        id="harvest",
        **attributes(
            data_base=settings.URL_BASE_PATHNAME,
            data_mode=settings.DEPLOYMENT_MODE,
            data_max_upload_mb=str(settings.MAX_UPLOAD_MB),
        ),
    )
