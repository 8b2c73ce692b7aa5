"""Logging in: passwords, sessions, and registrations that are under way."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, func, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.tables.base import Base, MailAddressText, NotifiedRow, SessionRow
from models.tables.registry import PerYayoiIdRow, YayoiIdRow
from models.tables.text_search import pieces_index, prefix_index


class CredentialRow(PerYayoiIdRow):
    """The password of a Yayoi ID, hashed with argon2; an ID without a row cannot log in here (Y26)."""

    __tablename__ = "credentials"

    password_hash: Mapped[str]
    set_at: Mapped[datetime] = mapped_column(server_default=func.now())


class YayoiIdConsentRow(PerYayoiIdRow):
    """What was agreed to when a Yayoi ID was registered here (Y26)."""

    __tablename__ = "yayoi_id_consents"

    terms_accepted_at: Mapped[datetime]
    news_by_mail: Mapped[bool]


class AddressCheckRow(NotifiedRow):
    """A mailed code that somebody is to type in, and what it is for (Y26).

    If it is not typed in before it ends, the row is deleted; else only the address and the times are kept.
    """

    __tablename__ = "address_checks"
    __table_args__ = (
        pieces_index("search_registering_people", "family_name", "given_name"),
        prefix_index("search_checked_addresses", "yayoi_id"),
    )

    check_id: Mapped[UUID] = mapped_column(primary_key=True)
    purpose: Mapped[str]
    yayoi_id: Mapped[MailAddressText]
    """The address; several checks of one may be under way, and the first that is finished wins."""
    family_name: Mapped[str | None]
    given_name: Mapped[str | None]
    password_hash: Mapped[str | None]
    """Emptied once the code was right. Only registrations have names and a hash."""
    news_by_mail: Mapped[bool | None]
    begun_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    code_no: Mapped[int] = mapped_column(server_default=text("1"))
    """The number of the code that is valid: sending another ends the one before."""
    code_until: Mapped[datetime]
    tries: Mapped[int] = mapped_column(server_default=text("0"))
    """How often a wrong code was typed since this one was sent."""
    finished_at: Mapped[datetime | None]
    """When the right code was typed in and what it is for was done."""
    closed_at: Mapped[datetime | None]


class WebSessionRow(SessionRow):
    """Somebody who is signed in with a Yayoi ID."""

    __tablename__ = "web_sessions"

    person_id: Mapped[int] = mapped_column(ForeignKey("yayoi_ids.person_id"), index=True)
    person: Mapped[YayoiIdRow] = relationship(lazy="joined", innerjoin=True)


class RateCountRow(Base):
    """How often something was tried in one window of time; the key is a hash of what and by whom."""

    __tablename__ = "rate_counts"

    key: Mapped[str] = mapped_column(primary_key=True)
    window_start: Mapped[datetime] = mapped_column(primary_key=True)
    ends_at: Mapped[datetime] = mapped_column(index=True)
    count: Mapped[int]
