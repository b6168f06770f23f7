"""Requests for money; wallets of customers on the chain."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "ledger_issuance",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("requester", sa.String(), nullable=False),
        sa.Column("reference", sa.LargeBinary(length=32), nullable=False),
        sa.Column("amount_minor", sa.String(length=79), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("requested_at_s", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_issuance")),
    )
    with op.batch_alter_table("ledger_issuance", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_ledger_issuance_state"), ["state"], unique=False)

    with op.batch_alter_table("participant_customer", schema=None) as batch_op:
        batch_op.add_column(sa.Column("wallet", sa.String(), server_default="none", nullable=False))


def downgrade() -> None:
    """Take back."""
    with op.batch_alter_table("participant_customer", schema=None) as batch_op:
        batch_op.drop_column("wallet")

    with op.batch_alter_table("ledger_issuance", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_ledger_issuance_state"))

    op.drop_table("ledger_issuance")
