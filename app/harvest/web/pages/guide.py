"""Help: how the work goes, and the keys."""

from __future__ import annotations

from dash import html

from harvest.web.client import Json
from harvest.web.parts import div

STEPS = (
    ("Pick a paper", "Open a project and a paper of it. Its status shows everyone who is at what."),
    ("Read", "Upload the PDF if there is none: drop the file on the page. It is never changed."),
    (
        "Mark",
        "Select a sentence in the PDF and press “Use selection”: it is highlighted and put into the form.",
    ),
    (
        "Annotate",
        "Say what it states: a source entity, a relation, a target entity. Add as many triples as the sentence holds.",
    ),
    (
        "Save",
        "All of a sentence is saved at once or, if something is wrong, nothing. You can edit and delete what is yours.",
    ),
    (
        "Browse and export",
        "Find triples of all projects, look at them as a graph, and take them along as JSON, CSV or RDF.",
    ),
)
KEYS = (
    ("Alt + H", "Use the selected text of the PDF"),
    ("Alt + S", "Go to the sentence"),
    ("Alt + T", "Add a triple"),
    ("Ctrl + Enter", "Save"),
    ("Tab", "Go from field to field; type the first letters of a type and choose with the arrow keys"),
)


def page(me: Json, query: Json) -> html.Div:
    return div(
        "narrow",
        html.H1("Help"),
        html.Ol([html.Li([html.Strong(title), html.P(text)]) for title, text in STEPS], className="steps"),
        html.H2("Keys"),
        html.Dl(
            [part for key, text in KEYS for part in (html.Dt(html.Kbd(key)), html.Dd(text))],
            className="keys",
        ),
        html.H2("Who sees what"),
        html.P(
            f"Others see your work under the name {me['name'] or me['alias']}; your e-mail address is shown to "
            "admins only. What you delete is in the trash for 30 days."
        ),
    )
