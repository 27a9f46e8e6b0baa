"""One paper: its PDF, and beside it the form for a sentence with its triples."""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import quote

import dash
from dash import ALL, Input, Output, State, dcc, html

from harvest.roles import allows
from harvest.web import client, urls
from harvest.web.client import Json
from harvest.web.pages import form
from harvest.web.parts import (
    STATUS,
    action,
    attributes,
    clicked,
    described,
    described_states,
    described_values,
    div,
    download,
    dropzone,
    note,
    on_click,
    person,
    refresh,
    sure,
)


def page(me: Json, query: Json, paper_id: str) -> html.Div:
    settings = client.settings()
    paper = client.call("GET", f"/papers/{paper_id}")
    project = client.call("GET", f"/projects/{paper['project_id']}")
    choices = client.call("GET", "/choices")
    known = client.call("GET", "/graph", params={"project_id": project["id"], "limit": 300})["edges"]
    may_annotate = allows(project["role"], "annotate")
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
            div(
                "heading",
                html.Div(
                    [
                        html.H1(paper["title"] or paper["doi"]),
                        html.P([about, " ", _doi_link(paper)], className="quiet"),
                        _change(paper) if allows(project["role"], "papers") else None,
                    ]
                ),
                html.Fieldset([html.Legend("Status", className="hidden"), status], className="segmented"),
            ),
            html.A("Annotate ↓", href="#annotate", className="button to-form") if may_annotate else None,
            div(
                "desk",
                _pdf(me, paper),
                html.Section(
                    [
                        html.Div(form.fields(draft, choices, names), hidden=not may_annotate),
                        None
                        if may_annotate
                        else html.P("You can only read in this project.", className="quiet"),
                        html.Div(_saved(me, paper["id"]), id="sentences"),
                    ],
                    id="annotate",
                    className="side",
                ),
            ),
            dcc.Store(id="paper-id", data=paper["id"]),
            dcc.Store(id="picked", data=draft.get("picked")),
            dcc.Store(id="editing", data=draft.get("editing")),
            dcc.Store(id="draft-of", data=key),
            dcc.Store(id="uploaded"),
            dcc.Store(id="saved", data=0),
        ]
    )


def _doi_link(paper: Json) -> html.A | None:
    where = f"https://doi.org/{quote(paper['doi'])}"
    return html.A(paper["doi"], href=where, target="_blank", rel="noreferrer") if paper["doi"] else None


def _change(paper: Json) -> html.Details:
    save = html.Button("Save changes", id="paper-change", className="primary")
    return html.Details(
        [html.Summary("Change title, authors, year"), div("card form", *described(paper, "paper"), save)],
        className="disclosure described",
    )


def _pdf(me: Json, paper: Json) -> html.Section:
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
            **attributes(aria_label="PDF"),
        )
    where = urls.pdf(settings, project, paper["pdf"]["name"])
    marks = urls.highlights(settings, project, paper["pdf"]["name"])
    links = div(
        "actions",
        download("Download", where, paper["pdf"]["name"]),
        download(
            "Copy with highlights",
            f"{where}/marked",
            f"{paper['pdf']['name'].removesuffix('.pdf')}-marked.pdf",
        ),
    )
    return html.Section(
        [
            html.Div(
                id="viewer",
                key=f"{paper['id']}-{paper['pdf']['size']}",
                **attributes(data_pdf=where, data_highlights=marks),
            ),
            html.Details(
                [html.Summary("Highlights"), html.Div(_marks(me, paper["id"]), id="marks")],
                className="disclosure",
            ),
            html.Details([html.Summary("Files"), links, upload], className="disclosure"),
        ],
        className="paper-pdf",
        **attributes(aria_label="PDF"),
    )


def _marks(me: Json, paper_id: int) -> list[Any]:
    found = client.call("GET", f"/papers/{paper_id}/highlights")["highlights"]
    if not found:
        return [html.P("Nothing is highlighted yet.", className="quiet")]
    rows = []
    for one in found:
        remove = html.Button("Remove", id={"type": "mark-remove", "id": one["id"]}, className="plain danger")
        place = html.Button(f"page {one['page']}", className="plain", **attributes(data_page_of=one["page"]))
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


def _saved(me: Json, paper_id: int) -> list[Any]:
    found = client.call("GET", f"/papers/{paper_id}/sentences")
    if not found:
        return [html.P("Nothing is annotated in this paper yet.", className="quiet empty")]
    return [
        html.H2(f"Annotated ({len(found)})"),
        html.Ul([html.Li(_sentence(me, one), className="card saved") for one in found]),
    ]


def _sentence(me: Json, one: Json) -> list[Any]:
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
        [html.Button(f"page {one['page']}", className="plain", **attributes(data_page_of=one["page"]))]
        if one["page"]
        else []
    )
    delete = {"type": "sentence-delete", "id": one["id"], "version": one["version"]}
    buttons = [
        html.Button("Edit", id={"type": "sentence-edit", "id": one["id"], "at": "list"}, className="plain"),
        sure(
            html.Button("Delete", id=delete, className="plain danger"),
            "Delete this sentence with its triples? It can be restored from the trash for 30 days.",
        ),
    ]
    foot = div(
        "actions",
        person(one["contributor_name"], one["contributor"], "grow"),
        *place,
        *(buttons if can_change else []),
    )
    return [html.P(one["sentence"]), triples, foot]


def register(app: dash.Dash) -> None:
    form.register(app)

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
        Output("marks", "children"),
        Input("picked", "data"),
        Input({"type": "mark-remove", "id": ALL}, "n_clicks"),
        State("paper-id", "data"),
        prevent_initial_call=True,
    )
    @action
    def marks(_picked: Any, _clicks: Any, paper: int) -> Any:
        changed = []
        if dash.ctx.triggered_id != "picked":
            if not clicked():
                return dash.no_update
            client.call("DELETE", f"/highlights/{dash.ctx.triggered_id['id']}")
            changed = [html.Span(id="highlights-changed", key=uuid.uuid4().hex)]
        return [*_marks(client.call("GET", "/me"), paper), *changed]

    @on_click(
        app,
        Output("saved", "data", allow_duplicate=True),
        Input({"type": "sentence-delete", "id": ALL, "version": ALL}, "submit_n_clicks"),
        State("saved", "data"),
    )
    def delete(_clicks: Any, count: int) -> Any:
        read = dash.ctx.triggered_id
        try:
            client.call("DELETE", f"/sentences/{read['id']}", params={"version": read["version"]})
        except client.ApiError as error:
            if error.status != 409:
                raise
            note(f"{error} The newer version stands here now.", "error")
            return count + 1
        note("The sentence is in the trash.")
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

    @on_click(
        app,
        Output("refresh", "data", allow_duplicate=True),
        Input("paper-change", "n_clicks"),
        *described_states("paper"),
        State("paper-id", "data"),
    )
    def change(clicks: Any, *given: Any) -> Any:
        client.call("PATCH", f"/papers/{given[-1]}", json=described_values(given[:-1]))
        note("The paper is changed.")
        return f"paper {clicks}"

    @app.callback(Input("uploaded", "data"), prevent_initial_call=True)
    def uploaded(data: Json | None) -> None:
        if data:
            refresh()
