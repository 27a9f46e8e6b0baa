"""For admins: accounts, vocabulary, the audit trail, moving data in."""

from __future__ import annotations

from typing import Any

import dash
from dash import ALL, Input, Output, State, dcc, html

from harvest.web import client, urls
from harvest.web.client import Json
from harvest.web.parts import attributes, badge, div, dropzone, field, note, on_click, table, text_input, time

TABS = {"users": "Accounts", "vocabulary": "Vocabulary", "audit": "Audit trail", "data": "Data"}


def page(me: Json, query: Json, tab: str = "users") -> html.Div:
    if not me["admin"]:
        raise client.ApiError(403, "This page is for admins.")
    shown = {"users": users, "vocabulary": vocabulary, "audit": audit, "data": data}.get(tab)
    if shown is None:
        raise client.ApiError(404, "Nothing has this address.")
    links = [
        dcc.Link(
            label, href=urls.page(client.settings(), f"admin/{name}"), className="here" if name == tab else ""
        )
        for name, label in TABS.items()
    ]
    return html.Div(
        [
            html.H1("Admin"),
            html.Nav(links, className="tabs", **attributes(aria_label="Admin")),
            *shown(me, query),
        ]
    )


def users(me: Json, query: Json) -> list[Any]:
    def button(one: Json, change: str, label: str, kind: str = "") -> html.Button:
        return html.Button(
            label, id={"type": "user-change", "id": one["id"], "to": change}, className=f"plain {kind}"
        )

    rows = []
    for one in client.call("GET", "/users"):
        state = [badge("Admin", "done")] if one["admin"] else []
        state += [] if one["can_sign_in"] else [badge("Cannot sign in")]
        state += [badge("Locked", "in_progress")] if one["locked"] else []
        actions = [button(one, "unlock", "Unlock")] if one["locked"] else []
        if one["id"] != me["id"]:
            actions += [
                button(one, "annotator", "Make annotator")
                if one["admin"]
                else button(one, "admin", "Make admin"),
                button(one, "off", "Deactivate", "danger")
                if one["active"]
                else button(one, "on", "Activate"),
            ]
        email = html.Div(
            [
                one["email"],
                html.Small(one["name"] or one["alias"], className="quiet block", title=one["alias"]),
            ]
        )
        rows.append(
            [
                email,
                state or "Annotator",
                f"{one['triples']:,}",
                one["created_at"][:10],
                html.Div(actions, className="actions"),
            ]
        )
    form = div(
        "card form",
        html.H2("New account, or new password or name"),
        field("E-mail address", text_input("user-email", type="email")),
        field(
            "Name",
            text_input("user-name", maxLength=100),
            "What others see. Empty: unchanged, or an alias.",
        ),
        field(
            "Password",
            text_input("user-password", type="password", autoComplete="new-password"),
            "10 characters at least. Share it securely. Empty: unchanged.",
        ),
        dcc.Checklist(id="user-admin", options=[{"value": "admin", "label": "Admin"}], value=[]),
        html.Button("Save the account", id="user-save", className="primary"),
    )
    return [table(["Account", "Role", "Triples", "Since", "Actions"], rows, "Accounts", ""), form]


def vocabulary(me: Json, query: Json) -> list[Any]:
    choices = client.call("GET", "/choices")
    made = []
    for kind, title in (("entity", "Entity types"), ("relation", "Relation types")):
        names = choices[f"{kind}_types"]
        made.append(
            html.Section(
                [
                    html.H2(f"{title} ({len(names)})"),
                    html.Ul([html.Li(one, className="badge") for one in names], className="words"),
                    html.Datalist([html.Option(value=one) for one in names], id=f"known-{kind}"),
                    field(
                        "Type",
                        text_input({"type": "word", "kind": kind}, list=f"known-{kind}", maxLength=60),
                        "A new one to add, or one of the list to rename or remove.",
                    ),
                    field("New name", text_input({"type": "new-word", "kind": kind}, maxLength=60)),
                    div(
                        "actions",
                        html.Button(
                            "Add",
                            id={"type": "word-do", "kind": kind, "what": "add"},
                            className="primary",
                        ),
                        html.Button("Rename", id={"type": "word-do", "kind": kind, "what": "rename"}),
                        html.Button(
                            "Remove",
                            id={"type": "word-do", "kind": kind, "what": "remove"},
                            className="danger",
                        ),
                    ),
                ],
                className="card form",
            )
        )
    return [html.Div(made, className="columns")]


def audit(me: Json, query: Json) -> list[Any]:
    asked = {"limit": 100, **{name: query[name] for name in ("before", "q") if query.get(name)}}
    found = client.call("GET", "/audit", params=asked)
    rows = [
        [
            time(one["at"]),
            one["who"] or "command line",
            f"{one['action']} {one['ref'] or ''}",
            _detail(one["detail"]),
        ]
        for one in found["rows"]
    ]
    settings = client.settings()
    older = dcc.Link(
        "Older ›",
        href=urls.page(settings, "admin/audit", before=found["next"], q=query.get("q")),
        className="button",
    )
    search = html.Form(
        [
            html.Label("Search", htmlFor="audit-q"),
            dcc.Input(id="audit-q", name="q", value=query.get("q", ""), type="search"),
        ],
        action=urls.page(settings, "admin/audit"),
        method="GET",
        className="actions",
    )
    return [
        search,
        table(["When", "Who", "What", "Detail"], rows, "Audit trail", "Nothing."),
        older if found["next"] else None,
    ]


def _detail(text: str) -> Any:
    if len(text) < 200 and "\n" not in text:
        return text
    return html.Details([html.Summary(text[:120], className="clip"), html.Div(text, className="lines")])


def data(me: Json, query: Json) -> list[Any]:
    totals = client.call("GET", "/totals")
    figures = [
        html.Div([html.Strong(f"{value:,}"), html.Span(name.capitalize())]) for name, value in totals.items()
    ]
    zone = dropzone(
        "Choose an export",
        urls.import_file(client.settings()),
        method="POST",
        media="application/octet-stream",
        accept=".json,.db,.sqlite,.sqlite3",
        done="imported",
    )
    return [
        html.Div(figures, className="figures"),
        html.Section(
            [
                html.H2("Import data"),
                html.P(
                    "The JSON export or the SQLite file of another HARVEST. What is here already is not added twice; "
                    "contributors get accounts that cannot sign in until they get a password."
                ),
                zone,
                html.Div(id="import-report", role="status"),
                dcc.Store(id="imported"),
            ],
            className="card",
        ),
    ]


def register(app: dash.Dash) -> None:
    again = Output("refresh", "data", allow_duplicate=True)

    @on_click(
        app,
        again,
        Input("user-save", "n_clicks"),
        State("user-email", "value"),
        State("user-password", "value"),
        State("user-admin", "value"),
        State("user-name", "value"),
    )
    def save_user(
        clicks: Any, email: str | None, password: str | None, roles: list[Any], name: str | None
    ) -> Any:
        email, named = (email or "").strip().lower(), {"name": name} if name else {}
        there = [one for one in client.call("GET", "/users") if one["email"] == email]
        if there:
            secret = {"password": password, "active": True} if password else {}
            change = {**secret, **named, **({"admin": True} if roles else {})}
            client.call("PATCH", f"/users/{there[0]['id']}", json=change)
            note(f"{email} has a new {'password' if password else 'name'}.")
        else:
            given = {"email": email, "password": password or "", "admin": bool(roles), **named}
            client.call("POST", "/users", json=given)
            note(f"{email} can sign in.")
        return f"user {clicks} {email}"

    @on_click(app, again, Input({"type": "user-change", "id": ALL, "to": ALL}, "n_clicks"))
    def change_user(clicks: Any) -> Any:
        what = {
            "admin": {"admin": True},
            "annotator": {"admin": False},
            "on": {"active": True},
            "off": {"active": False},
            "unlock": {"locked": False},
        }
        to = dash.ctx.triggered_id
        client.call("PATCH", f"/users/{to['id']}", json=what[to["to"]])
        note("The account is changed.")
        return f"{to['id']} {to['to']}"

    @on_click(
        app,
        again,
        Input({"type": "word-do", "kind": ALL, "what": ALL}, "n_clicks"),
        State({"type": "word", "kind": ALL}, "value"),
        State({"type": "new-word", "kind": ALL}, "value"),
    )
    def change_word(clicks: Any, words: list[Any], new_words: list[Any]) -> Any:
        kind, what = dash.ctx.triggered_id["kind"], dash.ctx.triggered_id["what"]
        at = ("entity", "relation").index(kind)
        name, new = (words[at] or "").strip(), (new_words[at] or "").strip()
        if what == "add":
            client.call("POST", "/vocabulary", json={"kind": kind, "name": name})
        elif what == "rename":
            client.call("PUT", "/vocabulary", json={"kind": kind, "name": name, "new_name": new})
        else:
            client.call("PUT", "/vocabulary", json={"kind": kind, "name": name})
        note("The vocabulary is changed.")
        return f"{what} {name} {new}"

    @app.callback(Output("import-report", "children"), Input("imported", "data"), prevent_initial_call=True)
    def told(data: Json | None) -> Any:
        if not data:
            return dash.no_update
        got = data["answer"]
        counted = ", ".join(
            f"{got[name]:,} {name}" for name in ("projects", "papers", "sentences", "triples", "users")
        )
        lines: list[Any] = [html.P(f"Added: {counted}. {got['known']:,} triples were here already.")]
        if got["skipped"]:
            lines.append(
                html.Details([html.Summary("Left out"), html.Ul([html.Li(one) for one in got["skipped"]])])
            )
        return lines
