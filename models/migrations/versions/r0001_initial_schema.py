"""Initial schema."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.execute(sa.schema.CreateSequence(sa.Sequence("application_count")))
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
        "yayoi_ids",
        sa.Column("yayoi_id", sa.String(), nullable=False),
        sa.Column("family_name", sa.String(), nullable=False),
        sa.Column("given_name", sa.String(), nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("yayoi_id"),
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
        "business_group_members",
        sa.Column("yayoi_id", sa.String(), nullable=False),
        sa.Column("group_id", sa.BigInteger(), nullable=False),
        sa.Column("administrator", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["group_id"],
            ["business_groups.group_id"],
        ),
        sa.ForeignKeyConstraint(
            ["yayoi_id"],
            ["yayoi_ids.yayoi_id"],
        ),
        sa.PrimaryKeyConstraint("yayoi_id"),
    )
    op.create_index(op.f("ix_business_group_members_group_id"), "business_group_members", ["group_id"], unique=False)
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
    )
    op.create_index(op.f("ix_offices_existing_contract_id"), "offices", ["existing_contract_id"], unique=False)
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
        sa.ForeignKeyConstraint(
            ["application_no"],
            ["applications.application_no"],
        ),
        sa.PrimaryKeyConstraint("key"),
        sa.UniqueConstraint("message_id"),
    )
    op.create_index(op.f("ix_notices_application_no"), "notices", ["application_no"], unique=False)
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


def downgrade() -> None:
    op.drop_table("set_up_steps")
    op.drop_table("remembered_links")
    op.drop_index(op.f("ix_issued_contracts_yayoi_id"), table_name="issued_contracts")
    op.drop_table("issued_contracts")
    op.drop_index(op.f("ix_smart_import_runs_office_token"), table_name="smart_import_runs")
    op.drop_table("smart_import_runs")
    op.drop_index("one_open_sharing", table_name="sharings", postgresql_where="ended_at is null")
    op.drop_index(op.f("ix_sharings_office_token"), table_name="sharings")
    op.drop_table("sharings")
    op.drop_index("one_open_link", table_name="service_links", postgresql_where="lost_at is null")
    op.drop_index(op.f("ix_service_links_office_token"), table_name="service_links")
    op.drop_table("service_links")
    op.drop_index(op.f("ix_notices_application_no"), table_name="notices")
    op.drop_table("notices")
    op.drop_index("one_open_yayoi_id", table_name="application_offices", postgresql_where="closed_at is null")
    op.drop_index("one_open_token", table_name="application_offices", postgresql_where="closed_at is null")
    op.drop_index(op.f("ix_application_offices_assignee"), table_name="application_offices")
    op.drop_table("application_offices")
    op.drop_index(op.f("ix_offices_existing_contract_id"), table_name="offices")
    op.drop_table("offices")
    op.drop_index(op.f("ix_business_group_members_group_id"), table_name="business_group_members")
    op.drop_table("business_group_members")
    op.drop_index(op.f("ix_applications_existing_contract_id"), table_name="applications")
    op.drop_table("applications")
    op.drop_table("yayoi_ids")
    op.drop_table("operators")
    op.drop_table("ledger")
    op.drop_table("existing_contracts")
    op.drop_index(op.f("ix_events_application_no"), table_name="events")
    op.drop_table("events")
    op.drop_table("contract_id_pool")
    op.drop_table("business_groups")
    op.drop_index(op.f("ix_audit_trail_application_no"), table_name="audit_trail")
    op.drop_table("audit_trail")
    op.execute(sa.schema.DropSequence(sa.Sequence("application_count")))
