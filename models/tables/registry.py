"""The registry: what the vendor's systems hold."""

from datetime import date, datetime
from typing import Any, Self

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    ScalarSelect,
    Select,
    UniqueConstraint,
    func,
    select,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.tables.base import Base, MailAddressText
from models.tables.text_search import pieces_index, prefix_index


class YayoiIdRow(Base):
    """弥生ID (Y2): a person's login, which is a mail address."""

    __tablename__ = "yayoi_ids"
    __table_args__ = (pieces_index("search_yayoi_id_owners", "family_name", "given_name"),)

    person_id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    """What other tables refer to a person by."""
    yayoi_id: Mapped[MailAddressText] = mapped_column(unique=True)
    family_name: Mapped[str]
    given_name: Mapped[str]
    registered_at: Mapped[datetime] = mapped_column(server_default=func.now())

    @classmethod
    def id_of(cls, yayoi_id: str) -> ScalarSelect[int]:
        """The person's number, as part of a query."""
        return select(cls.person_id).where(cls.yayoi_id == yayoi_id).scalar_subquery()

    @classmethod
    def of(cls, yayoi_id: str) -> Select[Self]:
        return select(cls).where(cls.yayoi_id == yayoi_id)


class PerYayoiIdRow(Base):
    """A row of which each Yayoi ID has at most one."""

    __abstract__ = True

    person_id: Mapped[int] = mapped_column(ForeignKey("yayoi_ids.person_id"), primary_key=True)

    @classmethod
    def of(cls, yayoi_id: str) -> Select[Self]:
        return select(cls).where(cls.person_id == YayoiIdRow.id_of(yayoi_id))


class BusinessGroupRow(Base):
    """事業グループ."""

    __tablename__ = "business_groups"

    group_id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    name: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class GroupMemberRow(PerYayoiIdRow):
    """A Yayoi ID belongs to one group at most (Y3)."""

    __tablename__ = "business_group_members"

    group_id: Mapped[int] = mapped_column(ForeignKey("business_groups.group_id"), index=True)
    administrator: Mapped[bool]
    person: Mapped[YayoiIdRow] = relationship(lazy="joined", innerjoin=True)
    group: Mapped[BusinessGroupRow] = relationship(lazy="raise")


class ExistingContractRow(Base):
    """A contract that a customer already has: its ID, customer name and product."""

    __tablename__ = "existing_contracts"
    __table_args__ = (pieces_index("search_contract_holders", "customer_name"),)

    contract_id: Mapped[str] = mapped_column(primary_key=True)
    customer_name: Mapped[str]
    """As registered, such as `弥生 太郎`: the first part of every name registered on this contract (Y15)."""
    mail_address: Mapped[MailAddressText]
    product_name: Mapped[str]
    network_product: Mapped[bool]
    issued_count: Mapped[int] = mapped_column(server_default="0")
    """How many IDs were ever issued on this contract (Y15)."""


class OfficeRow(Base):
    """事業所データ: one set of books, and whether its smart import is frozen (Y12)."""

    __tablename__ = "offices"
    # Checked at the commit: a file may hand an ID or a group from one office to another.
    __table_args__ = (
        UniqueConstraint("contract_id", deferrable=True, initially="DEFERRED"),
        UniqueConstraint("group_id", deferrable=True, initially="DEFERRED"),
    )

    office_token: Mapped[str] = mapped_column(primary_key=True)
    existing_contract_id: Mapped[str] = mapped_column(ForeignKey("existing_contracts.contract_id"), index=True)
    name: Mapped[str]
    contract_id: Mapped[str | None]
    """The contract ID that the office is managed with, no other's (Y1); None while it has none of its own."""
    group_id: Mapped[int | None] = mapped_column(ForeignKey("business_groups.group_id"))
    """The group that its evidence is kept in, no other's (Y1)."""
    group: Mapped[BusinessGroupRow | None] = relationship(lazy="raise")
    frozen_by: Mapped[str | None]
    """The pair for which smart import is frozen (`YS-000123:1`); None: it runs."""
    frozen_at: Mapped[datetime | None]


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
        prefix_index("search_issued_contracts", "contract_id"),
    )

    contract_id: Mapped[str] = mapped_column(primary_key=True)
    existing_contract_id: Mapped[str] = mapped_column(ForeignKey("existing_contracts.contract_id"))
    number: Mapped[int]
    registered_name: Mapped[str]
    application_no: Mapped[str]
    office_no: Mapped[int]
    yayoi_id: Mapped[MailAddressText] = mapped_column(index=True)
    issued_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class ContractIdPoolRow(Base):
    """Where the next contract ID comes from: one row with the next 7-digit number to try."""

    __tablename__ = "contract_id_pool"

    pool: Mapped[str] = mapped_column(primary_key=True)
    next_id: Mapped[int]
    promised: Mapped[int] = mapped_column(server_default=text("0"))
    """The last number that the journal knows of as perhaps given out."""


class ReservedContractIdsRow(Base):
    """Contract IDs that a restore has lost the owners of: customers' own, which are given to nobody else."""

    __tablename__ = "reserved_contract_ids"

    first_id: Mapped[int] = mapped_column(primary_key=True)
    last_id: Mapped[int]
