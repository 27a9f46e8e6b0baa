"""Texts and names in the one form that `harvest.text` gives them: an entity written in two ways becomes one."""

import sqlalchemy as sa
from alembic import op
from harvest.text import normal

revision = "0003"
down_revision = "0002"

COLUMNS = {
    "triple": ("source_name", "source_type", "relation", "sink_name", "sink_type"),
    "sentence": ("text",),
    "project": ("description",),
    "paper": ("title", "authors", "journal"),
}
BATCH = 5000


def upgrade() -> None:
    connection = op.get_bind()
    for name in ("entity_type", "relation_type"):
        _vocabulary(connection, sa.table(name, sa.column("name")))
    for name, columns in COLUMNS.items():
        table = sa.table(name, sa.column("id"), *map(sa.column, columns))
        last = 0
        while True:
            batch = sa.select(table).where(table.c.id > last).order_by(table.c.id).limit(BATCH)
            rows = connection.execute(batch).all()
            for row in rows:
                changed = {
                    column: better
                    for column in columns
                    if (better := normal(value := getattr(row, column) or "")) != value and better
                }
                if changed:
                    connection.execute(sa.update(table).where(table.c.id == row.id).values(changed))
            if len(rows) < BATCH:
                break
            last = rows[-1].id


def _vocabulary(connection: sa.Connection, table: sa.TableClause) -> None:
    names = set(connection.scalars(sa.select(table.c.name)))
    for name in sorted(names):
        if (better := normal(name)) != name and better:
            here = table.c.name == name
            if better in names:
                connection.execute(sa.delete(table).where(here))
            else:
                connection.execute(sa.update(table).where(here).values(name=better))
                names.add(better)


def downgrade() -> None:
    """Nothing to undo: the former code reads the texts as they are."""
