"""One project: its papers and how far they are."""

from __future__ import annotations

from typing import Any

import dash
from dash import ALL, Input, Output, State, dcc, html

from harvest import doi
from harvest.web import client, urls
from harvest.web.client import Json
from harvest.web.parts import (
    METADATA,
    STATUS,
    action,
    badge,
    counted,
    div,
    download,
    field,
    note,
    on_click,
    progress,
    refresh,
    sure,
    table,
    text_input,
)


def page(me: Json, query: Json, project_id: str) -> html.Div:
    settings = client.settings()
    project = client.call("GET", f"/projects/{project_id}")
    papers = client.call("GET", f"/projects/{project_id}/papers")
    head = [
        "Paper",
        "Year",
        "Status",
        "Sentences",
        "PDF",
        *([html.Span("Actions", className="hidden")] if me["admin"] else []),
    ]
    exports = [
        download(label, urls.export(settings, kind, project_id=project["id"]), f"{project['name']}.{kind}")
        for kind, label in (("json", "JSON"), ("jsonl", "JSON Lines"), ("csv", "CSV"), ("nt", "RDF"))
    ]
    return html.Div(
        [
            html.P(dcc.Link("‹ Projects", href=urls.page(settings)), className="crumb"),
            html.H1(project["name"]),
            html.P(project["description"], className="lead") if project["description"] else None,
            html.Div(
                progress(project["done"], project["in_progress"], project["papers"]), className="narrow"
            ),
            div(
                "actions",
                dcc.Link(
                    "Browse its triples",
                    href=urls.page(settings, "browse", project_id=project["id"]),
                    className="button small",
                ),
                html.Span("Export:", className="quiet"),
                *exports,
            ),
            table(head, [_row(me, one) for one in papers], "Papers", "No papers yet."),
            dcc.Store(id="project-id", data=project["id"]),
            _admin(project) if me["admin"] else None,
        ]
    )


def _row(me: Json, one: Json) -> list[Any]:
    title = div(
        "paper-title",
        dcc.Link(one["title"] or one["doi"], href=urls.page(client.settings(), f"papers/{one['id']}")),
        html.Small(
            " · ".join(filter(None, (one["authors"], one["journal"], one["doi"] if one["title"] else ""))),
            className="quiet block",
        ),
        badge(METADATA[one["metadata_state"]]) if one["metadata_state"] in METADATA else None,
    )
    cells = [
        title,
        one["year"] or "",
        badge(STATUS[one["status"]], one["status"]),
        one["sentences"],
        counted(one["pdf"]["pages"], "page") if one["pdf"] else html.Span("none", className="quiet"),
    ]
    if me["admin"]:
        remove = html.Button("Remove", id={"type": "paper-remove", "id": one["id"]}, className="plain danger")
        cells.append(
            sure(remove, f"Remove {one['doi']} with its {one['sentences']} sentences and their triples?")
        )
    return cells


def _admin(project: Json) -> html.Div:
    adding = div(
        "card form",
        field(
            "DOIs",
            dcc.Textarea(id="dois", rows=5, placeholder="10.1000/xyz123\nhttps://doi.org/10.1000/abc"),
            "One per line, as DOI or as link. Titles follow from CrossRef when it can be reached.",
        ),
        html.Button("Add papers", id="dois-add", className="primary"),
    )
    changing = div(
        "card form",
        field("Name", text_input("project-rename", value=project["name"], maxLength=200)),
        field("Description", dcc.Textarea(id="project-redescribe", value=project["description"], rows=3)),
        div(
            "actions",
            html.Button("Save changes", id="project-change", className="primary"),
            sure(
                html.Button("Delete the project", id="project-delete", className="danger"),
                f"Delete {project['name']} with {project['papers']} papers and {project['triples']} triples?",
            ),
        ),
    )
    return html.Div(
        [
            html.Details(
                [html.Summary("Add papers"), adding], className="disclosure", open=not project["papers"]
            ),
            html.Details([html.Summary("Change or delete the project"), changing], className="disclosure"),
        ]
    )


def register(app: dash.Dash) -> None:
    @app.callback(
        Output("dois", "value"),
        Input("dois-add", "n_clicks"),
        State("dois", "value"),
        State("project-id", "data"),
        prevent_initial_call=True,
    )
    @action
    def add(_clicks: Any, text: str | None, project_id: int) -> Any:
        dois, others = doi.pasted((text or "").splitlines())
        given = [*dois, *(other[:500] for other in others if other)]
        if not given:
            return dash.no_update
        made = client.call("POST", f"/projects/{project_id}/papers", json={"dois": given})
        told = f"{len(made['added'])} papers added." if made["added"] else "Nothing new was added."
        if made["refused"]:
            told += f" Not a DOI: {', '.join(made['refused'][:5])}"
        note(told, "error" if made["refused"] else "good")
        refresh()
        return "\n".join(made["refused"])

    @on_click(
        app,
        Output("refresh", "data", allow_duplicate=True),
        Input({"type": "paper-remove", "id": ALL}, "submit_n_clicks"),
    )
    def remove(_clicks: Any) -> Any:
        client.call("DELETE", f"/papers/{dash.ctx.triggered_id['id']}")
        note("The paper is removed.")
        return dash.ctx.triggered_id["id"]

    @on_click(
        app,
        Output("refresh", "data", allow_duplicate=True),
        Input("project-change", "n_clicks"),
        State("project-rename", "value"),
        State("project-redescribe", "value"),
        State("project-id", "data"),
    )
    def change(clicks: Any, name: str | None, description: str | None, project_id: int) -> Any:
        client.call(
            "PATCH", f"/projects/{project_id}", json={"name": name or "", "description": description or ""}
        )
        note("The project is changed.")
        return f"change {clicks}"

    @on_click(
        app,
        Output("url", "pathname", allow_duplicate=True),
        Input("project-delete", "submit_n_clicks"),
        State("project-id", "data"),
    )
    def delete(_clicks: Any, project_id: int) -> Any:
        client.call("DELETE", f"/projects/{project_id}")
        note("The project is deleted.")
        return urls.page(client.settings())
