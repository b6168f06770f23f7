"""Motions of funded trades, and requests to sign them."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "trade_motion",
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("chain_version", sa.Integer(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("terms_version", sa.Integer(), nullable=True),
        sa.Column("ask_provider", sa.Boolean(), nullable=False),
        sa.Column("proposed_by", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("opened_at_s", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("reference", "name", name=op.f("pk_trade_motion")),
    )
    op.create_table(
        "trade_motion_signature",
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("valid_until_s", sa.Integer(), nullable=False),
        sa.Column("action", sa.String(length=79), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.Column("increase", sa.JSON(), nullable=True),
        sa.Column("given_by", sa.String(), nullable=False),
        sa.Column("signed_at_s", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("reference", "name", "account", name=op.f("pk_trade_motion_signature")),
    )
    op.create_table(
        "trade_signature_request",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("asked_by", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("message", sa.JSON(), nullable=False),
        sa.Column("increase", sa.JSON(), nullable=True),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("answer", sa.JSON(), nullable=True),
        sa.Column("asked_at_s", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trade_signature_request")),
    )
    with op.batch_alter_table("trade_signature_request", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_trade_signature_request_reference"), ["reference"], unique=False)


def downgrade() -> None:
    """Take back."""
    with op.batch_alter_table("trade_signature_request", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_trade_signature_request_reference"))

    op.drop_table("trade_signature_request")
    op.drop_table("trade_motion_signature")
    op.drop_table("trade_motion")
