"""Pieces that several pages use, and what every callback does with a refusal."""

from __future__ import annotations

import functools
import json
import uuid
from collections.abc import Callable, Iterable
from typing import Any

import dash
from dash import State, dcc, html

from harvest.web import client
from harvest.web.client import Json

STATUS = {"unstarted": "Not started", "in_progress": "In progress", "done": "Done"}
METADATA = {
    "pending": "Fetching metadata",
    "unreachable": "CrossRef not reachable, trying again",
    "missing": "Unknown to CrossRef",
}


def attributes(**given: Any) -> Json:
    """`data_page_of=3` as Dash takes it: {"data-page-of": 3}."""
    return {name.replace("_", "-"): value for name, value in given.items()}


def div(kind: str, *children: Any, **options: Any) -> html.Div:
    """A box of the class `kind`; `data_x` and `aria_x` are written with a hyphen."""
    hyphened = {name for name in options if name.startswith(("data_", "aria_"))}
    plain = {name: value for name, value in options.items() if name not in hyphened}
    marked = attributes(**{name: options[name] for name in hyphened})
    return html.Div(list(children), className=kind, **plain, **marked)


def note(text: str, kind: str = "good") -> None:
    """Show a short message; called inside a callback."""
    shown = html.Span(key=uuid.uuid4().hex, **attributes(data_note=text, data_kind=kind))
    dash.set_props("server-note", {"children": [shown]})


def refresh() -> None:
    """Draw the page anew; called inside a callback."""
    dash.set_props("refresh", {"data": uuid.uuid4().hex})


def action(callback: Callable[..., Any]) -> Callable[..., Any]:
    """A callback whose refusals are shown and change nothing; a session that is over leads to the sign-in page."""

    @functools.wraps(callback)
    def run(*arguments: Any) -> Any:
        try:
            return callback(*arguments)
        except client.ApiError as error:
            over = error.status == 401
            note(
                "You have been signed out. What you typed is kept: sign in again." if over else str(error),
                "error",
            )
            if over:
                refresh()
            return unchanged()  # not PreventUpdate: it would also drop the note

    return run


def unchanged() -> Any:
    """What a callback returns that changes none of its outputs."""
    outputs = dash.ctx.outputs_list
    return [dash.no_update] * len(outputs) if isinstance(outputs, list) else dash.no_update


def clicked() -> bool:
    """Whether a click ran this callback: components that just appeared run it too."""
    return bool(dash.ctx.triggered and dash.ctx.triggered[0]["value"])


def on_click(app: dash.Dash, *dependencies: Any, **options: Any) -> Callable[..., Any]:
    """`app.callback` for what a click does: an `action` that buttons which just appeared do not run."""

    def register(callback: Callable[..., Any]) -> Any:
        @functools.wraps(callback)
        def run(*arguments: Any) -> Any:
            return callback(*arguments) if clicked() else unchanged()

        return app.callback(*dependencies, prevent_initial_call=True, **options)(action(run))

    return register


def field(label: str, control: Any, hint: str = "") -> html.Div:
    """A labelled control."""
    # Dash writes an id that is a dict into the page like this.
    name = (
        control.id
        if isinstance(control.id, str)
        else json.dumps(control.id, sort_keys=True, separators=(",", ":"))
    )
    below = [html.Small(hint, className="quiet")] if hint else []
    return html.Div([html.Label(label, htmlFor=name), control, *below], className="field")


DESCRIBED = (
    ("title", "Title", 1000),
    ("authors", "Authors", 2000),
    ("journal", "Journal", 500),
    ("year", "Year", 4),
)


def described(paper: Json, kind: str) -> list[html.Div]:
    """The fields of what a paper is; their ids hold `kind`."""
    return [
        field(label, text_input(f"{kind}-{name}", value=str(paper.get(name) or ""), maxLength=limit))
        for name, label, limit in DESCRIBED
    ]


def described_states(kind: str) -> list[State]:
    return [State(f"{kind}-{name}", "value") for name, *_ in DESCRIBED]


def described_values(given: Iterable[str | None]) -> Json:
    """What these fields hold as the API takes it. Raises ApiError for what is no year."""
    values: Json = {name: (text or "").strip() for (name, *_), text in zip(DESCRIBED, given, strict=True)}
    if not (year := values.pop("year")):
        return values
    if not year.isdecimal():
        raise client.ApiError(422, f"The year is a number, not '{year}'.")
    return {**values, "year": int(year)}


def person_label(one: Json) -> str:
    """A person of /people in a list to choose from."""
    return " · ".join(filter(None, (one["name"] or one["alias"], one["email"])))


def text_input(name: Any, **options: Any) -> dcc.Input:
    return dcc.Input(
        id=name, type=options.pop("type", "text"), autoComplete=options.pop("autoComplete", "off"), **options
    )


def sure(button: html.Button, question: str) -> dcc.ConfirmDialogProvider:
    """Asks before it acts; it takes the button's id, and its `submit_n_clicks` counts the yes."""
    name = getattr(button, "id")  # noqa: B009 Dash makes its attributes of arguments
    delattr(button, "id")
    return dcc.ConfirmDialogProvider(button, id=name, message=question)


def counted(number: int, of: str) -> str:
    """`1 page`, `1,200 pages`."""
    return f"{number:,} {of}{'' if number == 1 else 's'}"


def time(stamp: str) -> html.Time:
    """A time of the API, "2026-01-31T12:00:00Z"; assets/api.js shows it in the reader's zone."""
    return html.Time(f"{stamp[:16].replace('T', ' ')} UTC", dateTime=stamp, key=stamp)


def person(name: str, known_as: str, kind: str = "") -> html.Small:
    """Who did something; the alias, or for admins the address, is told when one points there."""
    return html.Small(name, title=known_as, className=f"quiet {kind}")


def badge(text: str, kind: str = "") -> html.Span:
    return html.Span(text, className=f"badge {kind}")


def progress(done: int, started: int, total: int) -> html.Div:
    """How many papers are done and in progress, as a bar and in words."""
    words = f"{done} of {total} papers done" + (f", {started} in progress" if started else "")
    share = [100 * part / total if total else 0 for part in (done, started)]
    bar = [
        html.Div(className=f"part {kind}", style={"width": f"{width:.1f}%"})
        for kind, width in zip(("done", "started"), share, strict=True)
    ]
    return html.Div(
        [html.Div(bar, className="progress", **attributes(aria_hidden="true")), html.Small(words)]
    )


def dropzone(label: str, url: str, *, method: str, media: str, accept: str, done: str) -> html.Div:
    """A place for a file, dropped or picked; assets/api.js uploads it and writes the answer to the store `done`."""
    return div(
        "dropzone",
        html.Button(label, type="button", className="pick-file"),
        html.Span("or drop the file here", className="quiet"),
        html.Progress(max="100", hidden=True, **attributes(aria_label="Upload")),
        html.Div(className="upload-state quiet", role="status"),
        data_upload=url,
        data_method=method,
        data_type=media,
        data_accept=accept,
        data_done=done,
    )


def download(label: str, href: str, name: str) -> html.A:
    """A link to a file of the API; assets/api.js helps where that has an origin of its own."""
    return html.A(label, href=href, download=name, className="button small", **attributes(data_file=name))


def table(head: list[Any], rows: list[list[Any]], label: str, empty: str) -> Any:
    """A table that scrolls sideways on its own when the screen is narrow."""
    if not rows:
        return html.P(empty, className="quiet empty")
    made = html.Table(
        [
            html.Thead(html.Tr([html.Th(one, scope="col") for one in head])),
            html.Tbody([html.Tr([html.Td(c) for c in r]) for r in rows]),
        ]
    )
    return html.Div(made, className="scroll", tabIndex="0", role="region", **attributes(aria_label=label))
