"""Which page an address shows."""

from __future__ import annotations

from typing import Any

import dash
from dash import Input, Output

from harvest.web import client
from harvest.web.pages import home, login


def register(app: dash.Dash) -> None:
    """Put the routing callback on the app."""

    @app.callback(
        Output("page", "children"),
        Output("bar", "children"),
        Input("url", "pathname"),
        Input("url", "search"),
    )
    def show(pathname: str | None, search: str | None) -> tuple[Any, Any]:
        base = client.settings().URL_BASE_PATHNAME
        try:
            me = client.call("GET", "/me")
            return home.page(me), login.bar(base, me)
        except client.ApiError as error:
            if error.status == 401:
                return login.page(base, pathname or base, search or ""), login.bar(base, None)
            return login.trouble(str(error)), login.bar(base, None)
