"""Baseline."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_COUNTS = ("application_count", "enquiry_count", "myics_registration_count", "myics_batch_count")
"""Alembic writes no sequences."""


def upgrade() -> None:
    for count in _COUNTS:
        op.execute(sa.schema.CreateSequence(sa.Sequence(count)))
    op.create_table(
        "address_checks",
        sa.Column("check_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("yayoi_id", sa.String(), nullable=False),
        sa.Column("family_name", sa.String(), nullable=True),
        sa.Column("given_name", sa.String(), nullable=True),
        sa.Column("password_hash", sa.String(), nullable=True),
        sa.Column("news_by_mail", sa.Boolean(), nullable=True),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("code_no", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("code_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tries", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("notified_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("check_id"),
    )
    op.create_table(
        "audit_trail",
        sa.Column("audit_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("application_no", sa.String(), nullable=False),
        sa.Column("office_no", sa.Integer(), nullable=True),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), server_default="", nullable=False),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.PrimaryKeyConstraint("audit_id"),
    )
    op.create_index(op.f("ix_audit_trail_application_no"), "audit_trail", ["application_no"], unique=False)
    op.create_table(
        "business_groups",
        sa.Column("group_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("group_id"),
    )
    op.create_table(
        "contract_id_pool",
        sa.Column("pool", sa.String(), nullable=False),
        sa.Column("next_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("pool"),
    )
    op.create_table(
        "enquiries",
        sa.Column("receipt_no", sa.String(), nullable=False),
        sa.Column("submission_id", sa.Uuid(), nullable=False),
        sa.Column("contract_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("mail_address", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("notified_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("receipt_no"),
        sa.UniqueConstraint("submission_id"),
    )
    op.create_table(
        "events",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("application_no", sa.String(), nullable=True),
        sa.Column("office_no", sa.Integer(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refused_because", sa.String(), nullable=True),
        sa.Column("refusals", sa.Integer(), server_default="0", nullable=False),
        sa.Column("unreported_since", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("event_id"),
    )
    op.create_index(op.f("ix_events_application_no"), "events", ["application_no"], unique=False)
    op.create_table(
        "existing_contracts",
        sa.Column("contract_id", sa.String(), nullable=False),
        sa.Column("customer_name", sa.String(), nullable=False),
        sa.Column("mail_address", sa.String(), nullable=False),
        sa.Column("product_name", sa.String(), nullable=False),
        sa.Column("network_product", sa.Boolean(), nullable=False),
        sa.Column("issued_count", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("contract_id"),
    )
    op.create_table(
        "ledger",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("result", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "myics_firms",
        sa.Column("customer_no", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("customer_no"),
    )
    op.create_table(
        "operators",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("mail_address", sa.String(), nullable=False),
        sa.Column("supervisor", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("takes_cases", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("leave_from", sa.Date(), nullable=True),
        sa.Column("leave_until", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "rate_counts",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("window_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("key", "window_start"),
    )
    op.create_index(op.f("ix_rate_counts_ends_at"), "rate_counts", ["ends_at"], unique=False)
    op.create_table(
        "webhook_subscribers",
        sa.Column("subscriber_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("secrets", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("kinds", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("stopped_because", sa.String(), nullable=True),
        sa.Column("added_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("subscriber_id"),
    )
    op.create_table(
        "yayoi_ids",
        sa.Column("person_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("yayoi_id", sa.String(), nullable=False),
        sa.Column("family_name", sa.String(), nullable=False),
        sa.Column("given_name", sa.String(), nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("person_id"),
        sa.UniqueConstraint("yayoi_id"),
    )
    op.create_table(
        "applications",
        sa.Column("application_no", sa.String(), nullable=False),
        sa.Column("submission_id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("family_name", sa.String(), nullable=False),
        sa.Column("given_name", sa.String(), nullable=False),
        sa.Column("existing_contract_id", sa.String(), nullable=False),
        sa.Column("accounting_link", sa.Boolean(), nullable=False),
        sa.Column("network_product", sa.Boolean(), nullable=False),
        sa.Column("procedure", sa.String(), nullable=False),
        sa.Column("consents", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_date", sa.Date(), nullable=False),
        sa.Column("alert_on", sa.Date(), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["existing_contract_id"],
            ["existing_contracts.contract_id"],
        ),
        sa.PrimaryKeyConstraint("application_no"),
        sa.UniqueConstraint("submission_id"),
    )
    op.create_index(
        op.f("ix_applications_existing_contract_id"), "applications", ["existing_contract_id"], unique=False
    )
    op.create_table(
        "business_group_details",
        sa.Column("group_id", sa.BigInteger(), nullable=False),
        sa.Column("business_form", sa.String(), nullable=False),
        sa.Column("family_name", sa.String(), nullable=False),
        sa.Column("given_name", sa.String(), nullable=False),
        sa.Column("family_name_kana", sa.String(), nullable=False),
        sa.Column("given_name_kana", sa.String(), nullable=False),
        sa.Column("phone", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["group_id"],
            ["business_groups.group_id"],
        ),
        sa.PrimaryKeyConstraint("group_id"),
    )
    op.create_table(
        "business_group_members",
        sa.Column("group_id", sa.BigInteger(), nullable=False),
        sa.Column("administrator", sa.Boolean(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["group_id"],
            ["business_groups.group_id"],
        ),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["yayoi_ids.person_id"],
        ),
        sa.PrimaryKeyConstraint("person_id"),
    )
    op.create_index(op.f("ix_business_group_members_group_id"), "business_group_members", ["group_id"], unique=False)
    op.create_table(
        "credentials",
        sa.Column("password_hash", sa.String(), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["yayoi_ids.person_id"],
        ),
        sa.PrimaryKeyConstraint("person_id"),
    )
    op.create_table(
        "member_invitations",
        sa.Column("invitation_id", sa.Uuid(), nullable=False),
        sa.Column("group_id", sa.BigInteger(), nullable=False),
        sa.Column("yayoi_id", sa.String(), nullable=False),
        sa.Column("inviter_id", sa.BigInteger(), nullable=False),
        sa.Column("invited_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("link_no", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("notified_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["group_id"],
            ["business_groups.group_id"],
        ),
        sa.ForeignKeyConstraint(
            ["inviter_id"],
            ["yayoi_ids.person_id"],
        ),
        sa.PrimaryKeyConstraint("invitation_id"),
    )
    op.create_index(
        "one_open_invitation",
        "member_invitations",
        ["group_id", "yayoi_id"],
        unique=True,
        postgresql_where=sa.text("closed_at is null"),
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
        sa.Column("notified_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["customer_no"],
            ["myics_firms.customer_no"],
        ),
        sa.PrimaryKeyConstraint("batch_no"),
        sa.UniqueConstraint("submission_id"),
    )
    op.create_index(op.f("ix_myics_batches_customer_no"), "myics_batches", ["customer_no"], unique=False)
    op.create_table(
        "myics_clients",
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("customer_no", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_no"],
            ["myics_firms.customer_no"],
        ),
        sa.PrimaryKeyConstraint("client_id"),
    )
    op.create_index(op.f("ix_myics_clients_customer_no"), "myics_clients", ["customer_no"], unique=False)
    op.create_table(
        "offices",
        sa.Column("office_token", sa.String(), nullable=False),
        sa.Column("existing_contract_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("contract_id", sa.String(), nullable=True),
        sa.Column("group_id", sa.BigInteger(), nullable=True),
        sa.Column("frozen_by", sa.String(), nullable=True),
        sa.Column("frozen_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["existing_contract_id"],
            ["existing_contracts.contract_id"],
        ),
        sa.ForeignKeyConstraint(
            ["group_id"],
            ["business_groups.group_id"],
        ),
        sa.PrimaryKeyConstraint("office_token"),
        sa.UniqueConstraint("contract_id", deferrable=True, initially="DEFERRED"),
        sa.UniqueConstraint("group_id", deferrable=True, initially="DEFERRED"),
    )
    op.create_index(op.f("ix_offices_existing_contract_id"), "offices", ["existing_contract_id"], unique=False)
    op.create_table(
        "web_sessions",
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["yayoi_ids.person_id"],
        ),
        sa.PrimaryKeyConstraint("token_hash"),
    )
    op.create_index(op.f("ix_web_sessions_person_id"), "web_sessions", ["person_id"], unique=False)
    op.create_table(
        "yayoi_id_consents",
        sa.Column("terms_accepted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("news_by_mail", sa.Boolean(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["yayoi_ids.person_id"],
        ),
        sa.PrimaryKeyConstraint("person_id"),
    )
    op.create_table(
        "application_offices",
        sa.Column("application_no", sa.String(), nullable=False),
        sa.Column("office_no", sa.Integer(), nullable=False),
        sa.Column("yayoi_id", sa.String(), nullable=False),
        sa.Column("office_token", sa.String(), nullable=True),
        sa.Column("office_name", sa.String(), nullable=False),
        sa.Column("issued_contract_id", sa.String(), nullable=True),
        sa.Column("assignee", sa.String(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("open_points", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.ForeignKeyConstraint(
            ["application_no"],
            ["applications.application_no"],
        ),
        sa.PrimaryKeyConstraint("application_no", "office_no"),
    )
    op.create_index(op.f("ix_application_offices_assignee"), "application_offices", ["assignee"], unique=False)
    op.create_index(
        "one_open_token", "application_offices", ["office_token"], unique=True, postgresql_where="closed_at is null"
    )
    op.create_index(
        "one_open_yayoi_id", "application_offices", ["yayoi_id"], unique=True, postgresql_where="closed_at is null"
    )
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
        sa.ForeignKeyConstraint(
            ["client_id"],
            ["myics_clients.client_id"],
        ),
        sa.ForeignKeyConstraint(
            ["customer_no"],
            ["myics_firms.customer_no"],
        ),
        sa.PrimaryKeyConstraint("account_id"),
        sa.UniqueConstraint("registration_no"),
    )
    op.create_index(op.f("ix_myics_accounts_client_id"), "myics_accounts", ["client_id"], unique=False)
    op.create_index(op.f("ix_myics_accounts_customer_no"), "myics_accounts", ["customer_no"], unique=False)
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
        sa.ForeignKeyConstraint(
            ["batch_no"],
            ["myics_batches.batch_no"],
        ),
        sa.PrimaryKeyConstraint("batch_no", "position"),
    )
    op.create_table(
        "notices",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("application_no", sa.String(), nullable=True),
        sa.Column("office_no", sa.Integer(), nullable=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("recipient", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refused_because", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["application_no"],
            ["applications.application_no"],
        ),
        sa.PrimaryKeyConstraint("key"),
        sa.UniqueConstraint("message_id"),
    )
    op.create_index(op.f("ix_notices_application_no"), "notices", ["application_no"], unique=False)
    op.create_table(
        "refused_forms",
        sa.Column("form_no", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("webhook_id", sa.String(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("errors", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_by", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("application_no", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["application_no"],
            ["applications.application_no"],
        ),
        sa.PrimaryKeyConstraint("form_no"),
        sa.UniqueConstraint("webhook_id"),
    )
    op.create_table(
        "service_links",
        sa.Column("link_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("office_token", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("service", sa.String(), nullable=False),
        sa.Column("settings", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("last_imported_on", sa.Date(), nullable=True),
        sa.Column("first_covered_on", sa.Date(), nullable=True),
        sa.Column("lost_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lost_for", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["office_token"],
            ["offices.office_token"],
        ),
        sa.PrimaryKeyConstraint("link_id"),
    )
    op.create_index(op.f("ix_service_links_office_token"), "service_links", ["office_token"], unique=False)
    op.create_index(
        "one_open_link",
        "service_links",
        ["office_token", "kind", "service"],
        unique=True,
        postgresql_where="lost_at is null",
    )
    op.create_table(
        "sharings",
        sa.Column("sharing_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("office_token", sa.String(), nullable=False),
        sa.Column("firm", sa.String(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_for", sa.String(), nullable=True),
        sa.Column("released_by_system", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.ForeignKeyConstraint(
            ["office_token"],
            ["offices.office_token"],
        ),
        sa.PrimaryKeyConstraint("sharing_id"),
    )
    op.create_index(op.f("ix_sharings_office_token"), "sharings", ["office_token"], unique=False)
    op.create_index(
        "one_open_sharing", "sharings", ["office_token", "firm"], unique=True, postgresql_where="ended_at is null"
    )
    op.create_table(
        "smart_import_runs",
        sa.Column("run_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("office_token", sa.String(), nullable=False),
        sa.Column("tried_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("refused_because", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["office_token"],
            ["offices.office_token"],
        ),
        sa.PrimaryKeyConstraint("run_id"),
    )
    op.create_index(op.f("ix_smart_import_runs_office_token"), "smart_import_runs", ["office_token"], unique=False)
    op.create_table(
        "webhook_messages",
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("subscriber_id", sa.BigInteger(), nullable=False),
        sa.Column("application_no", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("stored_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_error", sa.String(), server_default="", nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["application_no"],
            ["applications.application_no"],
        ),
        sa.ForeignKeyConstraint(
            ["subscriber_id"],
            ["webhook_subscribers.subscriber_id"],
        ),
        sa.PrimaryKeyConstraint("message_id"),
    )
    op.create_index(op.f("ix_webhook_messages_application_no"), "webhook_messages", ["application_no"], unique=False)
    op.create_index(op.f("ix_webhook_messages_subscriber_id"), "webhook_messages", ["subscriber_id"], unique=False)
    op.create_index(
        "webhook_messages_to_start",
        "webhook_messages",
        ["stored_at"],
        unique=False,
        postgresql_where="started_at is null",
    )
    op.create_table(
        "issued_contracts",
        sa.Column("contract_id", sa.String(), nullable=False),
        sa.Column("existing_contract_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("registered_name", sa.String(), nullable=False),
        sa.Column("application_no", sa.String(), nullable=False),
        sa.Column("office_no", sa.Integer(), nullable=False),
        sa.Column("yayoi_id", sa.String(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("contract_id ~ '^[678][0-9]{6}$'", name="seven_digits"),
        sa.ForeignKeyConstraint(
            ["application_no", "office_no"],
            ["application_offices.application_no", "application_offices.office_no"],
        ),
        sa.ForeignKeyConstraint(
            ["existing_contract_id"],
            ["existing_contracts.contract_id"],
        ),
        sa.PrimaryKeyConstraint("contract_id"),
        sa.UniqueConstraint("application_no", "office_no"),
        sa.UniqueConstraint("existing_contract_id", "number"),
    )
    op.create_index(op.f("ix_issued_contracts_yayoi_id"), "issued_contracts", ["yayoi_id"], unique=False)
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
        sa.Column("notified_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["myics_accounts.account_id"],
        ),
        sa.ForeignKeyConstraint(
            ["batch_no"],
            ["myics_batches.batch_no"],
        ),
        sa.ForeignKeyConstraint(
            ["client_id"],
            ["myics_clients.client_id"],
        ),
        sa.ForeignKeyConstraint(
            ["customer_no"],
            ["myics_firms.customer_no"],
        ),
        sa.ForeignKeyConstraint(
            ["part_of"],
            ["myics_registrations.registration_no"],
        ),
        sa.PrimaryKeyConstraint("registration_no"),
    )
    op.create_index(op.f("ix_myics_registrations_assignee"), "myics_registrations", ["assignee"], unique=False)
    op.create_index(op.f("ix_myics_registrations_batch_no"), "myics_registrations", ["batch_no"], unique=False)
    op.create_index(op.f("ix_myics_registrations_client_id"), "myics_registrations", ["client_id"], unique=False)
    op.create_index(op.f("ix_myics_registrations_customer_no"), "myics_registrations", ["customer_no"], unique=False)
    op.create_index(op.f("ix_myics_registrations_part_of"), "myics_registrations", ["part_of"], unique=False)
    op.create_index(
        "myics_to_notify",
        "myics_registrations",
        ["changed_at"],
        unique=False,
        postgresql_where=sa.text("notified_at is null or notified_at < changed_at"),
    )
    op.create_index(
        "one_open_representative",
        "myics_registrations",
        ["customer_no"],
        unique=True,
        postgresql_where=sa.text("kind = 'representative' and closed_at is null"),
    )
    op.create_index(
        "one_open_unlocking",
        "myics_registrations",
        ["account_id"],
        unique=True,
        postgresql_where=sa.text("kind = 'unlocking' and closed_at is null"),
    )
    op.create_index(
        "open_renewals",
        "myics_registrations",
        ["account_id"],
        unique=False,
        postgresql_where=sa.text("kind = 'renewal' and closed_at is null"),
    )
    op.create_table(
        "myics_sessions",
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["myics_accounts.account_id"],
        ),
        sa.PrimaryKeyConstraint("token_hash"),
    )
    op.create_index(op.f("ix_myics_sessions_account_id"), "myics_sessions", ["account_id"], unique=False)
    op.create_table(
        "remembered_links",
        sa.Column("application_no", sa.String(), nullable=False),
        sa.Column("office_no", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("service", sa.String(), nullable=False),
        sa.Column("last_imported_on", sa.Date(), nullable=True),
        sa.Column("relinked_on", sa.Date(), nullable=True),
        sa.Column("first_covered_on", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(
            ["application_no", "office_no"],
            ["application_offices.application_no", "application_offices.office_no"],
        ),
        sa.PrimaryKeyConstraint("application_no", "office_no", "kind", "service"),
    )
    op.create_table(
        "set_up_steps",
        sa.Column("application_no", sa.String(), nullable=False),
        sa.Column("office_no", sa.Integer(), nullable=False),
        sa.Column("step", sa.String(), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reported_by", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["application_no", "office_no"],
            ["application_offices.application_no", "application_offices.office_no"],
        ),
        sa.PrimaryKeyConstraint("application_no", "office_no", "step"),
    )
    op.create_table(
        "sharing_again",
        sa.Column("application_no", sa.String(), nullable=False),
        sa.Column("office_no", sa.Integer(), nullable=False),
        sa.Column("firm", sa.String(), nullable=False),
        sa.Column("shared_on", sa.Date(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["application_no", "office_no"],
            ["application_offices.application_no", "application_offices.office_no"],
        ),
        sa.PrimaryKeyConstraint("application_no", "office_no", "firm"),
    )
    op.create_table(
        "support_passwords",
        sa.Column("contract_id", sa.String(), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["contract_id"],
            ["issued_contracts.contract_id"],
        ),
        sa.PrimaryKeyConstraint("contract_id"),
    )
