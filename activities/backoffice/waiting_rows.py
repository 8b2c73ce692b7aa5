"""What was stored, and has waited too long for a procedure to take it up. Reads only; people see why it waits.

Applications, events, mails and what belongs to MYICS are looked at by themselves, each with its case.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from models.backoffice.reconciliation import Finding, FindingKind
from models.common.calendar import JST
from models.common.store.sessions import DatabaseSession
from models.tables import (
    AddressCheckRow,
    DraftRow,
    EnquiryRow,
    HolderConfirmationRow,
    MemberInvitationRow,
    NotifiedRow,
    RefusedFormRow,
    WebhookMessageRow,
)

SOON = timedelta(hours=1)
"""What takes longer than this is stuck."""
NOTIFIED: Mapping[type[NotifiedRow], str] = {
    AddressCheckRow: "弥生ID の登録とパスワードの設定",
    DraftRow: "入力途中のお申し込みのメール",
    EnquiryRow: "お問い合わせ",
    HolderConfirmationRow: "ご契約者さまの回答",
    MemberInvitationRow: "事業グループへの招待",
}
"""Rows of which a procedure is notified whenever they change, and what people call them."""
STARTED: Mapping[str, tuple[InstrumentedAttribute[datetime], ColumnElement[bool]]] = {
    "受け付けられなかったフォーム": (
        RefusedFormRow.received_at,
        RefusedFormRow.started_at.is_(None) & RefusedFormRow.settled_at.is_(None),
    ),
    "ほかのシステムへの通知": (WebhookMessageRow.stored_at, WebhookMessageRow.started_at.is_(None)),
}
"""Rows that start a procedure once: since when each waits, and whether it does."""
_WAITS = "{what} {count} 件が、手続きに伝わっていません（最も古いものは {since}）。Web の動作を確認してください。"


async def waiting_rows(session: DatabaseSession, at: datetime) -> list[Finding]:
    """Return one finding for each kind of rows of which some have waited for more than an hour."""
    notified = {
        what: (table.changed_at, or_(table.notified_at.is_(None), table.notified_at < table.changed_at))
        for table, what in NOTIFIED.items()
    }
    found = []
    for what, (since, waits) in {**notified, **STARTED}.items():
        stuck = select(func.count(), func.min(since)).where(waits, since < at - SOON)
        count, oldest = (await session.execute(stuck)).one()
        if count:
            detail = _WAITS.format(what=what, count=count, since=f"{oldest.astimezone(JST):%Y-%m-%d %H:%M}")
            found.append(Finding(kind=FindingKind.WAITING, detail=detail))
    return found
