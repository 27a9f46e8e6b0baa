"""Which page an address shows."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import dash
from dash import Input, Output, State

from harvest.web import client
from harvest.web.client import Json
from harvest.web.pages import account, admin, annotate, browse, guide, home, login, paper_list, trash

ROUTES: list[tuple[str, Callable[..., Any]]] = [
    (r"", home.page),
    (r"projects/(\d{1,9})", paper_list.page),
    (r"papers/(\d{1,9})", annotate.page),
    (r"browse", browse.page),
    (r"admin(?:/(\w+))?", admin.page),
    (r"account", account.page),
    (r"help", guide.page),
    (r"trash", trash.page),
]


def register(app: dash.Dash) -> None:
    """Put the routing callback and those of all pages on the app."""
    for module in (home, paper_list, annotate, browse, account, admin, trash):
        module.register(app)

    @app.callback(
        Output("page", "children"),
        Output("bar", "children"),
        Input("url", "pathname"),
        Input("url", "search"),
        Input("refresh", "data"),
        State("drafts", "data"),
    )
    def show(
        pathname: str | None, search: str | None, _refreshed: object, drafts: Json | None
    ) -> tuple[Any, Any]:
        base = client.settings().URL_BASE_PATHNAME
        path = (pathname or base).removeprefix(base).strip("/")
        try:
            me = client.call("GET", "/me")
        except client.ApiError as error:
            if error.status == 401:
                return login.page(base, pathname or base, search or ""), login.bar(base, None, path)
            return login.trouble(str(error)), login.bar(base, None, path)
        query: dict[str, Any] = {
            name: values[-1] for name, values in parse_qs((search or "").lstrip("?")).items()
        }
        query["drafts"] = drafts or {}
        for pattern, page in ROUTES:
            if found := re.fullmatch(pattern, path):
                try:
                    return page(me, query, *(part for part in found.groups() if part)), login.bar(
                        base, me, path
                    )
                except client.ApiError as error:
                    return login.trouble(str(error), "This page cannot be shown"), login.bar(base, me, path)
        return login.trouble("Nothing has this address.", "Page not found"), login.bar(base, me, path)
