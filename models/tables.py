"""The records in Postgres: what the vendor's systems hold (the registry), and the cases with their audit and ledger.

Every day is a day in Japan; every time is aware.
"""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ColumnElement,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Sequence,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """All tables. Times are stored with their zone."""

    type_annotation_map = {datetime: DateTime(timezone=True), dict[str, Any]: JSONB, list[str]: JSONB}  # noqa: RUF012


# --- the registry: what the vendor's systems hold --------------------------------------------------------------------


class YayoiIdRow(Base):
    """弥生ID (Y2)."""

    __tablename__ = "yayoi_ids"

    yayoi_id: Mapped[str] = mapped_column(primary_key=True)
    family_name: Mapped[str]
    given_name: Mapped[str]
    registered_at: Mapped[datetime] = mapped_column(server_default=func.now())


class BusinessGroupRow(Base):
    """事業グループ."""

    __tablename__ = "business_groups"

    group_id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    name: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class GroupMemberRow(Base):
    """A Yayoi ID belongs to one group at most (Y3)."""

    __tablename__ = "business_group_members"

    yayoi_id: Mapped[str] = mapped_column(ForeignKey("yayoi_ids.yayoi_id"), primary_key=True)
    group_id: Mapped[int] = mapped_column(ForeignKey("business_groups.group_id"), index=True)
    administrator: Mapped[bool]


class ExistingContractRow(Base):
    """A contract that a customer already has: its ID, customer name and product."""

    __tablename__ = "existing_contracts"

    contract_id: Mapped[str] = mapped_column(primary_key=True)
    customer_name: Mapped[str]
    """As registered, such as `弥生 太郎`: the first part of every name registered on this contract (Y15)."""
    mail_address: Mapped[str]
    product_name: Mapped[str]
    network_product: Mapped[bool]
    issued_count: Mapped[int] = mapped_column(server_default="0")
    """How many IDs were ever issued on this contract (Y15)."""


class OfficeRow(Base):
    """事業所データ: one set of books, and how its smart import stands (Y12)."""

    __tablename__ = "offices"

    office_token: Mapped[str] = mapped_column(primary_key=True)
    existing_contract_id: Mapped[str] = mapped_column(ForeignKey("existing_contracts.contract_id"), index=True)
    name: Mapped[str]
    contract_id: Mapped[str | None]
    """The contract ID that the office is managed with; None while it has none of its own."""
    group_id: Mapped[int | None] = mapped_column(ForeignKey("business_groups.group_id"))
    frozen_by: Mapped[str | None]
    """The pair for which smart import is frozen (`YS-000123:1`); None: it runs."""
    frozen_at: Mapped[datetime | None]


class OperatorRow(Base):
    """A back-office operator, by the name they sign their actions with."""

    __tablename__ = "operators"

    name: Mapped[str] = mapped_column(primary_key=True)
    mail_address: Mapped[str]
    supervisor: Mapped[bool] = mapped_column(server_default=text("false"))
    takes_cases: Mapped[bool] = mapped_column(server_default=text("true"))
    leave_from: Mapped[date | None]
    leave_until: Mapped[date | None]
    """The last day of leave; None: it has no end yet."""

    def is_on_leave(self, day: date) -> bool:
        return self.leave_from is not None and self.leave_from <= day <= (self.leave_until or date.max)

    @classmethod
    def on_leave(cls, day: date) -> ColumnElement[bool]:
        """The same, asked in a query."""
        return func.coalesce((cls.leave_from <= day) & (cls.leave_until.is_(None) | (cls.leave_until >= day)), False)


class SmartImportRunRow(Base):
    """One try to import, done or refused (Y12)."""

    __tablename__ = "smart_import_runs"

    run_id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    office_token: Mapped[str] = mapped_column(ForeignKey("offices.office_token"), index=True)
    tried_at: Mapped[datetime] = mapped_column(server_default=func.now())
    refused_because: Mapped[str | None]


class SharingRow(Base):
    """Smart import data shared with an accounting office; a row stays when sharing has ended (Y13)."""

    __tablename__ = "sharings"
    __table_args__ = (
        Index("one_open_sharing", "office_token", "firm", unique=True, postgresql_where="ended_at is null"),
    )

    sharing_id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    office_token: Mapped[str] = mapped_column(ForeignKey("offices.office_token"), index=True)
    firm: Mapped[str]
    ended_at: Mapped[datetime | None]
    ended_for: Mapped[str | None]
    """The pair for which it ended (`YS-000123:1`)."""
    released_by_system: Mapped[bool] = mapped_column(server_default=text("false"))


class ServiceLinkRow(Base):
    """A service linked to an office's smart import; a row stays when the link was lost (Y14, Y21)."""

    __tablename__ = "service_links"
    __table_args__ = (
        Index("one_open_link", "office_token", "kind", "service", unique=True, postgresql_where="lost_at is null"),
    )

    link_id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    office_token: Mapped[str] = mapped_column(ForeignKey("offices.office_token"), index=True)
    kind: Mapped[str]
    service: Mapped[str]
    settings: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    """口座連携の設定 and the like; empty after a re-link (Y21)."""
    last_imported_on: Mapped[date | None]
    first_covered_on: Mapped[date | None]
    lost_at: Mapped[datetime | None]
    lost_for: Mapped[str | None]
    """The pair whose new contract ID ended the link (`YS-000123:1`)."""


class IssuedContractRow(Base):
    """A contract ID issued for a pair: unique for ever, kept after revocation (Y15)."""

    __tablename__ = "issued_contracts"
    __table_args__ = (
        UniqueConstraint("existing_contract_id", "number"),
        UniqueConstraint("application_no", "office_no"),
        ForeignKeyConstraint(
            ["application_no", "office_no"], ["application_offices.application_no", "application_offices.office_no"]
        ),
        CheckConstraint("contract_id ~ '^[678][0-9]{6}$'", name="seven_digits"),
    )

    contract_id: Mapped[str] = mapped_column(primary_key=True)
    existing_contract_id: Mapped[str] = mapped_column(ForeignKey("existing_contracts.contract_id"))
    number: Mapped[int]
    registered_name: Mapped[str]
    application_no: Mapped[str]
    office_no: Mapped[int]
    yayoi_id: Mapped[str] = mapped_column(index=True)
    issued_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class ContractIdPoolRow(Base):
    """Where the next contract ID comes from: one row with the next 7-digit number to try."""

    __tablename__ = "contract_id_pool"

    pool: Mapped[str] = mapped_column(primary_key=True)
    next_id: Mapped[int]


# --- the cases --------------------------------------------------------------------------------------------------------

application_count = Sequence("application_count", metadata=Base.metadata)


class ApplicationRow(Base):
    """One submitted form, as stored before anything is started."""

    __tablename__ = "applications"

    application_no: Mapped[str] = mapped_column(primary_key=True)
    submission_id: Mapped[UUID] = mapped_column(unique=True)
    digest: Mapped[str]
    family_name: Mapped[str]
    given_name: Mapped[str]
    existing_contract_id: Mapped[str] = mapped_column(ForeignKey("existing_contracts.contract_id"), index=True)
    accounting_link: Mapped[bool]
    network_product: Mapped[bool]
    procedure: Mapped[str]
    consents: Mapped[dict[str, Any]]
    applied_at: Mapped[datetime]
    due_date: Mapped[date]
    alert_on: Mapped[date]
    expires_on: Mapped[date]
    started_at: Mapped[datetime | None]
    """When the workflow was started; None: the reconciler will."""
    closed_at: Mapped[datetime | None]


class ApplicationOfficeRow(Base):
    """One pair of an application. While it is open, no other open pair holds its Yayoi ID or token (Y1)."""

    __tablename__ = "application_offices"
    __table_args__ = (
        Index("one_open_yayoi_id", "yayoi_id", unique=True, postgresql_where="closed_at is null"),
        Index("one_open_token", "office_token", unique=True, postgresql_where="closed_at is null"),
    )

    application_no: Mapped[str] = mapped_column(ForeignKey("applications.application_no"), primary_key=True)
    office_no: Mapped[int] = mapped_column(primary_key=True)
    yayoi_id: Mapped[str]
    office_token: Mapped[str | None]
    office_name: Mapped[str]
    issued_contract_id: Mapped[str | None]
    """会計連携の追加: the contract ID that was issued before (Y9)."""
    assignee: Mapped[str | None] = mapped_column(index=True)
    closed_at: Mapped[datetime | None]
    outcome: Mapped[str | None]
    open_points: Mapped[list[str] | None]


class RememberedLinkRow(Base):
    """A link as it was before it was lost, and what its re-link covers (Y14, Y21)."""

    __tablename__ = "remembered_links"
    __table_args__ = (
        ForeignKeyConstraint(
            ["application_no", "office_no"], ["application_offices.application_no", "application_offices.office_no"]
        ),
    )

    application_no: Mapped[str] = mapped_column(primary_key=True)
    office_no: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    service: Mapped[str] = mapped_column(primary_key=True)
    last_imported_on: Mapped[date | None]
    relinked_on: Mapped[date | None]
    first_covered_on: Mapped[date | None]


class SetUpStepRow(Base):
    """A step of STEP5 or STEP6 that the customer has done (Y19, Y20)."""

    __tablename__ = "set_up_steps"
    __table_args__ = (
        ForeignKeyConstraint(
            ["application_no", "office_no"], ["application_offices.application_no", "application_offices.office_no"]
        ),
    )

    application_no: Mapped[str] = mapped_column(primary_key=True)
    office_no: Mapped[int] = mapped_column(primary_key=True)
    step: Mapped[str] = mapped_column(primary_key=True)
    done_at: Mapped[datetime]
    reported_by: Mapped[str]


class NoticeRow(Base):
    """A mail: pending until the SMTP server has taken it, then sent (Y18)."""

    __tablename__ = "notices"

    key: Mapped[str] = mapped_column(primary_key=True)
    application_no: Mapped[str | None] = mapped_column(ForeignKey("applications.application_no"), index=True)
    """None: a mail that is about no single application, such as the operators' morning digest."""
    office_no: Mapped[int | None]
    kind: Mapped[str]
    recipient: Mapped[str]
    subject: Mapped[str]
    message_id: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    sent_at: Mapped[datetime | None]


class EventRow(Base):
    """An event another system reported, and what became of it."""

    __tablename__ = "events"

    event_id: Mapped[UUID] = mapped_column(primary_key=True)
    digest: Mapped[str]
    kind: Mapped[str]
    payload: Mapped[dict[str, Any]]
    application_no: Mapped[str | None] = mapped_column(index=True)
    office_no: Mapped[int | None]
    received_at: Mapped[datetime] = mapped_column(server_default=func.now())
    delivered_at: Mapped[datetime | None]
    refused_because: Mapped[str | None]


class LedgerRow(Base):
    """A step that has taken effect, with its result: the same key never takes effect again."""

    __tablename__ = "ledger"

    key: Mapped[str] = mapped_column(primary_key=True)
    result: Mapped[dict[str, Any]]
    recorded_at: Mapped[datetime] = mapped_column(server_default=func.now())


class AuditRow(Base):
    """Who did what to which case, and why. Rows are only ever added."""

    __tablename__ = "audit_trail"

    audit_id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    recorded_at: Mapped[datetime] = mapped_column(server_default=func.now())
    happened_at: Mapped[datetime]
    """The case's own time."""
    application_no: Mapped[str] = mapped_column(index=True)
    office_no: Mapped[int | None]
    action: Mapped[str]
    by: Mapped[str]
    reason: Mapped[str] = mapped_column(server_default="")
    facts: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
