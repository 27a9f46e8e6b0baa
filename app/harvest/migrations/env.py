"""Run by alembic: applies the migrations to the connection that harvest.migrate hands over."""

from alembic import context
from harvest.tables import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
