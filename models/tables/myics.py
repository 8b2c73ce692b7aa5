"""MYICS: firms, clients, accounts, the registrations by which accounts come to exist, and files of many (M1 to M8)."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, Sequence, func, text
from sqlalchemy.orm import Mapped, mapped_column

from models.common.identifiers import fold
from models.tables.base import Base, MailAddressText, NotifiedRow, SessionRow
from models.tables.text_search import pieces_index, prefix_index

registration_count = Sequence("myics_registration_count", metadata=Base.metadata)
batch_count = Sequence("myics_batch_count", metadata=Base.metadata)


class MyicsFirmRow(Base):
    """会計事務所: an accounting firm that uses MYICS."""

    __tablename__ = "myics_firms"
    __table_args__ = (pieces_index("search_firms", "name"),)

    customer_no: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class MyicsClientRow(Base):
    """顧問先: a firm's client (M7)."""

    __tablename__ = "myics_clients"
    __table_args__ = (pieces_index("search_clients", "name"),)

    client_id: Mapped[str] = mapped_column(primary_key=True)
    customer_no: Mapped[str] = mapped_column(ForeignKey("myics_firms.customer_no"), index=True)
    name: Mapped[str]
    name_to_find: Mapped[str] = mapped_column(default=lambda row: to_find(row.get_current_parameters()["name"]))
    """Its name as whoever looks for it may type it (Y8)."""
    created_at: Mapped[datetime]


def to_find(name: str) -> str:
    """Return a client's name as it is looked for."""
    return fold(name).lower()


class MyicsAccountRow(Base):
    """A user's account. Until it ends, no other account of the same firm or client has its address (M8)."""

    __tablename__ = "myics_accounts"
    __table_args__ = (
        Index("one_account_per_holder", "holder_no", "address", unique=True, postgresql_where=text("ended_at is null")),
    )

    account_id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    holder_no: Mapped[str]
    """The firm's customer number or the client's ID: what is typed to log in."""
    customer_no: Mapped[str] = mapped_column(ForeignKey("myics_firms.customer_no"), index=True)
    client_id: Mapped[str | None] = mapped_column(ForeignKey("myics_clients.client_id"), index=True)
    registration_no: Mapped[str] = mapped_column(unique=True)
    """The registration by which it comes to exist, and under which its audit trail is kept."""
    address: Mapped[MailAddressText]
    name: Mapped[str]
    kind: Mapped[str]
    state: Mapped[str]
    password_hash: Mapped[str | None]
    registered_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


class MyicsSessionRow(SessionRow):
    """Somebody who is logged in with an account of MYICS."""

    __tablename__ = "myics_sessions"

    account_id: Mapped[int] = mapped_column(ForeignKey("myics_accounts.account_id"), index=True)


class MyicsRegistrationRow(NotifiedRow):
    """One registration: stored before its procedure starts, closed when that ends."""

    __tablename__ = "myics_registrations"
    __table_args__ = (
        Index(
            "one_open_representative",
            "customer_no",
            unique=True,
            postgresql_where=text("kind = 'representative' and closed_at is null"),
        ),
        Index(
            "open_for_account",
            "account_id",
            postgresql_where=text("kind in ('renewal', 'address') and closed_at is null"),
        ),
        Index(
            "myics_to_notify", "changed_at", postgresql_where=text("notified_at is null or notified_at < changed_at")
        ),
        pieces_index("search_registrants", "name"),
        prefix_index("search_registrants_addresses", "address"),
        prefix_index("search_registering_firms", "customer_no"),
        prefix_index("search_registering_clients", "client_id"),
    )

    registration_no: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    customer_no: Mapped[str] = mapped_column(ForeignKey("myics_firms.customer_no"), index=True)
    client_id: Mapped[str | None] = mapped_column(ForeignKey("myics_clients.client_id"), index=True)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("myics_accounts.account_id"))
    part_of: Mapped[str | None] = mapped_column(ForeignKey("myics_registrations.registration_no"), index=True)
    """The client's registration that starts this one; None: it is started by itself."""
    batch_no: Mapped[str | None] = mapped_column(ForeignKey("myics_batches.batch_no"), index=True)
    address: Mapped[MailAddressText | None]
    """Where the next mail goes."""
    address_before: Mapped[MailAddressText | None]
    """What the account's address was until it was changed to this."""
    name: Mapped[str]
    """The person's name; of a client, the client's."""
    requested_by: Mapped[str]
    requested_at: Mapped[datetime]
    stage: Mapped[str]
    link_no: Mapped[int] = mapped_column(server_default=text("0"))
    """Which link counts: sending it again ends the one before; 0 before the first."""
    expires_on: Mapped[date]
    account_link_no: Mapped[int | None]
    """The link by which the representative chose the account: it opens until the address is confirmed (M2)."""
    corrections: Mapped[int] = mapped_column(server_default=text("0"))
    """How often the address was corrected since: each time the procedure mails another link."""
    terms_at: Mapped[datetime | None]
    keyword_hash: Mapped[str | None]
    wrong_keywords: Mapped[int] = mapped_column(server_default=text("0"))
    locked_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    outcome: Mapped[str | None]
    text_for_customer: Mapped[str] = mapped_column(server_default="")
    """What the registrant reads about why it was withdrawn; the reason is in the audit trail alone."""


class MyicsBatchRow(NotifiedRow):
    """One file of firms, clients or users, as it was taken."""

    __tablename__ = "myics_batches"

    batch_no: Mapped[str] = mapped_column(primary_key=True)
    submission_id: Mapped[UUID] = mapped_column(unique=True)
    kind: Mapped[str]
    customer_no: Mapped[str | None] = mapped_column(ForeignKey("myics_firms.customer_no"), index=True)
    """The firm whose clients or users they are; None for a file of firms."""
    rows: Mapped[int]
    requested_by: Mapped[str]
    requested_at: Mapped[datetime]
    stopped: Mapped[bool] = mapped_column(server_default=text("false"))
    """Whether the firm or an operator has stopped it for now."""
    closed_at: Mapped[datetime | None]


class MyicsBatchLineRow(Base):
    """One row of a file and what became of it; neither accepted nor refused: its turn has not come."""

    __tablename__ = "myics_batch_lines"

    batch_no: Mapped[str] = mapped_column(ForeignKey("myics_batches.batch_no"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    """Among the rows, counted from 1."""
    line: Mapped[int]
    """As a text editor counts, from 1; the headings are usually line 1."""
    values: Mapped[dict[str, Any]]
    done_at: Mapped[datetime | None]
    refused_because: Mapped[str | None]
