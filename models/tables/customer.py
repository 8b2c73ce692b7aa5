"""What customers do after the notice and later: STEP5, STEP6, sharing again, members, enquiries."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Sequence, func, text
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import Base, MailAddressText, NotifiedRow
from models.tables.cases import PerOfficeRow
from models.tables.text_search import pieces_index

enquiry_count = Sequence("enquiry_count", metadata=Base.metadata)


class SupportPasswordRow(Base):
    """The support site's password of one new contract ID, hashed with argon2 (Y19)."""

    __tablename__ = "support_passwords"

    contract_id: Mapped[str] = mapped_column(ForeignKey("issued_contracts.contract_id"), primary_key=True)
    password_hash: Mapped[str]
    set_at: Mapped[datetime] = mapped_column(server_default=func.now())


class BusinessGroupDetailsRow(Base):
    """What the customer said of a business group beyond its name (Y20); a group made elsewhere has none."""

    __tablename__ = "business_group_details"
    __table_args__ = (pieces_index("search_readings", "family_name_kana", "given_name_kana"),)

    group_id: Mapped[int] = mapped_column(ForeignKey("business_groups.group_id"), primary_key=True)
    business_form: Mapped[str]
    family_name: Mapped[str]
    given_name: Mapped[str]
    family_name_kana: Mapped[str]
    given_name_kana: Mapped[str]
    phone: Mapped[str]


class SharingAgainRow(PerOfficeRow):
    """The customer's answer whether sharing that ended for a procedure was set up again (Y21)."""

    __tablename__ = "sharing_again"

    firm: Mapped[str] = mapped_column(primary_key=True)
    shared_on: Mapped[date | None]
    """The day on which it is shared again; None: it is no longer wanted."""
    answered_at: Mapped[datetime] = mapped_column(server_default=func.now())


class MemberInvitationRow(NotifiedRow):
    """An address invited into a business group; stored before its procedure starts, closed when that ends (Y24)."""

    __tablename__ = "member_invitations"
    __table_args__ = (
        Index("one_open_invitation", "group_id", "yayoi_id", unique=True, postgresql_where=text("closed_at is null")),
    )

    invitation_id: Mapped[UUID] = mapped_column(primary_key=True)
    group_id: Mapped[int] = mapped_column(ForeignKey("business_groups.group_id"))
    yayoi_id: Mapped[MailAddressText]
    inviter_id: Mapped[int] = mapped_column(ForeignKey("yayoi_ids.person_id"))
    """The administrator."""
    invited_at: Mapped[datetime]
    link_no: Mapped[int] = mapped_column(server_default=text("1"))
    """Which link counts: sending it again ends the one before."""
    expires_at: Mapped[datetime]
    accepted_at: Mapped[datetime | None]
    withdrawn_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    outcome: Mapped[str | None]


class DraftRow(NotifiedRow):
    """A plan (STEP1) or a half-filled form (STEP4), as it was typed; deleted when it is sent or expires."""

    __tablename__ = "drafts"

    draft_id: Mapped[UUID] = mapped_column(primary_key=True)
    plan: Mapped[dict[str, Any] | None]
    form: Mapped[dict[str, Any] | None]
    mail_address: Mapped[MailAddressText | None] = mapped_column(index=True)
    """Where its link was mailed; None: nowhere yet."""
    mailed_from: Mapped[str | None]
    """Which client asked for the mail, as a digest: of more than it may have, its own oldest ends and no other's."""
    opened_at: Mapped[datetime | None]
    """When somebody first came by the mailed link, who reads that address: from then on none is ended for others."""
    mail_no: Mapped[int] = mapped_column(server_default=text("0"))
    """How often its link was mailed."""
    mailed_for: Mapped[UUID | None]
    """The form that had it mailed last: sent twice, it is one mail."""
    expires_at: Mapped[datetime] = mapped_column(index=True)


class EnquiryRow(NotifiedRow):
    """An enquiry made with an existing contract ID, on its way to the operators' desk (Y16)."""

    __tablename__ = "enquiries"

    receipt_no: Mapped[str] = mapped_column(primary_key=True)
    submission_id: Mapped[UUID] = mapped_column(unique=True)
    contract_id: Mapped[str]
    application_no: Mapped[str | None]
    """As it was typed: there may be no such application."""
    name: Mapped[str]
    mail_address: Mapped[MailAddressText]
    text: Mapped[str]
    received_at: Mapped[datetime]
