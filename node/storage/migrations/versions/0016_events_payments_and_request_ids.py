"""Events, payments and request ids."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    with op.batch_alter_table("web_notice", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_web_notice_owner"))
    op.rename_table("web_notice", "web_event")
    with op.batch_alter_table("web_event", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_web_event_owner"), ["owner"], unique=False)
    with op.batch_alter_table("chain_outbox", schema=None) as batch_op:
        batch_op.add_column(sa.Column("request_id", sa.String(), nullable=True))
    for table in ("ledger_order", "ledger_issuance"):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.add_column(sa.Column("ordered_at_s", sa.Integer(), server_default="0", nullable=False))
    with op.batch_alter_table("ledger_order", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_ledger_order_ordered_at_s"), ["ordered_at_s"], unique=False)


def downgrade() -> None:
    """Take back."""
    with op.batch_alter_table("ledger_order", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_ledger_order_ordered_at_s"))
    for table in ("ledger_issuance", "ledger_order"):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.drop_column("ordered_at_s")
    with op.batch_alter_table("chain_outbox", schema=None) as batch_op:
        batch_op.drop_column("request_id")
    with op.batch_alter_table("web_event", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_web_event_owner"))
    op.rename_table("web_event", "web_notice")
    with op.batch_alter_table("web_notice", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_web_notice_owner"), ["owner"], unique=False)
