"""The frame around every page. It is the same for everyone: what a user may see comes with the page."""

from __future__ import annotations

from dash import dcc, html

from harvest.settings import Settings


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
            html.Div(id="toasts", className="toasts", role="status", **{"aria-live": "polite"}),
        ],
        id="harvest",
        **{
            "data-base": settings.URL_BASE_PATHNAME,
            "data-mode": settings.DEPLOYMENT_MODE,
            "data-max-upload-mb": str(settings.MAX_UPLOAD_MB),
        },
    )
