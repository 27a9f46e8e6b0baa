"""All triples: filtered, searched and sorted by the backend, as a table and as a picture."""

from __future__ import annotations

import json
import uuid
from typing import Any
from urllib.parse import urlencode

import dash
from dash import ALL, Input, Output, State, dcc, html

from harvest.web import client, urls
from harvest.web.client import Json
from harvest.web.parts import (
    action,
    attributes,
    clicked,
    div,
    download,
    field,
    person,
    person_label,
    text_input,
    time,
)

PAGE = 50
COLUMNS = (
    ("source_name", "Source"),
    ("relation", "Relation"),
    ("sink_name", "Target"),
    (None, "Sentence"),
    (None, "Paper"),
    ("id", "Added"),
)
START = {"sort": "id", "order": "desc", "trail": []}


def page(me: Json, query: Json) -> html.Div:
    choices = client.call("GET", "/choices")
    projects = [{"value": one["id"], "label": one["name"]} for one in client.call("GET", "/projects")]
    people = [{"value": one["alias"], "label": person_label(one)} for one in client.call("GET", "/people")]
    # What the address says counts. Who comes back without one, from a paper say, finds the selection again.
    asked = {name: value for name, value in query.items() if name != "drafts"}
    kept: Json = {"persistence": urlencode(asked) or True, "persistence_type": "session"}
    project = int(asked["project_id"]) if asked.get("project_id", "").isdecimal() else None

    def pick(name: str, options: list[Any], value: Any) -> dcc.Dropdown:
        return dcc.Dropdown(id=f"filter-{name}", options=options, value=value, placeholder="Any", **kept)

    return html.Div(
        [
            html.H1("Browse"),
            div(
                "filters card",
                field(
                    "Search",
                    text_input(
                        "search",
                        type="search",
                        debounce=0.4,
                        value=asked.get("q", ""),
                        maxLength=200,
                        **kept,
                    ),
                ),
                field("Project", pick("project", projects, project)),
                field("Source type", pick("source", choices["entity_types"], asked.get("source_type"))),
                field("Relation", pick("relation", choices["relation_types"], asked.get("relation"))),
                field("Target type", pick("sink", choices["entity_types"], asked.get("sink_type"))),
                field("Person", pick("person", people, asked.get("contributor"))),
                dcc.Checklist(
                    id="filter-mine",
                    options=[{"value": "mine", "label": "Only mine"}],
                    value=["mine"] if asked.get("mine") else [],
                    **kept,
                ),
            ),
            div(
                "actions",
                dcc.RadioItems(
                    id="view",
                    options=[{"value": "table", "label": "Table"}, {"value": "graph", "label": "Graph"}],
                    value="graph" if asked.get("view") == "graph" else "table",
                    inline=True,
                    className="segmented",
                    **kept,
                ),
                html.Span(id="count", className="quiet", role="status"),
                html.Span(className="grow"),
                html.Div(id="exports", className="actions"),
            ),
            html.Div(id="found"),
            dcc.Store(id="browse", data=START),
        ]
    )


def _filters(
    search: str, project: int, source: str, relation: str, sink: str, who: str, mine: list[Any]
) -> dict[str, Any]:
    wanted = {
        "q": search,
        "project_id": project,
        "source_type": source,
        "relation": relation,
        "sink_type": sink,
        "contributor": who,
    }
    return {name: value for name, value in {**wanted, "mine": "true" if mine else None}.items() if value}


def _head(state: Json) -> html.Thead:
    cells = []
    for column, label in COLUMNS:
        if column is None:
            cells.append(html.Th(label, scope="col"))
            continue
        active = state["sort"] == column
        arrow = {"asc": " ↑", "desc": " ↓"}[state["order"]] if active else ""
        button = html.Button(
            [label, html.Span(arrow, **attributes(aria_hidden="true"))],
            id={"type": "sort", "by": column},
            className="plain",
        )
        order = {"asc": "ascending", "desc": "descending"}[state["order"]] if active else "none"
        cells.append(html.Th(button, scope="col", **attributes(aria_sort=order)))
    return html.Thead(html.Tr(cells))


def _row(row: Json) -> html.Tr:
    paper = row["title"] or row["doi"] or "–"
    link = (
        dcc.Link(paper, href=urls.page(client.settings(), f"papers/{row['paper_id']}"))
        if row["paper_id"]
        else paper
    )
    added = html.Div(
        [time(row["created_at"]), person(row["contributor_name"], row["triple_contributor"], "block")]
    )
    return html.Tr(
        [
            html.Td(
                [row["source_entity_name"], html.Small(row["source_entity_attr"], className="quiet block")]
            ),
            html.Td(row["relation_type"]),
            html.Td([row["sink_entity_name"], html.Small(row["sink_entity_attr"], className="quiet block")]),
            html.Td(html.Div(row["sentence"], className="clip", title=row["sentence"])),
            html.Td(
                [html.Div(link, className="clip"), html.Small(row["project_name"], className="quiet block")]
            ),
            html.Td(added),
        ]
    )


def _table(found: Json, state: Json) -> list[Any]:
    if not found["rows"]:
        return [html.P("No triple matches.", className="quiet empty")]
    made = html.Table(
        [_head(state), html.Tbody([_row(row) for row in found["rows"]])], className="triples-table"
    )
    pager = div(
        "actions pager",
        html.Button("‹ Previous", id={"type": "turn", "to": "back"}, disabled=not state["trail"]),
        html.Span(f"Page {len(state['trail']) + 1}", className="quiet"),
        html.Button("Next ›", id={"type": "turn", "to": found["next"] or ""}, disabled=not found["next"]),
    )
    return [
        html.Div(made, className="scroll", tabIndex="0", role="region", **attributes(aria_label="Triples")),
        pager,
    ]


def _graph(wanted: Json) -> list[Any]:
    found = client.call("GET", "/graph", params={**wanted, "limit": 150})
    if not found["edges"]:
        return [html.P("No triple matches.", className="quiet empty")]
    told = (
        ""
        if found["complete"]
        else "The 150 most frequent relations of this selection; filter to see others. "
    )
    return [
        html.P(
            f"{told}Drag to arrange, zoom in to read more relations, click an entity to search for it.",
            className="quiet",
        ),
        html.Div(
            id="graph",
            key=uuid.uuid4().hex,
            className="card",
            role="img",
            **attributes(
                data_graph=json.dumps(found["edges"]),
                data_kinds=json.dumps(client.call("GET", "/choices")["entity_types"]),
                aria_label="Graph of entities and relations; the table has the same triples",
            ),
        ),
        html.Ul(id="legend", className="legend", key=uuid.uuid4().hex),
    ]


def register(app: dash.Dash) -> None:
    filters = [
        Input("search", "value"),
        Input("filter-project", "value"),
        Input("filter-source", "value"),
        Input("filter-relation", "value"),
        Input("filter-sink", "value"),
        Input("filter-person", "value"),
        Input("filter-mine", "value"),
    ]

    @app.callback(
        Output("found", "children"),
        Output("count", "children"),
        Output("exports", "children"),
        Output("browse", "data"),
        *filters,
        Input("view", "value"),
        Input({"type": "sort", "by": ALL}, "n_clicks"),
        Input({"type": "turn", "to": ALL}, "n_clicks"),
        State("browse", "data"),
    )
    @action
    def show(*given: Any) -> Any:
        wanted, (view, _sorts, _turns, state) = _filters(*given[:7]), given[7:]
        state = _moved(state or START, dash.ctx.triggered_id)
        if state is None:
            return [dash.no_update] * 4
        after = {"after": state["trail"][-1]} if state["trail"] else {}
        asked = {**wanted, "sort": state["sort"], "order": state["order"], "limit": PAGE, **after}
        found = client.call("GET", "/triples", params=asked)
        shown = _graph(wanted) if view == "graph" else _table(found, state)
        more = "" if found["total_exact"] else "more than "
        count = f"{more}{found['total']:,} triple{'' if found['total'] == 1 else 's'}"
        files = [
            download(label, urls.export(client.settings(), kind, **wanted), f"harvest.{kind}")
            for kind, label in (("json", "JSON"), ("jsonl", "JSON Lines"), ("csv", "CSV"), ("nt", "RDF"))
        ]
        # assets/api.js puts it into the address, for a link or a bookmark.
        address = urlencode({**wanted, **({"view": view} if view == "graph" else {})})
        label = html.Span(
            "Export:", className="quiet", key=address or "all", **attributes(data_search=address)
        )
        return shown, count, [label, *files], state

    def _moved(state: Json, by: Any) -> Json | None:
        """Where the table goes: another order or filter starts at the first page."""
        if not isinstance(by, dict):
            return {**state, "trail": []}
        if not clicked():
            return None  # buttons that just appeared
        if by["type"] == "sort":
            turn = state["sort"] == by["by"] and state["order"] == "asc"
            return {"sort": by["by"], "order": "desc" if turn else "asc", "trail": []}
        trail = state["trail"][:-1] if by["to"] == "back" else [*state["trail"], by["to"]]
        return {**state, "trail": trail}
