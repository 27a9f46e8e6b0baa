"""One project: its papers and how far they are."""

from __future__ import annotations

from typing import Any

import dash
from dash import ALL, Input, Output, State, dcc, html

from harvest.roles import ROLES, allows
from harvest.web import client, urls
from harvest.web.client import Json
from harvest.web.parts import (
    METADATA,
    STATUS,
    attributes,
    badge,
    counted,
    described,
    described_states,
    described_values,
    div,
    download,
    field,
    note,
    on_click,
    person_label,
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
            _adding(project) if allows(project["role"], "papers") else None,
            *([_changing(project), _roles(project)] if me["admin"] else []),
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
            sure(
                remove,
                f"Remove {one['title'] or one['doi']} with its {one['sentences']} sentences and their triples?",
            )
        )
    return cells


def _adding(project: Json) -> html.Details:
    text = dcc.Textarea(id="dois", rows=5, placeholder="10.1000/xyz123\nhttps://doi.org/10.1000/abc")
    pick = html.Button("Read a file", type="button", className="read-file", **attributes(data_into="dois"))
    several = div(
        "card form",
        field(
            "DOIs, BibTeX or RIS", text, "Titles of bare DOIs follow from CrossRef when it can be reached."
        ),
        div(
            "actions",
            html.Button("Add papers", id="dois-add", className="primary"),
            html.Button("Preview", id="dois-check"),
            pick,
        ),
        html.Div(id="papers-checked", role="status"),
    )
    by_hand = div(
        "card form",
        html.H2("A paper without a DOI"),
        *described({}, "new"),
        html.Button("Add this paper", id="paper-add", className="primary"),
    )
    parts = [html.Summary("Add papers"), div("columns", several, by_hand)]
    return html.Details(parts, className="disclosure", open=not project["papers"])


def _changing(project: Json) -> html.Details:
    question = f"Delete {project['name']} with {project['papers']} papers and {project['triples']} triples?"
    changing = div(
        "card form",
        field("Name", text_input("project-rename", value=project["name"], maxLength=200)),
        field("Description", dcc.Textarea(id="project-redescribe", value=project["description"], rows=3)),
        div(
            "actions",
            html.Button("Save changes", id="project-change", className="primary"),
            sure(html.Button("Delete the project", id="project-delete", className="danger"), question),
        ),
    )
    return html.Details([html.Summary("Change or delete the project"), changing], className="disclosure")


def _roles(project: Json) -> html.Details:
    found = client.call("GET", f"/projects/{project['id']}/roles")
    given = [("Everyone else", found["everyone"])]
    given = [(one["name"] or one["email"], one["role"]) for one in found["people"]] + given
    people = [{"value": "", "label": "Everyone else"}]
    people += [{"value": one["alias"], "label": person_label(one)} for one in client.call("GET", "/people")]
    choices = [{"value": name, "label": label} for name, label in ROLES.items()]
    choosing = div(
        "card form",
        table(["Who", "May"], [[who, ROLES[role]] for who, role in given], "Roles", ""),
        field("Who", dcc.Dropdown(id="role-who", options=people, value="", clearable=False)),
        field("May", dcc.Dropdown(id="role-may", options=choices, placeholder="What everyone else may")),
        html.Button("Set the role", id="role-set", className="primary"),
        html.P("Admins may do everything.", className="quiet small"),
    )
    return html.Details([html.Summary("Who may do what"), choosing], className="disclosure")


def _checked(found: Json) -> list[Any]:
    """What adding would do."""

    def told(title: str, lines: list[str]) -> list[Any]:
        return [html.H3(f"{title} ({len(lines)})"), html.Ul([html.Li(one) for one in lines])] if lines else []

    def named(one: Json) -> str:
        year = str(one["year"] or "")
        return " · ".join(filter(None, (one["title"], one["authors"], year, one["doi"])))

    refused = [f"{one['text']}: {one['why']}" for one in found["refused"]]
    parts = [*told("New", list(map(named, found["new"]))), *told("Known", list(map(named, found["known"])))]
    return [*parts, *told("Refused", refused)] or [html.P("There is nothing to add.")]


def register(app: dash.Dash) -> None:
    @on_click(
        app,
        Output("papers-checked", "children"),
        Input("dois-check", "n_clicks"),
        State("dois", "value"),
        State("project-id", "data"),
    )
    def check(_clicks: Any, text: str | None, project_id: int) -> Any:
        if not (text or "").strip():
            return _checked({"new": [], "known": [], "refused": []})
        return _checked(client.call("POST", f"/projects/{project_id}/papers/check", json={"text": text}))

    @on_click(
        app,
        Output("dois", "value"),
        Input("dois-add", "n_clicks"),
        State("dois", "value"),
        State("project-id", "data"),
    )
    def add(_clicks: Any, text: str | None, project_id: int) -> Any:
        if not (text or "").strip():
            return dash.no_update
        made = client.call("POST", f"/projects/{project_id}/papers", json={"text": text})
        told = f"{counted(len(made['added']), 'paper')} added." if made["added"] else "Nothing new was added."
        if made["refused"]:
            told += f" Refused: {', '.join(made['refused'][:5])}"
        note(told, "error" if made["refused"] else "good")
        refresh()
        return "\n".join(made["refused"])

    @on_click(
        app,
        Output("refresh", "data", allow_duplicate=True),
        Input("paper-add", "n_clicks"),
        *described_states("new"),
        State("project-id", "data"),
    )
    def add_by_hand(clicks: Any, *given: Any) -> Any:
        body = {"papers": [described_values(given[:-1])]}
        made = client.call("POST", f"/projects/{given[-1]}/papers", json=body)
        note("The paper is added." if made["added"] else "This paper is there already.")
        return f"by hand {clicks}"

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
        Input("role-set", "n_clicks"),
        State("role-who", "value"),
        State("role-may", "value"),
        State("project-id", "data"),
    )
    def set_role(clicks: Any, who: str, may: str | None, project_id: int) -> Any:
        client.call("PUT", f"/projects/{project_id}/roles", json={"alias": who or None, "role": may})
        note("The role is set.")
        return f"role {clicks} {who}"

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
