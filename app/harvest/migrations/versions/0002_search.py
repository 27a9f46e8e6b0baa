"""SQLite: an index of trigrams over names, relations and sentences, kept in step by triggers.

PostgreSQL's index is made by harvest.migrate, as the right to have it may come later.
"""

from alembic import op

revision = "0002"
down_revision = "0001"

INDEXED = {"triple": ("source_name", "relation", "sink_name"), "sentence": ("text",)}


def upgrade() -> None:
    if op.get_bind().dialect.name != "sqlite":
        return
    for table, columns in INDEXED.items():
        index, listed = f"search_{table}", ", ".join(columns)
        old, new = (", ".join(f"{row}.{name}" for name in columns) for row in ("old", "new"))
        add = f"INSERT INTO {index}(rowid, {listed}) VALUES (new.id, {new});"  # noqa: S608 names are ours
        drop = f"INSERT INTO {index}({index}, rowid, {listed}) VALUES ('delete', old.id, {old});"  # noqa: S608
        # Without positions the index is a quarter of the size; LIKE looks at what it finds.
        op.execute(
            f"CREATE VIRTUAL TABLE {index} USING "
            f"fts5({listed}, content='{table}', content_rowid='id', tokenize='trigram', detail=none)"
        )
        op.execute(f"CREATE TRIGGER {index}_add AFTER INSERT ON {table} BEGIN {add} END")
        op.execute(f"CREATE TRIGGER {index}_drop AFTER DELETE ON {table} BEGIN {drop} END")
        op.execute(
            f"CREATE TRIGGER {index}_change AFTER UPDATE OF {listed} ON {table} BEGIN {drop} {add} END"
        )
        op.execute(f"INSERT INTO {index}({index}) VALUES ('rebuild')")  # noqa: S608


def downgrade() -> None:
    if op.get_bind().dialect.name != "sqlite":
        return
    for table in INDEXED:
        for what in ("add", "drop", "change"):
            op.execute(f"DROP TRIGGER search_{table}_{what}")
        op.execute(f"DROP TABLE search_{table}")
