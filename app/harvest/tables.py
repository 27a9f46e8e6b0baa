"""The tables.

Times are ISO 8601 strings in UTC, "2026-01-31T12:00:00Z": they sort, and JSON takes them as they are.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

# The newest migration; a test holds it against migrations/versions.
SCHEMA_HEAD = "0005"

metadata = MetaData(
    naming_convention={
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
    }
)


def _id() -> Column[Any]:
    return Column("id", Integer, primary_key=True)


def _ref(name: str, target: str, *, ondelete: str = "CASCADE", nullable: bool = False) -> Column[Any]:
    return Column(name, Integer, ForeignKey(f"{target}.id", ondelete=ondelete), nullable=nullable)


def _time(name: str = "created_at") -> Column[Any]:
    return Column(name, String(20), nullable=False)


def _text(name: str, length: int, default: str | None = None) -> Column[Any]:
    return Column(name, String(length), nullable=False, default=default)


user = Table(
    "user_account",
    metadata,
    _id(),
    Column("email", String(254), nullable=False, unique=True),  # lower case
    Column("alias", String(40), nullable=False, unique=True),  # what others see instead of the e-mail address
    Column("name", String(100), nullable=False, default="", server_default=""),  # as people call them
    Column("password_hash", String(200)),  # none: cannot sign in (came with an import)
    Column("admin", Boolean, nullable=False, default=False),
    Column("active", Boolean, nullable=False, default=True),
    Column("session_version", Integer, nullable=False, default=1),  # raised to end all sessions
    _time(),
)

login_failure = Table(
    "login_failure",
    metadata,
    _id(),
    _text("email", 254),
    _text("address", 64),
    _time("at"),
    Index("ix_login_failure_email", "email", "at"),
    Index("ix_login_failure_address", "address", "at"),
)

project = Table(
    "project",
    metadata,
    _id(),
    Column("name", String(200), nullable=False, unique=True),
    Column("description", Text, nullable=False, default=""),
    _ref("created_by", "user_account", ondelete="SET NULL", nullable=True),
    _time(),
)

project_role = Table(
    "project_role",
    metadata,
    _id(),
    _ref("project_id", "project"),
    _ref("user_id", "user_account", nullable=True),  # none: everyone who has no row of their own
    _text("role", 12),  # see harvest.roles
    UniqueConstraint("project_id", "user_id"),
)

paper = Table(
    "paper",
    metadata,
    _id(),
    _ref("project_id", "project"),
    _text("doi", 300),  # lower case
    _text("doi_hash", 16),  # sha256 of the DOI, its first 16 hex digits: the PDF's name without .pdf
    _text("title", 1000, ""),
    _text("authors", 2000, ""),
    _text("journal", 500, ""),
    Column("year", Integer),
    _text("status", 12, "unstarted"),  # unstarted, in_progress, done
    _text("metadata_state", 12, "pending"),  # pending, found, missing, unreachable, off, manual
    _text("metadata_retry_at", 20, ""),
    _time(),
    UniqueConstraint("project_id", "doi"),
    Index("ix_paper_project_hash", "project_id", "doi_hash"),
    Index("ix_paper_metadata", "metadata_state", "metadata_retry_at"),
)

pdf = Table(
    "pdf",
    metadata,
    _id(),
    Column("paper_id", Integer, ForeignKey("paper.id", ondelete="CASCADE"), nullable=False, unique=True),
    _text("sha256", 64),  # the file is PDF_DIR/<first two digits>/<sha256>.pdf
    Column("size", Integer, nullable=False),
    Column("pages", Integer, nullable=False),
    _text("filename", 255, ""),
    _ref("user_id", "user_account", ondelete="SET NULL", nullable=True),
    _time(),
    Index("ix_pdf_sha256", "sha256"),
)

highlight = Table(
    "highlight",
    metadata,
    _id(),
    _ref("paper_id", "paper"),
    Column("page", Integer, nullable=False),  # from 1
    Column(
        "rects", Text, nullable=False
    ),  # JSON [[x0, y0, x1, y1], ...] in PDF points from the page's lower left
    _text("color", 7),  # "#rrggbb"
    Column("text", Text, nullable=False, default=""),
    _ref("user_id", "user_account", ondelete="SET NULL", nullable=True),
    _time(),
    Index("ix_highlight_paper", "paper_id"),
)

sentence = Table(
    "sentence",
    metadata,
    _id(),
    _ref("project_id", "project", nullable=True),
    _ref("paper_id", "paper", nullable=True),
    _ref("highlight_id", "highlight", ondelete="SET NULL", nullable=True),
    Column("text", Text, nullable=False),
    Column("page", Integer),
    Column("literature_link", String(500), nullable=False, default=""),
    _ref("user_id", "user_account", ondelete="SET NULL", nullable=True),
    _time(),
    Index("ix_sentence_paper", "paper_id"),
    Index("ix_sentence_project", "project_id"),
)

triple = Table(
    "triple",
    metadata,
    _id(),
    _ref("sentence_id", "sentence"),
    # The project again, so that a page of one project's triples is one walk along an index.
    _ref("project_id", "project", nullable=True),
    _text("source_name", 300),
    _text("source_type", 60),
    _text("relation", 60),
    _text("sink_name", 300),
    _text("sink_type", 60),
    _ref("user_id", "user_account", ondelete="SET NULL", nullable=True),
    _time(),
    _time("updated_at"),
    Index("ix_triple_sentence", "sentence_id"),
    Index("ix_triple_user", "user_id"),
    Index("ix_triple_project", "project_id", "id"),
    *(
        Index(f"ix_triple_{column}", column, "id")
        for column in ("source_name", "source_type", "relation", "sink_name", "sink_type")
    ),
)

entity_type = Table("entity_type", metadata, Column("name", String(60), primary_key=True))
relation_type = Table("relation_type", metadata, Column("name", String(60), primary_key=True))

audit = Table(
    "audit",
    metadata,
    _id(),
    _time("at"),
    _ref("user_id", "user_account", ondelete="SET NULL", nullable=True),
    _text("action", 40),  # "create project", "delete triple" ...
    Column("ref", Integer),  # the id of what was changed
    Column("detail", Text, nullable=False, default=""),
)

trash = Table(
    "trash",
    metadata,
    _id(),
    _time("at"),
    _ref("user_id", "user_account", ondelete="SET NULL", nullable=True),  # who deleted it
    _text("kind", 20),  # the name of its table
    Column("ref", Integer, nullable=False),  # its number there
    _text("name", 300),
    Column("files", Text, nullable=False),  # SHA-256 of its PDFs, comma-separated
    Column("content", Text, nullable=False),  # JSON: the deleted rows by table
    Index("ix_trash_at", "at"),
)

# One row: the highest number of a sentence that was deleted (kept by a trigger, and in SQLite only).
sentence_number = Table("sentence_number", metadata, Column("last", Integer, nullable=False))
# The oldest revision whose code works with this schema; see harvest.migrate.
schema_floor = Table("schema_floor", metadata, Column("revision", String(32), nullable=False))
