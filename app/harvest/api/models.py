"""What the API answers, for the OpenAPI document. Tests hold real answers against these."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Out(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Error(Out):
    ok: bool
    error: str


class Ok(Out):
    ok: bool


class Health(Out):
    ok: bool
    version: str
    deployment_mode: str


class Ready(Out):
    ok: bool
    reasons: list[str]


class Choices(Out):
    entity_types: list[str]
    relation_types: list[str]


class User(Out):
    id: int
    email: str
    alias: str
    name: str
    admin: bool


class Person(Out):
    alias: str
    name: str
    email: str


class PersonRole(Person):
    role: str


class Roles(Out):
    everyone: str
    people: list[PersonRole]


class Session(User):
    ok: bool
    token: str
    expires_in: int


class Ticket(Out):
    token: str
    expires_in: int


class AdminSession(Out):
    authenticated: bool
    is_admin: bool
    token: str
    email: str
    expires_in: int


class Project(Out):
    id: int
    name: str
    description: str
    doi_list: list[str]
    created_by: str
    created_at: str
    role: str
    papers: int
    done: int
    in_progress: int
    pdfs: int
    triples: int


class Pdf(Out):
    name: str
    size: int
    pages: int


class Paper(Out):
    id: int
    project_id: int
    doi: str
    title: str
    authors: str
    journal: str
    year: int | None
    status: str
    metadata_state: str
    sentences: int
    pdf_name: str
    pdf: Pdf | None


class Added(Out):
    ok: bool
    added: list[str]
    refused: list[str]


class Metadata(Out):
    title: str
    authors: str
    year: int | None


class Reference(Metadata):
    doi: str
    journal: str


class Refused(Out):
    text: str
    why: str


class PapersChecked(Out):
    new: list[Reference]
    known: list[Reference]
    refused: list[Refused]


class DoiCheck(Out):
    valid: bool
    doi: str
    metadata: Metadata | None


class Highlight(Out):
    id: int
    page: int
    rects: list[list[float]]
    color: str
    text: str
    contributor: str
    contributor_name: str
    mine: bool
    created_at: str


class Highlights(Out):
    highlights: list[Highlight]


class Saved(Out):
    ok: bool
    sentence_id: int
    doi_hash: str | None


class TripleNames(Out):
    id: int
    source_entity_name: str
    source_entity_attr: str
    relation_type: str
    sink_entity_name: str
    sink_entity_attr: str


class Sentence(Out):
    id: int
    sentence: str
    page: int | None
    paper_id: int | None
    highlight_id: int | None
    contributor: str
    contributor_name: str
    mine: bool
    created_at: str
    version: str
    triples: list[TripleNames]


class Triple(TripleNames):
    sentence_id: int
    sentence: str | None
    page: int | None
    literature_link: str | None
    paper_id: int | None
    doi: str | None
    doi_hash: str | None
    title: str
    triple_contributor: str
    contributor_name: str
    mine: bool
    project_id: int | None
    project_name: str
    created_at: str


class TriplePage(Out):
    rows: list[Triple]
    next: str | None
    total: int
    total_exact: bool


class Edge(Out):
    source_name: str
    source_type: str
    relation: str
    sink_name: str
    sink_type: str
    count: int


class Graph(Out):
    edges: list[Edge]
    complete: bool


class Imported(Out):
    ok: bool
    projects: int
    papers: int
    sentences: int
    triples: int
    users: int
    known: int
    skipped: list[str]


class Exported(Out):
    ok: bool
    data: dict[str, object]


class Account(User):
    active: bool
    created_at: str
    can_sign_in: bool
    locked: bool
    triples: int


class AuditRow(Out):
    id: int
    at: str
    who: str
    action: str
    ref: int | None
    detail: str


class AuditPage(Out):
    rows: list[AuditRow]
    next: int | None


class Deleted(Out):
    id: int
    at: str
    kind: str
    ref: int
    name: str
    who: str


class Restored(Out):
    ok: bool
    kind: str
    ref: int


class Totals(Out):
    users: int
    projects: int
    papers: int
    sentences: int
    triples: int
