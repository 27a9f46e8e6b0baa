"""The form for a sentence with its triples, and what its buttons do."""

from __future__ import annotations

from typing import Any

import dash
from dash import ALL, Input, Output, State, dcc, html

from harvest.web import client
from harvest.web.client import Json
from harvest.web.parts import attributes, div, field, note, on_click

FIELDS = (
    ("source_entity_name", "Source entity", "entity-names"),
    ("source_entity_attr", "Source type", "entity-types"),
    ("relation_type", "Relation", "relation-types"),
    ("sink_entity_name", "Target entity", "entity-names"),
    ("sink_entity_attr", "Target type", "entity-types"),
)


def fields(draft: Json, choices: Json, names: list[str]) -> list[Any]:
    lists = {
        "entity-types": choices["entity_types"],
        "relation-types": choices["relation_types"],
        "entity-names": names,
    }
    return [
        *(
            html.Datalist([html.Option(value=one) for one in values], id=name)
            for name, values in lists.items()
        ),
        div(
            "card form",
            html.H2("Annotate", id="form-title"),
            html.Div(id="refused", role="alert", className="alert"),
            field(
                "Sentence",
                dcc.Textarea(
                    id="sentence",
                    value=draft.get("sentence", ""),
                    rows=4,
                    maxLength=10_000,
                    placeholder="Select text in the PDF, or type it here",
                ),
            ),
            html.Div(_triple(), id="triple", hidden=True),
            html.Div(id="triples"),
            dcc.Store(id="fill", data=draft.get("triples") or [{}]),
            dcc.Store(id="rows"),
            div(
                "actions",
                html.Button("Add a triple", id="add-triple", title="Alt+T"),
                html.Button("Clear", id="cancel", className="plain"),
                html.Span(className="grow"),
                html.Button("Save", id="save", className="primary", title="Ctrl+Enter"),
            ),
        ),
    ]


def _triple() -> html.Fieldset:
    def control(name: str, label: str, options: str) -> html.Label:
        limit = 300 if name.endswith("_name") else 60
        made = dcc.Input(name=name, type="text", list=options, maxLength=limit, autoComplete="off")
        return html.Label([html.Span(label), made], className=f"field {name}")

    remove = html.Button(
        "×",
        className="plain remove",
        title="Remove this triple",
        **attributes(aria_label="Remove this triple"),
    )
    return html.Fieldset([html.Legend("Triple"), *(control(*one) for one in FIELDS), remove])


def _refused(sentence_id: int, why: str) -> Json:
    """What the form goes on with when somebody else was faster: it keeps what was typed."""
    try:
        newer = client.call("GET", f"/sentences/{sentence_id}")
    except client.ApiError as error:
        if error.status != 404:
            raise
        return {"refused": f"{why} What you typed is kept; Save makes a new sentence of it."}
    told = f"{why} What you typed is kept; the newer version stands below."
    return {"id": sentence_id, "version": newer["version"], "refused": told}


def _lacking(text: str | None, rows: list[Json]) -> str:
    """What is still to be filled in, the triples by their place in the form; rows without a word do not count."""
    if not (text or "").strip():
        return "Please fill in the sentence."
    if not any(any(one.values()) for one in rows):
        return "Please fill in a triple."
    for place, one in enumerate(rows, 1):
        labels = [label for name, label, _ in FIELDS if not one[name]]
        if labels and len(labels) < len(FIELDS):
            return f"Triple {place}: please fill in {', '.join(labels)}."
    return ""


def register(app: dash.Dash) -> None:
    @on_click(
        app,
        Output("saved", "data"),
        Output("sentence", "value"),
        Output("fill", "data"),
        Output("picked", "data"),
        Output("editing", "data"),
        Input("save", "n_clicks"),
        State("sentence", "value"),
        State("rows", "data"),
        State("paper-id", "data"),
        State("picked", "data"),
        State("editing", "data"),
        State("saved", "data"),
        # A double click saves once.
        running=[(Output("save", "disabled"), True, False)],
    )
    def save(
        _clicks: Any, text: str, given: list[Json], paper: int, picked: Any, editing: Any, count: int
    ) -> Any:
        rows = [{name: (one.get(name) or "").strip() for name, *_ in FIELDS} for one in given]
        if lacking := _lacking(text, rows):
            raise client.ApiError(422, lacking)  # assets/form.js marks the fields
        rows = [one for one in rows if any(one.values())]
        body = {"sentence": text, "triples": rows}
        if editing and "id" in editing:
            try:
                client.call(
                    "PUT", f"/sentences/{editing['id']}", json={**body, "version": editing["version"]}
                )
            except client.ApiError as error:
                if error.status != 409:
                    raise
                return count + 1, *[dash.no_update] * 3, _refused(editing["id"], str(error))
        else:
            place = {key: value for key, value in (picked or {}).items() if value}
            client.call("POST", "/save", json={"paper_id": paper, **body, **place})
        note(f"Saved with {len(rows)} triple{'s' if len(rows) > 1 else ''}.")
        return count + 1, "", [{}], None, None

    @on_click(
        app,
        Output("sentence", "value", allow_duplicate=True),
        Output("fill", "data", allow_duplicate=True),
        Output("editing", "data", allow_duplicate=True),
        Output("picked", "data", allow_duplicate=True),
        Input({"type": "sentence-edit", "id": ALL, "at": ALL}, "n_clicks"),
        Input("cancel", "n_clicks"),
    )
    def edit(_edit: Any, _cancel: Any) -> Any:
        if dash.ctx.triggered_id == "cancel":
            return "", [{}], None, None
        one = client.call("GET", f"/sentences/{dash.ctx.triggered_id['id']}")
        editing = {"id": one["id"], "version": one["version"]}
        picked = {"page": one["page"], "highlight_id": one["highlight_id"]}
        return one["sentence"], one["triples"] or [{}], editing, picked

    @app.callback(
        Output("form-title", "children"),
        Output("cancel", "children"),
        Output("save", "children"),
        Output("refused", "children"),
        Input("editing", "data"),
    )
    def title(editing: Json | None) -> tuple[str, str, str, list[Any]]:
        why = (editing or {}).get("refused")
        told: list[Any] = [html.P(why)] if why else []
        if not editing or "id" not in editing:
            return "Annotate", "Clear", "Save", told
        if why:
            which = {"type": "sentence-edit", "id": editing["id"], "at": "form"}
            told.append(html.Button("Load the newer version", id=which))
        return "Edit", "Cancel", "Save mine instead" if why else "Save changes", told

    app.clientside_callback(  # type: ignore[no-untyped-call]
        dash.ClientsideFunction("harvest", "fill"), Output("rows", "data"), Input("fill", "data")
    )
    app.clientside_callback(  # type: ignore[no-untyped-call]
        dash.ClientsideFunction("harvest", "keepDraft"),
        Output("drafts", "data"),
        Input("sentence", "value"),
        Input("rows", "data"),
        Input("picked", "data"),
        Input("editing", "data"),
        State("draft-of", "data"),
        State("drafts", "data"),
    )
