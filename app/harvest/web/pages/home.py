"""The projects, each with its progress."""

from __future__ import annotations

from typing import Any

import dash
from dash import Input, Output, State, dcc, html

from harvest.web import client, urls
from harvest.web.client import Json
from harvest.web.parts import counted, div, field, note, on_click, progress, refresh, text_input


def page(me: Json, query: Json) -> html.Div:
    projects = client.call("GET", "/projects")
    totals = client.call("GET", "/totals")
    figures = [
        html.Div([html.Strong(f"{totals[name]:,}"), html.Span(label)])
        for name, label in (
            ("projects", "Projects"),
            ("papers", "Papers"),
            ("sentences", "Sentences"),
            ("triples", "Triples"),
        )
    ]
    empty = "An administrator adds the first one." if not me["admin"] else "Start one below."
    cards = html.Ul([html.Li(_card(one), className="card") for one in projects], className="cards")
    return html.Div(
        [
            html.H1("Projects"),
            html.Div(figures, className="figures"),
            cards if projects else html.P(f"There is no project yet. {empty}", className="quiet empty"),
            _new_project() if me["admin"] else None,
        ]
    )


def _card(one: Json) -> list[Any]:
    return [
        html.H2(dcc.Link(one["name"], href=urls.page(client.settings(), f"projects/{one['id']}"))),
        html.P(one["description"] or "No description.", className="quiet clip"),
        progress(one["done"], one["in_progress"], one["papers"]),
        html.P(
            f"{counted(one['triples'], 'triple')} · {counted(one['pdfs'], 'PDF')}", className="quiet small"
        ),
    ]


def _new_project() -> html.Details:
    return html.Details(
        [
            html.Summary("New project"),
            div(
                "card form",
                field("Name", text_input("project-name", maxLength=200)),
                field("Description", dcc.Textarea(id="project-description", maxLength=10_000, rows=3)),
                html.Button("Create project", id="project-create", className="primary"),
            ),
        ],
        className="disclosure",
    )


def register(app: dash.Dash) -> None:
    @on_click(
        app,
        Output("url", "pathname", allow_duplicate=True),
        Input("project-create", "n_clicks"),
        Input("project-name", "n_submit"),
        State("project-name", "value"),
        State("project-description", "value"),
        running=[(Output("project-create", "disabled"), True, False)],
    )
    def create(_clicks: Any, _enter: Any, name: str | None, description: str | None) -> Any:
        if not (name or "").strip():
            note("A project needs a name.", "error")
            return dash.no_update
        made = client.call("POST", "/projects", json={"name": name, "description": description or ""})
        note(f"{made['name']} is created: now add its papers.")
        refresh()
        return urls.page(client.settings(), f"projects/{made['id']}")
