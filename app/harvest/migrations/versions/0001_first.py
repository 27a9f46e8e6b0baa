"""The first schema, with the vocabulary to start from."""

import sqlalchemy as sa
from alembic import op
from harvest.vocabulary import ENTITY_TYPES, RELATION_TYPES

revision = "0001"
down_revision = None

# In the order in which they may be dropped.
TABLES = (
    "triple",
    "sentence",
    "pdf",
    "highlight",
    "paper",
    "project",
    "audit",
    "user_account",
    "relation_type",
    "login_failure",
    "entity_type",
)


def upgrade() -> None:
    op.create_table(
        "entity_type",
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "login_failure",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("at", sa.String(length=20), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_login_failure_address", "login_failure", ["address", "at"], unique=False)
    op.create_index("ix_login_failure_email", "login_failure", ["email", "at"], unique=False)
    op.create_table(
        "relation_type",
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "user_account",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("alias", sa.String(length=40), nullable=False),
        sa.Column("password_hash", sa.String(length=200), nullable=True),
        sa.Column("admin", sa.Boolean(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("session_version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.String(length=20), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("alias", name=op.f("uq_user_account_alias")),
        sa.UniqueConstraint("email", name=op.f("uq_user_account_email")),
    )
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.String(length=20), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("action", sa.String(length=40), nullable=False),
        sa.Column("ref", sa.Integer(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_audit_user_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "project",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("created_by", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.String(length=20), nullable=False),
        sa.ForeignKeyConstraint(
            ["created_by"], ["user_account.id"], name=op.f("fk_project_created_by"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name", name=op.f("uq_project_name")),
    )
    op.create_table(
        "paper",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("doi", sa.String(length=300), nullable=False),
        sa.Column("doi_hash", sa.String(length=16), nullable=False),
        sa.Column("title", sa.String(length=1000), nullable=False),
        sa.Column("authors", sa.String(length=2000), nullable=False),
        sa.Column("journal", sa.String(length=500), nullable=False),
        sa.Column("year", sa.Integer(), nullable=True),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("metadata_state", sa.String(length=12), nullable=False),
        sa.Column("metadata_retry_at", sa.String(length=20), nullable=False),
        sa.Column("created_at", sa.String(length=20), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name=op.f("fk_paper_project_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("project_id", "doi", name=op.f("uq_paper_project_id")),
    )
    op.create_index("ix_paper_metadata", "paper", ["metadata_state", "metadata_retry_at"], unique=False)
    op.create_index("ix_paper_project_hash", "paper", ["project_id", "doi_hash"], unique=False)
    op.create_table(
        "highlight",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("paper_id", sa.Integer(), nullable=False),
        sa.Column("page", sa.Integer(), nullable=False),
        sa.Column("rects", sa.Text(), nullable=False),
        sa.Column("color", sa.String(length=7), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.String(length=20), nullable=False),
        sa.ForeignKeyConstraint(
            ["paper_id"], ["paper.id"], name=op.f("fk_highlight_paper_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_highlight_user_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_highlight_paper", "highlight", ["paper_id"], unique=False)
    op.create_table(
        "pdf",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("paper_id", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("pages", sa.Integer(), nullable=False),
        sa.Column("filename", sa.String(length=255), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.String(length=20), nullable=False),
        sa.ForeignKeyConstraint(["paper_id"], ["paper.id"], name=op.f("fk_pdf_paper_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_pdf_user_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("paper_id", name=op.f("uq_pdf_paper_id")),
    )
    op.create_index("ix_pdf_sha256", "pdf", ["sha256"], unique=False)
    op.create_table(
        "sentence",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=True),
        sa.Column("paper_id", sa.Integer(), nullable=True),
        sa.Column("highlight_id", sa.Integer(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("page", sa.Integer(), nullable=True),
        sa.Column("literature_link", sa.String(length=500), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.String(length=20), nullable=False),
        sa.ForeignKeyConstraint(
            ["highlight_id"], ["highlight.id"], name=op.f("fk_sentence_highlight_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["paper_id"], ["paper.id"], name=op.f("fk_sentence_paper_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name=op.f("fk_sentence_project_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_sentence_user_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_sentence_paper", "sentence", ["paper_id"], unique=False)
    op.create_index("ix_sentence_project", "sentence", ["project_id"], unique=False)
    op.create_table(
        "triple",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sentence_id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=True),
        sa.Column("source_name", sa.String(length=300), nullable=False),
        sa.Column("source_type", sa.String(length=60), nullable=False),
        sa.Column("relation", sa.String(length=60), nullable=False),
        sa.Column("sink_name", sa.String(length=300), nullable=False),
        sa.Column("sink_type", sa.String(length=60), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.String(length=20), nullable=False),
        sa.Column("updated_at", sa.String(length=20), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name=op.f("fk_triple_project_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["sentence_id"], ["sentence.id"], name=op.f("fk_triple_sentence_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_triple_user_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_triple_project", "triple", ["project_id", "id"], unique=False)
    op.create_index("ix_triple_relation", "triple", ["relation", "id"], unique=False)
    op.create_index("ix_triple_sentence", "triple", ["sentence_id"], unique=False)
    op.create_index("ix_triple_sink_name", "triple", ["sink_name", "id"], unique=False)
    op.create_index("ix_triple_sink_type", "triple", ["sink_type", "id"], unique=False)
    op.create_index("ix_triple_source_name", "triple", ["source_name", "id"], unique=False)
    op.create_index("ix_triple_source_type", "triple", ["source_type", "id"], unique=False)
    op.create_index("ix_triple_user", "triple", ["user_id"], unique=False)
    for table, names in (("entity_type", ENTITY_TYPES), ("relation_type", RELATION_TYPES)):
        op.bulk_insert(sa.table(table, sa.column("name", sa.String)), [{"name": name} for name in names])


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table)
