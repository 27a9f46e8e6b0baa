"""Sign in, the bar at the top, and what is shown when there is nothing else to show."""

from __future__ import annotations

from typing import Any

from dash import dcc, html

from harvest.web.client import Json
from harvest.web.parts import attributes

REASONS = {
    "wrong": "The e-mail address or the password is wrong.",
    "wait": "Too many failed attempts: please wait 15 minutes.",
    "down": "HARVEST's backend does not answer. Please try again in a moment.",
}


def bar(base: str, me: Json | None, path: str) -> list[Any]:
    brand = dcc.Link(
        [html.Img(src=f"{base}assets/favicon.svg", alt="", className="logo"), "HARVEST"], href=base
    )
    if not me:
        return [html.Div(brand, className="brand")]
    entries = [
        ("", "Projects"),
        ("browse", "Browse"),
        *([("admin", "Admin")] if me["admin"] else []),
        ("trash", "Trash"),
        ("help", "Help"),
    ]
    here = {"projects": "", "papers": ""}.get(path.split("/")[0], path.split("/")[0])
    links = [
        dcc.Link(label, href=f"{base}{target}", className="here" if target == here else "")
        for target, label in entries
    ]
    out = html.Form(html.Button("Sign out", className="plain"), action=f"{base}logout", method="POST")
    return [
        html.Div(brand, className="brand"),
        html.Nav(links, **attributes(aria_label="Main")),
        dcc.Link(
            me["name"] or me["email"],
            href=f"{base}account",
            className="who",
            title=f"Others see you as {me['name'] or me['alias']}",
        ),
        out,
    ]


def page(base: str, pathname: str, search: str) -> html.Div:
    """A real form, so that password managers know it; it posts to the frontend, which sets the cookie."""
    reason = next((text for key, text in REASONS.items() if search == f"?sign-in={key}"), "")
    password = dcc.Input(
        id="password", name="password", type="password", required=True, autoComplete="current-password"
    )
    return html.Div(
        html.Form(
            [
                html.H1("Sign in"),
                html.P(
                    "Annotate papers together: sentences, entities and how they relate.", className="quiet"
                ),
                html.P(reason, role="alert", className="alert") if reason else None,
                html.Label("E-mail address", htmlFor="email"),
                dcc.Input(id="email", name="email", type="email", required=True, autoComplete="username"),
                html.Label("Password", htmlFor="password"),
                password,
                dcc.Input(name="next", type="hidden", value=pathname + ("" if reason else search)),
                html.Button("Sign in", type="submit", className="primary"),
                html.Small(
                    "An administrator of your group makes accounts, and new passwords where one is forgotten.",
                    className="quiet",
                ),
            ],
            action=f"{base}login",
            method="POST",
            className="card sign-in",
        ),
        className="center",
    )


def trouble(message: str, title: str = "HARVEST is not available") -> html.Div:
    return html.Div([html.H1(title), html.P(message, role="alert", className="alert")])
