"""What was deleted is kept for a while; a sentence's number is never given again; people have names."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
# It only adds, yet former code does not run after it: the table that would allow it, schema_floor, comes with it.

# PostgreSQL's sequences never go back. SQLite gives the highest number + 1, so the last one deleted is remembered.
REMEMBER = """
CREATE TRIGGER sentence_number_keep AFTER DELETE ON sentence BEGIN
  UPDATE sentence_number SET last = max(last, old.id);
END
"""


def upgrade() -> None:
    op.add_column("user_account", sa.Column("name", sa.String(100), nullable=False, server_default=""))
    op.create_table(
        "trash",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("at", sa.String(20), nullable=False),
        sa.Column("user_id", sa.Integer, sa.ForeignKey("user_account.id", ondelete="SET NULL")),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("ref", sa.Integer, nullable=False),
        sa.Column("name", sa.String(300), nullable=False),
        sa.Column("files", sa.Text, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
    )
    op.create_index("ix_trash_at", "trash", ["at"])
    op.create_table("sentence_number", sa.Column("last", sa.Integer, nullable=False))
    op.execute("INSERT INTO sentence_number (last) SELECT coalesce(max(id), 0) FROM sentence")
    if op.get_bind().dialect.name == "sqlite":
        op.execute(REMEMBER)
    op.create_table("schema_floor", sa.Column("revision", sa.String(32), nullable=False))


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER sentence_number_keep")
    op.drop_table("schema_floor")
    op.drop_table("sentence_number")
    op.drop_table("trash")
    op.drop_column("user_account", "name")
