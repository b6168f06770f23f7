"""Alembic's environment: runs on the connection that `node.storage.migrate` hands over."""

from alembic import context

from node.storage.database import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    # SQLite alters a table by copying it.
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
