"""Sign in, and the bar at the top."""

from __future__ import annotations

from dash import dcc, html

REASONS = {
    "wrong": "The e-mail address or the password is wrong.",
    "wait": "Too many failed attempts: please wait 15 minutes.",
    "down": "HARVEST's backend does not answer. Please try again in a moment.",
}


def bar(base: str, me: dict | None) -> list:
    made: list = [dcc.Link("HARVEST", href=base, className="brand")]
    if me:
        out = html.Form(html.Button("Sign out", className="plain"), action=f"{base}logout", method="POST")
        made += [html.Span(me["email"], className="who"), out]
    return made


def page(base: str, pathname: str, search: str) -> html.Div:
    """A real form, so that password managers know it; it posts to the frontend, which sets the cookie."""
    reason = next((text for key, text in REASONS.items() if search == f"?sign-in={key}"), "")
    return html.Div(
        html.Form(
            [
                html.H1("Sign in"),
                html.P(reason, role="alert", className="alert") if reason else None,
                html.Label("E-mail address", htmlFor="email"),
                dcc.Input(
                    id="email",
                    name="email",
                    type="email",
                    required=True,
                    autoComplete="username",
                    autoFocus=True,
                ),
                html.Label("Password", htmlFor="password"),
                dcc.Input(
                    id="password",
                    name="password",
                    type="password",
                    required=True,
                    autoComplete="current-password",
                ),
                dcc.Input(name="next", type="hidden", value=pathname),
                html.Button("Sign in", type="submit", className="primary"),
            ],
            action=f"{base}login",
            method="POST",
            className="card sign-in",
        ),
        className="center",
    )


def trouble(message: str) -> html.Div:
    return html.Div([html.H1("HARVEST is not available"), html.P(message, role="alert", className="alert")])
