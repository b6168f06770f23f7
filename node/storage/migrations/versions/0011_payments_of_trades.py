"""Payments of trades."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "trade_message",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("direction", sa.String(), nullable=False),
        sa.Column("partner", sa.String(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("uetr", sa.String(), nullable=True),
        sa.Column("milestone", sa.Integer(), nullable=True),
        sa.Column("status", sa.String(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("amount_minor", sa.String(length=79), nullable=True),
        sa.Column("currency", sa.String(), nullable=True),
        sa.Column("time_s", sa.Integer(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trade_message")),
        sa.UniqueConstraint("direction", "partner", "message_id", name=op.f("uq_trade_message_direction")),
    )
    with op.batch_alter_table("trade_message", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_trade_message_reference"), ["reference"], unique=False)

    with op.batch_alter_table("participant_customer", schema=None) as batch_op:
        batch_op.add_column(sa.Column("postal_address", sa.JSON(), nullable=True))

    with op.batch_alter_table("trade", schema=None) as batch_op:
        batch_op.add_column(sa.Column("uetr", sa.String(), nullable=True))
        batch_op.create_unique_constraint(batch_op.f("uq_trade_uetr"), ["uetr"])


def downgrade() -> None:
    """Take back."""
    with op.batch_alter_table("trade", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("uq_trade_uetr"), type_="unique")
        batch_op.drop_column("uetr")

    with op.batch_alter_table("participant_customer", schema=None) as batch_op:
        batch_op.drop_column("postal_address")

    with op.batch_alter_table("trade_message", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_trade_message_reference"))

    op.drop_table("trade_message")
