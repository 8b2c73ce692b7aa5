"""Operators: who they are to whoever logs them in, their roles and leave, their log-ins, and what was changed."""

from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, ColumnElement, ForeignKey, ForeignKeyConstraint, Identity, Index, func, text
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.tables.base import Base, MailAddressText, SessionRow

_SUPERVISOR = "supervisor"


class OperatorRow(Base):
    """A back-office operator. Those who have left keep their row: what they did names their handle."""

    __tablename__ = "operators"

    operator_id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    handle: Mapped[str] = mapped_column(unique=True)
    """What stands for them where no person's name may; the house chooses it."""
    name: Mapped[str] = mapped_column(unique=True)
    """What they are called on pages and in cases."""
    mail_address: Mapped[MailAddressText]
    roles: Mapped[list[str]] = mapped_column(server_default=text("""'["caseworker"]'"""))
    """Values of `Role`."""
    takes_cases: Mapped[bool] = mapped_column(server_default=text("true"))
    capacity: Mapped[int] = mapped_column(server_default=text("5"))
    """How many due cases they can bring to an end on a working day."""
    leave_from: Mapped[date | None]
    leave_until: Mapped[date | None]
    """The last day of leave; None: it has no end yet."""
    removed_at: Mapped[datetime | None]
    """Since when they are no operator any more: they cannot log in, and get neither cases nor mails."""

    @hybrid_property
    def supervisor(self) -> bool:
        return _SUPERVISOR in self.roles

    @supervisor.inplace.expression
    @classmethod
    def _supervisor(cls) -> ColumnElement[bool]:
        return cls.roles.contains([_SUPERVISOR])

    def is_on_leave(self, day: date) -> bool:
        return self.leave_from is not None and self.leave_from <= day <= (self.leave_until or date.max)

    @classmethod
    def on_leave(cls, day: date) -> ColumnElement[bool]:
        """The same, as part of a query."""
        return func.coalesce((cls.leave_from <= day) & (cls.leave_until.is_(None) | (cls.leave_until >= day)), False)


class OperatorIdentityRow(Base):
    """By what an OpenID provider knows an operator: its own identifier and theirs, never a mail address."""

    __tablename__ = "operator_identities"

    issuer: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)
    operator_id: Mapped[int] = mapped_column(ForeignKey("operators.operator_id"), index=True)
    added_at: Mapped[datetime]


class OperatorSessionRow(SessionRow):
    """One log-in of an operator. It ends with the identity that it began with."""

    __tablename__ = "operator_sessions"
    __table_args__ = (
        ForeignKeyConstraint(
            ["authority", "subject"],
            ["operator_identities.issuer", "operator_identities.subject"],
            ondelete="CASCADE",
        ),
        Index("operator_sessions_of_identity", "authority", "subject"),
    )

    session_id: Mapped[UUID] = mapped_column(unique=True, default=uuid4)
    """What pages and forms name the log-in by: the token's hash stays here."""
    operator_id: Mapped[int] = mapped_column(ForeignKey("operators.operator_id"), index=True)
    operator: Mapped[OperatorRow] = relationship(lazy="joined", innerjoin=True)
    authority: Mapped[str]
    """Who says that it is them: the provider's issuer, or the run of `tetsuzuki up` that the sign-in link was of."""
    subject: Mapped[str | None]
    """Who they are to the provider; None: they came by a sign-in link."""
    provider_session: Mapped[str | None]
    """The provider's own session (`sid`), which its log-out names."""
    id_token: Mapped[str | None]
    """What the provider is shown when they log out there, too."""


class OperatorSignInLinkRow(Base):
    """A sign-in link of the embedded stack, good once; only the hash of its secret is here."""

    __tablename__ = "operator_sign_in_links"

    token_hash: Mapped[str] = mapped_column(primary_key=True)
    operator_id: Mapped[int] = mapped_column(ForeignKey("operators.operator_id"), index=True)
    operator: Mapped[OperatorRow] = relationship(lazy="joined", innerjoin=True)
    run: Mapped[str]
    """The run of `tetsuzuki up` during which it is good."""
    made_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class LogoutTokenRow(Base):
    """A log-out that the provider has sent, so that it is not sent again by somebody else."""

    __tablename__ = "logout_tokens"

    token_hash: Mapped[str] = mapped_column(primary_key=True)
    ends_at: Mapped[datetime] = mapped_column(index=True)


class OperatorAuditRow(Base):
    """What became of operators: log-ins, leave, roles. Rows are only ever added, and name handles, no person."""

    __tablename__ = "operator_audit"

    audit_id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    happened_at: Mapped[datetime]
    operator: Mapped[str] = mapped_column(index=True)
    """The handle of whom it is about."""
    action: Mapped[str]
    by: Mapped[str]
    """The handle of who did it."""
    facts: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
