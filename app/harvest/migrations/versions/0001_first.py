"""The first schema, with the vocabulary to start from. What later migrations change stays here as it was."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from harvest.vocabulary import ENTITY_TYPES, RELATION_TYPES

revision = "0001"
down_revision = None

Column = sa.Column[Any]
SCHEMA = sa.MetaData(
    naming_convention={
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
    }
)


def _table(name: str, *parts: sa.schema.SchemaItem) -> sa.Table:
    return sa.Table(name, SCHEMA, sa.Column("id", sa.Integer, primary_key=True), *parts)


def _text(name: str, length: int | None = None, *, nullable: bool = False, unique: bool = False) -> Column:
    return sa.Column(name, sa.String(length) if length else sa.Text, nullable=nullable, unique=unique)


def _number(name: str, *, nullable: bool = False) -> Column:
    return sa.Column(name, sa.Integer, nullable=nullable)


def _flag(name: str) -> Column:
    return sa.Column(name, sa.Boolean, nullable=False)


def _part_of(table: str, *, nullable: bool = False, unique: bool = False) -> Column:
    key = sa.ForeignKey(f"{table}.id", ondelete="CASCADE")
    return sa.Column(f"{table}_id", sa.Integer, key, nullable=nullable, unique=unique)


def _by(name: str = "user_id", table: str = "user_account") -> Column:
    return sa.Column(name, sa.Integer, sa.ForeignKey(f"{table}.id", ondelete="SET NULL"))


for _name in ("entity_type", "relation_type"):
    sa.Table(_name, SCHEMA, sa.Column("name", sa.String(60), primary_key=True))
_table(
    "login_failure",
    *(_text("email", 254), _text("address", 64), _text("at", 20)),
    sa.Index("ix_login_failure_address", "address", "at"),
    sa.Index("ix_login_failure_email", "email", "at"),
)
_table(
    "user_account",
    *(_text("email", 254, unique=True), _text("alias", 40, unique=True)),
    _text("password_hash", 200, nullable=True),
    *(_flag("admin"), _flag("active"), _number("session_version"), _text("created_at", 20)),
)
_table(
    "audit",
    *(_text("at", 20), _by(), _text("action", 40), _number("ref", nullable=True), _text("detail")),
)
_table(
    "project",
    *(_text("name", 200, unique=True), _text("description"), _by("created_by"), _text("created_at", 20)),
)
_table(
    "paper",
    *(_part_of("project"), _text("doi", 300), _text("doi_hash", 16)),
    *(_text("title", 1000), _text("authors", 2000), _text("journal", 500), _number("year", nullable=True)),
    *(
        _text("status", 12),
        _text("metadata_state", 12),
        _text("metadata_retry_at", 20),
        _text("created_at", 20),
    ),
    sa.UniqueConstraint("project_id", "doi"),
    sa.Index("ix_paper_metadata", "metadata_state", "metadata_retry_at"),
    sa.Index("ix_paper_project_hash", "project_id", "doi_hash"),
)
_table(
    "highlight",
    *(_part_of("paper"), _number("page"), _text("rects"), _text("color", 7), _text("text")),
    *(_by(), _text("created_at", 20)),
    sa.Index("ix_highlight_paper", "paper_id"),
)
_table(
    "pdf",
    *(_part_of("paper", unique=True), _text("sha256", 64), _number("size"), _number("pages")),
    *(_text("filename", 255), _by(), _text("created_at", 20)),
    sa.Index("ix_pdf_sha256", "sha256"),
)
_table(
    "sentence",
    *(_part_of("project", nullable=True), _part_of("paper", nullable=True), _by("highlight_id", "highlight")),
    *(_text("text"), _number("page", nullable=True), _text("literature_link", 500)),
    *(_by(), _text("created_at", 20)),
    sa.Index("ix_sentence_paper", "paper_id"),
    sa.Index("ix_sentence_project", "project_id"),
)
_table(
    "triple",
    *(_part_of("sentence"), _part_of("project", nullable=True)),
    *(_text("source_name", 300), _text("source_type", 60), _text("relation", 60)),
    *(_text("sink_name", 300), _text("sink_type", 60)),
    *(_by(), _text("created_at", 20), _text("updated_at", 20)),
    *(sa.Index(f"ix_triple_{one}", f"{one}_id") for one in ("sentence", "user")),
    *(
        sa.Index(f"ix_triple_{one}", "project_id" if one == "project" else one, "id")
        for one in ("project", "source_name", "source_type", "relation", "sink_name", "sink_type")
    ),
)


def upgrade() -> None:
    SCHEMA.create_all(op.get_bind())
    for table, names in (("entity_type", ENTITY_TYPES), ("relation_type", RELATION_TYPES)):
        op.bulk_insert(SCHEMA.tables[table], [{"name": name} for name in names])


def downgrade() -> None:
    SCHEMA.drop_all(op.get_bind())
