"""Lock quotes, quotes for a range, reserves behind quotes, faults of providers, pauses of reporters."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "quote_reserve",
        sa.Column("id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("reference", sa.LargeBinary(length=32), nullable=False),
        sa.Column("amount_minor", sa.String(length=79), nullable=False),
        sa.Column("expires_at_s", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quote_reserve")),
    )
    with op.batch_alter_table("quote_reserve", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_quote_reserve_expires_at_s"), ["expires_at_s"], unique=False)

    op.create_table(
        "quote_fault",
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("missing_minor", sa.String(length=79), nullable=False),
        sa.Column("recorded_at_s", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_quote_fault")),
    )
    op.create_table(
        "quote_oracle_pause",
        sa.Column("pair", sa.String(), nullable=False),
        sa.Column("given_by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("pair", name=op.f("pk_quote_oracle_pause")),
    )
    with op.batch_alter_table("quote_request", schema=None) as batch_op:
        batch_op.add_column(sa.Column("min_minor", sa.String(length=79), nullable=True))
        batch_op.add_column(sa.Column("max_minor", sa.String(length=79), nullable=True))
        batch_op.add_column(sa.Column("lock_until_s", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("spread_bps_max", sa.Integer(), nullable=True))

    with op.batch_alter_table("quote_offer", schema=None) as batch_op:
        batch_op.add_column(sa.Column("expires_at_s", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("hold", sa.JSON(), nullable=True))
        batch_op.add_column(sa.Column("hold_signature", sa.LargeBinary(length=65), nullable=True))
        batch_op.add_column(sa.Column("fault", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("fault_reason", sa.Text(), nullable=True))
        batch_op.create_index(batch_op.f("ix_quote_offer_expires_at_s"), ["expires_at_s"], unique=False)


def downgrade() -> None:
    """Take back."""
    with op.batch_alter_table("quote_offer", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_quote_offer_expires_at_s"))
        for column in ("fault_reason", "fault", "hold_signature", "hold", "expires_at_s"):
            batch_op.drop_column(column)

    with op.batch_alter_table("quote_request", schema=None) as batch_op:
        for column in ("spread_bps_max", "lock_until_s", "max_minor", "min_minor"):
            batch_op.drop_column(column)

    op.drop_table("quote_oracle_pause")
    op.drop_table("quote_fault")
    with op.batch_alter_table("quote_reserve", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_quote_reserve_expires_at_s"))

    op.drop_table("quote_reserve")
