"""Float legs, disputes, cases, notices given once, watch settings."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "trade_case",
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("trade_id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("milestone", sa.Integer(), nullable=False),
        sa.Column("milestone_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("banks", sa.JSON(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("award_by_s", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_trade_case")),
    )
    with op.batch_alter_table("trade_case", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_trade_case_reference"), ["reference"], unique=False)

    op.create_table(
        "trade_dispute",
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("trade_id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("milestone", sa.Integer(), nullable=False),
        sa.Column("party", sa.String(), nullable=True),
        sa.Column("reason_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("reasons", sa.Text(), nullable=True),
        sa.Column("raised_at_s", sa.Integer(), nullable=True),
        sa.Column("share_bps", sa.Integer(), nullable=True),
        sa.Column("award_hash", sa.LargeBinary(length=32), nullable=True),
        sa.Column("award_reasons", sa.Text(), nullable=True),
        sa.Column("awarded_at_s", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_trade_dispute")),
    )
    with op.batch_alter_table("trade_dispute", schema=None) as batch_op:
        batch_op.create_index("ix_trade_dispute_trade", ["trade_id", "milestone"], unique=False)

    op.create_table(
        "trade_exhibit",
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("sent_by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("digest", "sha256", name=op.f("pk_trade_exhibit")),
    )
    op.create_table(
        "trade_fx_leg",
        sa.Column("trade_id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("provider", sa.String(), nullable=True),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("amount", sa.String(length=79), nullable=False),
        sa.Column("rate_num", sa.String(length=79), nullable=False),
        sa.Column("rate_den", sa.String(length=79), nullable=False),
        sa.Column("premium", sa.String(length=79), nullable=False),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.Column("call_ends_at_s", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("trade_id", name=op.f("pk_trade_fx_leg")),
    )
    op.create_table(
        "trade_told",
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("reference", "name", name=op.f("pk_trade_told")),
    )
    op.create_table(
        "trade_watch_setting",
        sa.Column("step", sa.String(), nullable=False),
        sa.Column("performs", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("step", name=op.f("pk_trade_watch_setting")),
    )
    with op.batch_alter_table("ledger_memo", schema=None) as batch_op:
        batch_op.add_column(sa.Column("amount", sa.String(length=79), nullable=True))

    with op.batch_alter_table("trade", schema=None) as batch_op:
        batch_op.add_column(sa.Column("chain_version", sa.Integer(), nullable=True))

    with op.batch_alter_table("trade_milestone", schema=None) as batch_op:
        batch_op.add_column(sa.Column("terms_hash", sa.LargeBinary(length=32), nullable=True))
        batch_op.add_column(sa.Column("terms_version", sa.Integer(), server_default="1", nullable=False))
        batch_op.add_column(sa.Column("slice_minor", sa.String(length=79), nullable=True))
        batch_op.add_column(sa.Column("target_minor", sa.String(length=79), nullable=True))
        batch_op.add_column(sa.Column("assignee", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("final_at_s", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("quote_request", sa.String(), nullable=True))


def downgrade() -> None:
    """Take back."""
    with op.batch_alter_table("trade_milestone", schema=None) as batch_op:
        batch_op.drop_column("quote_request")
        batch_op.drop_column("final_at_s")
        batch_op.drop_column("assignee")
        batch_op.drop_column("target_minor")
        batch_op.drop_column("slice_minor")
        batch_op.drop_column("terms_version")
        batch_op.drop_column("terms_hash")

    with op.batch_alter_table("trade", schema=None) as batch_op:
        batch_op.drop_column("chain_version")

    with op.batch_alter_table("ledger_memo", schema=None) as batch_op:
        batch_op.drop_column("amount")

    op.drop_table("trade_watch_setting")
    op.drop_table("trade_told")
    op.drop_table("trade_fx_leg")
    op.drop_table("trade_exhibit")
    with op.batch_alter_table("trade_dispute", schema=None) as batch_op:
        batch_op.drop_index("ix_trade_dispute_trade")

    op.drop_table("trade_dispute")
    with op.batch_alter_table("trade_case", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_trade_case_reference"))

    op.drop_table("trade_case")
