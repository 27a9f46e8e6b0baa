"""What was deleted in the last 30 days, to restore."""

from __future__ import annotations

from typing import Any

import dash
from dash import ALL, Input, Output, html

from harvest.trash import DAYS
from harvest.web import client
from harvest.web.client import Json
from harvest.web.parts import note, on_click, sure, table, time


def page(me: Json, query: Json) -> html.Div:
    found = client.call("GET", "/trash")
    rows = [
        [
            time(one["at"]),
            one["kind"].capitalize(),
            html.Div(one["name"], className="clip", title=one["name"]),
            *([one["who"]] if me["admin"] else []),
            html.Button(
                "Restore", id={"type": "restore", "id": one["id"]}, className="plain", title=one["name"]
            ),
        ]
        for one in found
    ]
    head = ["Deleted", "What", "Name", *(["By"] if me["admin"] else []), "Actions"]
    empty = html.Button("Empty the trash", id="empty-trash", className="danger")
    whose = "What anyone deleted" if me["admin"] else "What you deleted"
    return html.Div(
        [
            html.H1("Trash"),
            html.P(f"{whose} can be restored for {DAYS} days.", className="lead"),
            table(head, rows, "Trash", "The trash is empty."),
            sure(empty, "Delete everything in the trash for good?") if me["admin"] and found else None,
        ]
    )


def register(app: dash.Dash) -> None:
    again = Output("refresh", "data", allow_duplicate=True)

    @on_click(app, again, Input({"type": "restore", "id": ALL}, "n_clicks"))
    def restore(_clicks: Any) -> Any:
        made = client.call("POST", f"/trash/{dash.ctx.triggered_id['id']}/restore")
        note(f"The {made['kind']} is restored.")
        return f"restored {dash.ctx.triggered_id['id']}"

    @on_click(app, again, Input("empty-trash", "submit_n_clicks"))
    def empty(clicks: Any) -> Any:
        client.call("DELETE", "/trash")
        note("The trash is empty.")
        return f"emptied {clicks}"
