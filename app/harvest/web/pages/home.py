"""The projects."""

from __future__ import annotations

from dash import html

from harvest.web import client


def page(me: dict) -> html.Div:
    projects = client.call("GET", "/projects")
    cards = [
        html.Li(
            [
                html.H2(one["name"]),
                html.P(one["description"]),
                html.P(f"{one['papers']} papers, {one['triples']} triples"),
            ]
        )
        for one in projects
    ]
    return html.Div(
        [html.H1("Projects"), html.Ul(cards, className="cards") if cards else html.P("No project yet.")]
    )
