"""The exchange of messages."""

import time
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_EVERY: tuple[sa.Column[Any], ...] = (
    sa.Column("thread", sa.String(), nullable=True),
    sa.Column("uetr", sa.String(), nullable=True),
    sa.Column("lane", sa.String(), nullable=True),
    sa.Column("next_attempt_at_s", sa.Float(), nullable=True),
    sa.Column("ended_at_s", sa.Float(), nullable=True),
    sa.Column("created_at_s", sa.Integer(), nullable=True),
    sa.Column("protection", sa.JSON(), nullable=True),
)
_ADDED: dict[str, tuple[sa.Column[Any], ...]] = {
    "message_outbox": (
        *_EVERY,
        sa.Column("queued_at_s", sa.Float(), nullable=True),
        sa.Column("last_attempt_at_s", sa.Float(), nullable=True),
        sa.Column("is_unanswered", sa.Boolean(), nullable=True),
        sa.Column("acknowledgement", sa.LargeBinary(), nullable=True),
    ),
    "message_inbox": (
        *_EVERY,
        sa.Column("received_at_s", sa.Float(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=True),
        sa.Column("token", sa.LargeBinary(), nullable=True),
    ),
}
_PEER = {"message_outbox": "recipient", "message_inbox": "sender"}


def upgrade() -> None:
    """Apply."""
    # What is there already has no thread and is due; when it was queued nobody wrote down, so it counts from now.
    every, now_s = {"lane": sa.column("message_id"), "next_attempt_at_s": 0.0}, time.time()
    filled_in = {
        "message_outbox": every | {"queued_at_s": now_s, "is_unanswered": False},
        "message_inbox": every | {"received_at_s": now_s, "attempts": 0},
    }
    for table, columns in _ADDED.items():
        with op.batch_alter_table(table, schema=None) as batch_op:
            for column in columns:
                batch_op.add_column(column.copy())
            batch_op.alter_column("body", new_column_name="payload", existing_type=sa.LargeBinary())
        filled = filled_in[table]
        op.execute(sa.table(table, *(sa.column(name) for name in filled)).update().values(filled))
        with op.batch_alter_table(table, schema=None) as batch_op:
            for name in filled:
                batch_op.alter_column(name, nullable=False)
            batch_op.drop_index(batch_op.f(f"ix_{table}_state"))
            batch_op.create_index(f"ix_{table}_lane", ["state", _PEER[table], "lane", "id"], unique=False)
            batch_op.create_index(batch_op.f(f"ix_{table}_thread"), ["thread"], unique=False)
            batch_op.create_index(batch_op.f(f"ix_{table}_uetr"), ["uetr"], unique=False)
    op.execute(sa.text("UPDATE message_outbox SET state = 'stored' WHERE state = 'delivered'"))


def downgrade() -> None:
    """Take back."""
    op.execute(sa.text("UPDATE message_outbox SET state = 'delivered' WHERE state = 'stored'"))
    for table, columns in _ADDED.items():
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.drop_index(batch_op.f(f"ix_{table}_uetr"))
            batch_op.drop_index(batch_op.f(f"ix_{table}_thread"))
            batch_op.drop_index(f"ix_{table}_lane")
            batch_op.create_index(batch_op.f(f"ix_{table}_state"), ["state"], unique=False)
            batch_op.alter_column("payload", new_column_name="body", existing_type=sa.LargeBinary())
            for column in columns:
                batch_op.drop_column(column.name)
