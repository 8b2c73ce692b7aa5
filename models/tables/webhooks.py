"""Webhooks: who is notified of stage changes, the messages, and the forms of other systems that could not be taken."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import Base


class WebhookSubscriberRow(Base):
    """A system that is notified of stage changes."""

    __tablename__ = "webhook_subscribers"

    subscriber_id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    url: Mapped[str]
    secrets: Mapped[list[str]]
    """`whsec_…`, the newest first; each message is signed with all of them."""
    kinds: Mapped[list[str]]
    """The kinds of messages wanted; empty: all."""
    active: Mapped[bool] = mapped_column(server_default=text("true"))
    stopped_because: Mapped[str | None]
    added_at: Mapped[datetime] = mapped_column(server_default=func.now())


class WebhookMessageRow(Base):
    """A message for one subscriber, stored with the change that it is about and delivered afterwards."""

    __tablename__ = "webhook_messages"
    __table_args__ = (Index("webhook_messages_to_start", "stored_at", postgresql_where="started_at is null"),)

    message_id: Mapped[str] = mapped_column(primary_key=True)
    subscriber_id: Mapped[int] = mapped_column(ForeignKey("webhook_subscribers.subscriber_id"), index=True)
    application_no: Mapped[str] = mapped_column(ForeignKey("applications.application_no"), index=True)
    kind: Mapped[str]
    payload: Mapped[dict[str, Any]]
    stored_at: Mapped[datetime] = mapped_column(server_default=func.now())
    started_at: Mapped[datetime | None]
    """When the delivery was started; None: the reconciler will."""
    stage: Mapped[str]
    attempts: Mapped[int] = mapped_column(server_default="0")
    last_error: Mapped[str] = mapped_column(server_default="")
    settled_at: Mapped[datetime | None]
    """When it was delivered, or given up."""


class RefusedFormRow(Base):
    """A signed form that broke our rules, kept until an operator has fixed or discarded it."""

    __tablename__ = "refused_forms"

    form_no: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    webhook_id: Mapped[str] = mapped_column(unique=True)
    body: Mapped[str]
    """As it was signed; emptied when the form has been settled."""
    errors: Mapped[dict[str, Any]]
    """The provider's field names, each with its reason in Japanese."""
    received_at: Mapped[datetime] = mapped_column(server_default=func.now())
    started_at: Mapped[datetime | None]
    """When notifying the operators' desk was started; None: the reconciler will."""
    corrections: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    """What an operator puts in the place of what was sent, by the provider's names; emptied with the body."""
    asked_at: Mapped[datetime | None]
    """When they asked to have it taken so; None: nobody has, or it was refused again since."""
    settled_at: Mapped[datetime | None]
    settled_by: Mapped[str | None]
    reason: Mapped[str | None]
    application_no: Mapped[str | None] = mapped_column(ForeignKey("applications.application_no"))
    """What it became; None although it is settled: discarded."""
