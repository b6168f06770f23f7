"""Alembic's environment: runs on the connection that `node.storage.migrate` hands over."""

from typing import Any, Literal

from alembic import context

from node.storage.database import Base
from node.storage.types import Amount


def _render(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """Write our own types as what they are in the database: a migration must not change with the program."""
    if kind == "type" and isinstance(item, Amount):
        return f"sa.{item.impl!r}"
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_item=_render,
    # SQLite alters a table by copying it.
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
