"""MYICS."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    for count in ("myics_registration_count", "myics_batch_count"):
        op.execute(sa.schema.CreateSequence(sa.Sequence(count)))
    op.create_table(
        "myics_firms",
        sa.Column("customer_no", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("customer_no"),
    )
    op.create_table(
        "myics_batches",
        sa.Column("batch_no", sa.String(), nullable=False),
        sa.Column("submission_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("customer_no", sa.String(), nullable=True),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("requested_by", sa.String(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("stopped", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["customer_no"], ["myics_firms.customer_no"]),
        sa.PrimaryKeyConstraint("batch_no"),
        sa.UniqueConstraint("submission_id"),
    )
    op.create_index("ix_myics_batches_customer_no", "myics_batches", ["customer_no"], unique=False)
    op.create_table(
        "myics_clients",
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("customer_no", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["customer_no"], ["myics_firms.customer_no"]),
        sa.PrimaryKeyConstraint("client_id"),
    )
    op.create_index("ix_myics_clients_customer_no", "myics_clients", ["customer_no"], unique=False)
    op.create_table(
        "myics_accounts",
        sa.Column("account_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("holder_no", sa.String(), nullable=False),
        sa.Column("customer_no", sa.String(), nullable=False),
        sa.Column("client_id", sa.String(), nullable=True),
        sa.Column("registration_no", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=True),
        sa.Column("wrong_tries", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("locked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["client_id"], ["myics_clients.client_id"]),
        sa.ForeignKeyConstraint(["customer_no"], ["myics_firms.customer_no"]),
        sa.PrimaryKeyConstraint("account_id"),
        sa.UniqueConstraint("registration_no"),
    )
    op.create_index("ix_myics_accounts_client_id", "myics_accounts", ["client_id"], unique=False)
    op.create_index("ix_myics_accounts_customer_no", "myics_accounts", ["customer_no"], unique=False)
    op.create_index(
        "one_account_per_holder",
        "myics_accounts",
        ["holder_no", "address"],
        unique=True,
        postgresql_where=sa.text("ended_at is null"),
    )
    op.create_table(
        "myics_batch_lines",
        sa.Column("batch_no", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("values", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refused_because", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["batch_no"], ["myics_batches.batch_no"]),
        sa.PrimaryKeyConstraint("batch_no", "position"),
    )
    op.create_table(
        "myics_registrations",
        sa.Column("registration_no", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("customer_no", sa.String(), nullable=False),
        sa.Column("client_id", sa.String(), nullable=True),
        sa.Column("account_id", sa.BigInteger(), nullable=True),
        sa.Column("part_of", sa.String(), nullable=True),
        sa.Column("batch_no", sa.String(), nullable=True),
        sa.Column("address", sa.String(), nullable=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("requested_by", sa.String(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("link_no", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=False),
        sa.Column("link_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("terms_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("keyword_hash", sa.String(), nullable=True),
        sa.Column("wrong_keywords", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("locked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("assignee", sa.String(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["myics_accounts.account_id"]),
        sa.ForeignKeyConstraint(["batch_no"], ["myics_batches.batch_no"]),
        sa.ForeignKeyConstraint(["client_id"], ["myics_clients.client_id"]),
        sa.ForeignKeyConstraint(["customer_no"], ["myics_firms.customer_no"]),
        sa.ForeignKeyConstraint(["part_of"], ["myics_registrations.registration_no"]),
        sa.PrimaryKeyConstraint("registration_no"),
    )
    op.create_index("ix_myics_registrations_assignee", "myics_registrations", ["assignee"], unique=False)
    op.create_index("ix_myics_registrations_batch_no", "myics_registrations", ["batch_no"], unique=False)
    op.create_index("ix_myics_registrations_client_id", "myics_registrations", ["client_id"], unique=False)
    op.create_index("ix_myics_registrations_customer_no", "myics_registrations", ["customer_no"], unique=False)
    op.create_index("ix_myics_registrations_part_of", "myics_registrations", ["part_of"], unique=False)
    op.create_index(
        "myics_untold",
        "myics_registrations",
        ["changed_at"],
        unique=False,
        postgresql_where=sa.text("told_at is null or told_at < changed_at"),
    )
    op.create_index(
        "one_open_representative",
        "myics_registrations",
        ["customer_no"],
        unique=True,
        postgresql_where=sa.text("kind = 'representative' and closed_at is null"),
    )
    op.create_index(
        "open_renewals",
        "myics_registrations",
        ["account_id"],
        unique=False,
        postgresql_where=sa.text("kind = 'renewal' and closed_at is null"),
    )
    op.create_index(
        "one_open_unlocking",
        "myics_registrations",
        ["account_id"],
        unique=True,
        postgresql_where=sa.text("kind = 'unlocking' and closed_at is null"),
    )
    op.create_table(
        "myics_sessions",
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["myics_accounts.account_id"]),
        sa.PrimaryKeyConstraint("token_hash"),
    )
    op.create_index("ix_myics_sessions_account_id", "myics_sessions", ["account_id"], unique=False)
