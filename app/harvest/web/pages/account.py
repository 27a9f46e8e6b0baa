"""One's own account: who others see, and a new password."""

from __future__ import annotations

from typing import Any

import dash
from dash import Input, Output, State, dcc, html

from harvest.accounts import MAX_PASSWORD, MIN_PASSWORD
from harvest.web import client
from harvest.web.client import Json
from harvest.web.pages.login import REASONS
from harvest.web.parts import div, field, note, on_click, text_input

SAID = {
    "wrong": "The current password is wrong.",
    "differ": "The passwords do not match.",
    "unfit": f"A password needs {MIN_PASSWORD} to {MAX_PASSWORD} characters.",
    "wait": REASONS["wait"],
    "down": REASONS["down"],
}
FIELDS = (
    ("current", "Current password", "current-password"),
    ("new", f"New password ({MIN_PASSWORD} characters or more)", "new-password"),
    ("again", "New password again", "new-password"),
)


def page(me: Json, query: Json) -> html.Div:
    """A real form, so that password managers notice the change; it posts to the frontend, which keeps the session."""
    said = query.get("password", "")
    fields = []
    for name, label, kind in FIELDS:
        fields += [
            html.Label(label, htmlFor=name),
            dcc.Input(id=name, name=name, type="password", required=True, autoComplete=kind),
        ]
    return div(
        "narrow",
        html.H1("Your account"),
        html.P(
            f"You are signed in as {me['email']}. Your e-mail address is shown to admins only; "
            f"without a name others see {me['alias']}."
        ),
        div(
            "card form",
            field("Name", text_input("own-name", value=me["name"], maxLength=100), "What others see."),
            html.Button("Save the name", id="own-name-save", className="primary"),
        ),
        html.P("The password is changed. All other sessions have ended.", role="status", className="done")
        if said == "changed"
        else None,
        html.P(SAID[said], role="alert", className="alert") if said in SAID else None,
        html.Form(
            [
                html.H2("New password"),
                dcc.Input(name="email", type="hidden", value=me["email"]),
                *fields,
                html.Button("Change password", type="submit", className="primary"),
            ],
            action=f"{client.settings().URL_BASE_PATHNAME}password",
            method="POST",
            className="card sign-in",
        ),
    )


def register(app: dash.Dash) -> None:
    @on_click(
        app,
        Output("refresh", "data", allow_duplicate=True),
        Input("own-name-save", "n_clicks"),
        State("own-name", "value"),
    )
    def rename(clicks: Any, name: str | None) -> Any:
        client.call("PATCH", "/me", json={"name": name or ""})
        note("Your name is saved.")
        return f"name {clicks} {name}"
