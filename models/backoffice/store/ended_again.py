"""Ending again what the journal says was ended, in records that are older than that."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, select

from models.common.calendar import utc_now
from models.common.journal import EndedKind, JournalEntry, Revocation
from models.common.signing_keys import KeyState
from models.common.store.operators import audit_operator
from models.common.store.sessions import DatabaseSession
from models.myics.accounts import AccountState
from models.tables import (
    ApplicationOfficeRow,
    ApplicationRow,
    AuditRow,
    ExistingContractRow,
    HolderMailRow,
    MyicsAccountRow,
    OperatorAuditRow,
    OperatorIdentityRow,
    OperatorRow,
    PublicKeyRow,
    WebhookSubscriberRow,
)
from models.yayoi.store.confirmations import name_anew

_ROLES_CHANGED = ("roles_changed", "removed")
_IDENTITIES_CHANGED = ("identity_added", "identity_removed", "removed")
ENDED_AGAIN = "復元の前に終了していた"
"""Why nothing more is sent to a subscriber that a copy still knew as active."""


async def end_again(session: DatabaseSession, entries: Sequence[JournalEntry]) -> int:
    """End what the journal says was ended, but what these records know to have changed since; return how much."""
    ended = 0
    for entry in entries:
        if isinstance(entry.said, Revocation):
            ended += await _end(session, entry.said, datetime.fromisoformat(entry.at))
    return ended


async def _end(session: DatabaseSession, said: Revocation, at: datetime) -> bool:
    match said.what:
        case EndedKind.SIGNING_KEY_RETIRED | EndedKind.SIGNING_KEY_REVOKED:
            return await _end_key(session, said, at)
        case EndedKind.CASE_LINK:
            return await _end_link(session, said)
        case EndedKind.HOLDER_LINKS:
            return await _end_holder_links(session, said, at)
        case EndedKind.WEBHOOK_SUBSCRIBER:
            return await _end_subscriber(session, said)
        case EndedKind.ACCOUNT:
            return await _end_account(session, said, at)
        case _:
            return await _end_operator(session, said, at)


async def _end_key(session: DatabaseSession, said: Revocation, at: datetime) -> bool:
    row = await session.get(PublicKeyRow, said.about)
    if row is None or row.state == KeyState.REVOKED:
        return False
    if said.what is EndedKind.SIGNING_KEY_REVOKED:
        row.state, row.revoked_at = KeyState.REVOKED, at
    elif row.state == KeyState.ACTIVE:
        row.state, row.retired_at = KeyState.RETIRED, at
    return True


async def _end_link(session: DatabaseSession, said: Revocation) -> bool:
    number, _, part = said.about.partition("/")
    link_no = int(said.left[0])
    row: ApplicationRow | ApplicationOfficeRow | None = (
        await session.get(ApplicationOfficeRow, (number, int(part)))
        if part
        else await session.get(ApplicationRow, number)
    )
    if row is None or row.link_no >= link_no:
        return False
    row.link_no = link_no
    return True


async def _end_holder_links(session: DatabaseSession, said: Revocation, at: datetime) -> bool:
    """Also those of mails that the records do not know: the next mail would have the number of one of them."""
    ended = False
    if await session.get(ExistingContractRow, said.about) is None:
        return False
    for number in range(1, int(said.left[0]) + 1):
        row = await session.get(HolderMailRow, (said.about, number))
        if row is None:
            row = HolderMailRow(existing_contract_id=said.about, number=number, planned_at=at)
            session.add(row)
        ended |= row.ended_at is None
        row.ended_at = row.ended_at or at
    if ended:
        await name_anew(session, said.about)
    return ended


async def _end_operator(session: DatabaseSession, said: Revocation, at: datetime) -> bool:
    row = await session.scalar(select(OperatorRow).filter_by(handle=said.about))
    actions = _IDENTITIES_CHANGED if said.what is EndedKind.OPERATOR_IDENTITY else _ROLES_CHANGED
    known = select(OperatorAuditRow.audit_id).where(
        OperatorAuditRow.operator == said.about,
        OperatorAuditRow.action.in_(actions),
        OperatorAuditRow.happened_at >= at,
    )
    if row is None or row.removed_at or await session.scalar(known.limit(1)):
        return False
    match said.what:
        case EndedKind.OPERATOR_ROLES:
            left = [role for role in row.roles if role in said.left]
            if left == row.roles:
                return False
            row.roles = left
        case EndedKind.OPERATOR_IDENTITY:
            theirs = delete(OperatorIdentityRow).filter_by(issuer=said.left[0], subject=said.left[1])
            await session.execute(theirs)
        case _:
            row.removed_at, row.takes_cases = at, False
            await session.execute(delete(OperatorIdentityRow).filter_by(operator_id=row.operator_id))
    audit_operator(session, said.about, "ended_again", by="restore", at=utc_now(), what=said.what.value)
    return True


async def _end_subscriber(session: DatabaseSession, said: Revocation) -> bool:
    row = await session.get(WebhookSubscriberRow, int(said.about))
    if row is None or not row.active:
        return False
    row.active, row.stopped_because, row.secrets = False, ENDED_AGAIN, []
    return True


async def _end_account(session: DatabaseSession, said: Revocation, at: datetime) -> bool:
    row = await session.get(MyicsAccountRow, int(said.about))
    if row is None or row.ended_at or row.state != AccountState.REGISTERED:
        return False
    known = select(AuditRow.audit_id).where(AuditRow.case_no == row.registration_no, AuditRow.recorded_at >= at)
    if await session.scalar(known.limit(1)):
        return False
    row.state = AccountState.STOPPED
    return True
