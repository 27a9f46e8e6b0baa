"""Roles per project. A project without a row here is as before: everyone may annotate in it."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
# Code from before knows no roles: to it each project is open to everyone again.
FORMER_CODE_RUNS = True


def upgrade() -> None:
    project = sa.ForeignKey("project.id", name="fk_project_role_project_id", ondelete="CASCADE")
    person = sa.ForeignKey("user_account.id", name="fk_project_role_user_id", ondelete="CASCADE")
    op.create_table(
        "project_role",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("project_id", sa.Integer, project, nullable=False),
        sa.Column("user_id", sa.Integer, person),
        sa.Column("role", sa.String(12), nullable=False),
        sa.UniqueConstraint("project_id", "user_id", name="uq_project_role_project_id"),
    )


def downgrade() -> None:
    op.drop_table("project_role")
