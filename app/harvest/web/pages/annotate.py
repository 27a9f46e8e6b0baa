"""One paper: its PDF, and beside it the form for a sentence with its triples."""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import quote

import dash
from dash import ALL, Input, Output, State, dcc, html

from harvest.web import client, urls
from harvest.web.parts import (
    STATUS,
    action,
    clicked,
    download,
    dropzone,
    field,
    note,
    refresh,
    sure,
    text_input,
)

FIELDS = (
    ("source_entity_name", "Source entity", "entity-names"),
    ("source_entity_attr", "Its type", "entity-types"),
    ("relation_type", "Relation", "relation-types"),
    ("sink_entity_name", "Sink entity", "entity-names"),
    ("sink_entity_attr", "Its type", "entity-types"),
)


def page(me: dict, query: dict, paper_id: str) -> html.Div:
    settings = client.settings()
    paper = client.call("GET", f"/papers/{paper_id}")
    project = client.call("GET", f"/projects/{paper['project_id']}")
    choices = client.call("GET", "/choices")
    known = client.call("GET", "/graph", params={"project_id": project["id"], "limit": 300})["edges"]
    names = sorted({one[end] for one in known for end in ("source_name", "sink_name")})
    key = f"{me['alias']} {paper['id']}"
    draft = query["drafts"].get(key, {})
    status = dcc.RadioItems(
        id="paper-status",
        options=[{"value": k, "label": v} for k, v in STATUS.items()],
        value=paper["status"],
        inline=True,
    )
    about = " · ".join(filter(None, (paper["authors"], paper["journal"], str(paper["year"] or ""))))
    return html.Div(
        [
            html.P(
                dcc.Link(f"‹ {project['name']}", href=urls.page(settings, f"projects/{project['id']}")),
                className="crumb",
            ),
            html.Div(
                [
                    html.Div(
                        [
                            html.H1(paper["title"] or paper["doi"]),
                            html.P(
                                [
                                    about,
                                    " " if about else "",
                                    html.A(
                                        paper["doi"],
                                        href=f"https://doi.org/{quote(paper['doi'])}",
                                        target="_blank",
                                        rel="noreferrer",
                                    ),
                                ],
                                className="quiet",
                            ),
                        ]
                    ),
                    html.Fieldset([html.Legend("Status", className="hidden"), status], className="segmented"),
                ],
                className="heading",
            ),
            html.Div(
                [
                    _pdf(me, paper),
                    html.Section(
                        [*_form(draft, choices, names), html.Div(_saved(me, paper["id"]), id="sentences")],
                        className="side",
                    ),
                ],
                className="desk",
            ),
            dcc.Store(id="paper-id", data=paper["id"]),
            dcc.Store(id="picked", data=draft.get("picked")),
            dcc.Store(id="editing", data=draft.get("editing")),
            dcc.Store(id="draft-of", data=key),
            dcc.Store(id="uploaded"),
            dcc.Store(id="saved", data=0),
        ]
    )


def _pdf(me: dict, paper: dict) -> html.Section:
    settings, project = client.settings(), paper["project_id"]
    upload = dropzone(
        "Upload a PDF" if not paper["pdf"] else "Replace the PDF",
        urls.pdf(settings, project, paper["pdf_name"]),
        method="PUT",
        media="application/pdf",
        accept="application/pdf,.pdf",
        done="uploaded",
    )
    if not paper["pdf"]:
        return html.Section(
            [html.H2("PDF"), upload, html.Div(id="marks")],
            className="paper-pdf missing",
            **{"aria-label": "PDF"},
        )
    where = urls.pdf(settings, project, paper["pdf"]["name"])
    marks = urls.highlights(settings, project, paper["pdf"]["name"])
    links = html.Div(
        [
            download("Download", where, paper["pdf"]["name"]),
            download(
                "Copy with highlights",
                f"{where}/marked",
                f"{paper['pdf']['name'].removesuffix('.pdf')}-marked.pdf",
            ),
        ],
        className="actions",
    )
    return html.Section(
        [
            html.Div(
                id="viewer",
                key=f"{paper['id']}-{paper['pdf']['size']}",
                **{"data-pdf": where, "data-highlights": marks},
            ),
            html.Details(
                [html.Summary("Highlights"), html.Div(_marks(me, paper["id"]), id="marks")],
                className="disclosure",
            ),
            html.Details([html.Summary("Files"), links, upload], className="disclosure"),
        ],
        className="paper-pdf",
        **{"aria-label": "PDF"},
    )


def _marks(me: dict, paper_id: int) -> list[Any]:
    found = client.call("GET", f"/papers/{paper_id}/highlights")["highlights"]
    if not found:
        return [html.P("Nothing is highlighted yet.", className="quiet")]
    rows = []
    for one in found:
        remove = html.Button("Remove", id={"type": "mark-remove", "id": one["id"]}, className="plain danger")
        place = html.Button(f"page {one['page']}", className="plain", **{"data-page-of": one["page"]})
        rows.append(
            html.Li(
                [
                    place,
                    html.Span(one["text"], className="grow clip"),
                    remove if one["mine"] or me["admin"] else None,
                ],
                className="actions",
            )
        )
    return [html.Ul(rows, className="marks-list")]


def _form(draft: dict, choices: dict, names: list[str]) -> list[Any]:
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
        html.Div(
            [
                html.H2("Annotate", id="form-title"),
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
                html.Div(
                    [_triple(row, one) for row, one in enumerate(draft.get("triples") or [{}])], id="triples"
                ),
                html.Div(
                    [
                        html.Button("Add a triple", id="add-triple", title="Alt+T"),
                        html.Button("Clear", id="cancel", className="plain"),
                        html.Span(className="grow"),
                        html.Button("Save", id="save", className="primary", title="Ctrl+Enter"),
                    ],
                    className="actions",
                ),
            ],
            className="card form",
        ),
    ]


def _triple(row: int, values: dict) -> html.Fieldset:
    def control(name: str, label: str, options: str) -> html.Div:
        key = {"type": "triple", "field": name, "row": row}
        limit = 300 if name.endswith("_name") else 60
        made = text_input(key, list=options, value=values.get(name, ""), maxLength=limit)
        # A <label> around its control: the control's id is made by Dash.
        return html.Label([html.Span(label), made], className=f"field {name}")

    remove = html.Button(
        "×",
        id={"type": "triple-remove", "row": row},
        className="plain remove",
        title="Remove this triple",
        **{"aria-label": "Remove this triple"},
    )
    return html.Fieldset(
        [html.Legend("Triple"), *(control(*one) for one in FIELDS), remove],
        className="triple",
        key=f"{row}-{uuid.uuid4().hex[:6]}",
    )


def _saved(me: dict, paper_id: int) -> list[Any]:
    found = client.call("GET", f"/papers/{paper_id}/sentences")
    if not found:
        return [html.P("Nothing is annotated in this paper yet.", className="quiet empty")]
    return [
        html.H2(f"Annotated ({len(found)})"),
        html.Ul([html.Li(_sentence(me, one), className="card saved") for one in found]),
    ]


def _sentence(me: dict, one: dict) -> list[Any]:
    triples = html.Ul(
        [
            html.Li(
                [
                    html.Span(row["source_entity_name"], className="entity", title=row["source_entity_attr"]),
                    html.Span(row["relation_type"], className="relation"),
                    html.Span(row["sink_entity_name"], className="entity", title=row["sink_entity_attr"]),
                ]
            )
            for row in one["triples"]
        ],
        className="triples",
    )
    can_change = one["mine"] or me["admin"]
    place = (
        [html.Button(f"page {one['page']}", className="plain", **{"data-page-of": one["page"]})]
        if one["page"]
        else []
    )
    buttons = [
        html.Button("Edit", id={"type": "sentence-edit", "id": one["id"]}, className="plain"),
        sure(
            html.Button("Delete", id={"type": "sentence-delete", "id": one["id"]}, className="plain danger"),
            "Delete this sentence with its triples?",
        ),
    ]
    foot = html.Div(
        [html.Small(one["contributor"], className="quiet grow"), *place, *(buttons if can_change else [])],
        className="actions",
    )
    return [html.P(one["sentence"]), triples, foot]


def _rows(values: list[Any], ids: list[dict]) -> dict[int, dict[str, str]]:
    """The form's triples as {row: {field: text}}."""
    rows: dict[int, dict[str, str]] = {}
    for value, one in zip(values, ids, strict=True):
        rows.setdefault(one["row"], {})[one["field"]] = (value or "").strip()
    return rows


def _next_triple(rows: list[dict]) -> dict:
    """A new row continues where the last one was: the same source, as most sentences go on about one thing."""
    last = rows[-1] if rows else {}
    return {name: last.get(name, "") for name in ("source_entity_name", "source_entity_attr")}


def register(app: dash.Dash) -> None:
    values, ids = (
        State({"type": "triple", "field": ALL, "row": ALL}, "value"),
        State({"type": "triple", "field": ALL, "row": ALL}, "id"),
    )

    @app.callback(
        Output("triples", "children"),
        Input("add-triple", "n_clicks"),
        Input({"type": "triple-remove", "row": ALL}, "n_clicks"),
        values,
        ids,
        prevent_initial_call=True,
    )
    def change_rows(_add: Any, _remove: Any, given: list[Any], names: list[dict]) -> Any:
        if not clicked():
            return dash.no_update
        rows, drawn = _rows(given, names), dash.Patch()
        if dash.ctx.triggered_id == "add-triple":
            drawn.append(_triple(max(rows, default=0) + 1, _next_triple(list(rows.values()))))
        elif len(rows) > 1:
            del drawn[list(rows).index(dash.ctx.triggered_id["row"])]
        else:
            return [_triple(0, {})]
        return drawn

    @app.callback(
        Output("saved", "data"),
        Output("sentence", "value"),
        Output("triples", "children", allow_duplicate=True),
        Output("picked", "data"),
        Output("editing", "data"),
        Input("save", "n_clicks"),
        State("sentence", "value"),
        values,
        ids,
        State("paper-id", "data"),
        State("picked", "data"),
        State("editing", "data"),
        State("saved", "data"),
        # A double click saves once.
        running=[(Output("save", "disabled"), True, False)],
        prevent_initial_call=True,
    )
    @action
    def save(
        _clicks: Any, text: str, given: Any, names: Any, paper: int, picked: Any, editing: Any, count: int
    ) -> Any:
        if not clicked():
            return [dash.no_update] * 5
        rows = [one for one in _rows(given, names).values() if any(one.values())]
        missing = {label for one in rows for name, label, _ in FIELDS if not one.get(name)}
        if not (text or "").strip():
            raise client.ApiError(422, "Please fill in the sentence.")
        if missing or not rows:
            raise client.ApiError(422, f"Please fill in: {', '.join(sorted(missing)) or 'a triple'}.")
        if editing:
            client.call("PUT", f"/sentences/{editing}", json={"sentence": text, "triples": rows})
        else:
            place = {key: value for key, value in (picked or {}).items() if value}
            client.call("POST", "/save", json={"paper_id": paper, "sentence": text, "triples": rows, **place})
        note(f"Saved with {len(rows)} triple{'s' if len(rows) > 1 else ''}.")
        return count + 1, "", [_triple(0, {})], None, None

    @app.callback(
        Output("sentences", "children"),
        Input("saved", "data"),
        State("paper-id", "data"),
        prevent_initial_call=True,
    )
    @action
    def show(_saved_: int, paper: int) -> Any:
        return _saved(client.call("GET", "/me"), paper)

    @app.callback(
        Output("sentence", "value", allow_duplicate=True),
        Output("triples", "children", allow_duplicate=True),
        Output("editing", "data", allow_duplicate=True),
        Output("picked", "data", allow_duplicate=True),
        Input({"type": "sentence-edit", "id": ALL}, "n_clicks"),
        Input("cancel", "n_clicks"),
        prevent_initial_call=True,
    )
    @action
    def edit(_edit: Any, _cancel: Any) -> Any:
        if not clicked():
            return [dash.no_update] * 4
        if dash.ctx.triggered_id == "cancel":
            return "", [_triple(0, {})], None, None
        one = client.call("GET", f"/sentences/{dash.ctx.triggered_id['id']}")
        rows = one["triples"] or [{}]
        return one["sentence"], [_triple(at, row) for at, row in enumerate(rows)], one["id"], None

    @app.callback(
        Output("form-title", "children"),
        Output("cancel", "children"),
        Output("save", "children"),
        Input("editing", "data"),
    )
    def title(editing: int | None) -> tuple[str, str, str]:
        return ("Edit", "Cancel", "Save changes") if editing else ("Annotate", "Clear", "Save")

    @app.callback(
        Output("marks", "children"),
        Input("picked", "data"),
        State("paper-id", "data"),
        prevent_initial_call=True,
    )
    @action
    def marks(_picked: Any, paper: int) -> Any:
        return _marks(client.call("GET", "/me"), paper)

    @app.callback(
        Output("marks", "children", allow_duplicate=True),
        Input({"type": "mark-remove", "id": ALL}, "n_clicks"),
        State("paper-id", "data"),
        prevent_initial_call=True,
    )
    @action
    def unmark(_clicks: Any, paper: int) -> Any:
        if not clicked():
            return dash.no_update
        client.call("DELETE", f"/highlights/{dash.ctx.triggered_id['id']}")
        left = _marks(client.call("GET", "/me"), paper)
        return [*left, html.Span(id="highlights-changed", key=uuid.uuid4().hex)]

    app.clientside_callback(
        dash.ClientsideFunction("harvest", "keepDraft"),
        Output("drafts", "data"),
        Input("sentence", "value"),
        Input({"type": "triple", "field": ALL, "row": ALL}, "value"),
        Input("picked", "data"),
        Input("editing", "data"),
        ids,
        State("draft-of", "data"),
        State("drafts", "data"),
    )

    @app.callback(
        Output("saved", "data", allow_duplicate=True),
        Input({"type": "sentence-delete", "id": ALL}, "submit_n_clicks"),
        State("saved", "data"),
        prevent_initial_call=True,
    )
    @action
    def delete(_clicks: Any, count: int) -> Any:
        if not clicked():
            return dash.no_update
        client.call("DELETE", f"/sentences/{dash.ctx.triggered_id['id']}")
        note("The sentence is deleted.")
        return count + 1

    @app.callback(
        Output("paper-status", "value"),
        Input("paper-status", "value"),
        State("paper-id", "data"),
        prevent_initial_call=True,
    )
    @action
    def status(value: str, paper: int) -> Any:
        client.call("PATCH", f"/papers/{paper}", json={"status": value})
        note(f"The paper is {STATUS[value].lower()}.")
        return dash.no_update

    @app.callback(
        Output("refresh", "data", allow_duplicate=True), Input("uploaded", "data"), prevent_initial_call=True
    )
    def uploaded(data: dict | None) -> Any:
        if data:
            refresh()
        return dash.no_update
