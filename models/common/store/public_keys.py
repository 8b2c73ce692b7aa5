"""The public keys in Postgres: published, retired, revoked, and which of them signs now."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import func, select

from models.common.audit_heads import AuditKeys, KnownKey
from models.common.audit_trail import instant
from models.common.journal import EndedKind
from models.common.signing_keys import KeyPurpose, KeyState, PublicKey
from models.common.store.journalling import journal_end
from models.common.store.sessions import DatabaseSession
from models.tables import PublicKeyRow

READ_EVERY = timedelta(minutes=1)
"""How often every worker reads the keys."""
KNOWN_AFTER = 2 * READ_EVERY
"""How long after its publication a key is known to every worker, one that has missed a round included."""


class KeyStateError(Exception):
    """A key cannot come to this state; the text says why."""


async def publish(session: DatabaseSession, key: PublicKey) -> None:
    """Let every worker know of a key."""
    session.add(PublicKeyRow(key_id=key.key_id, purpose=key.purpose, value=key.value, state=KeyState.ACTIVE))


async def stored_keys(session: DatabaseSession) -> Sequence[PublicKeyRow]:
    """Return every key there ever was, the oldest first."""
    return (await session.scalars(select(PublicKeyRow).order_by(PublicKeyRow.published_at, PublicKeyRow.key_id))).all()


async def public_keys(session: DatabaseSession) -> list[PublicKey]:
    """Return all of them as a verifier takes them."""
    return [PublicKey(KeyPurpose(row.purpose), row.value, KeyState(row.state)) for row in await stored_keys(session)]


async def known_keys(session: DatabaseSession) -> AuditKeys:
    """Return all of them as who verifies an export of the audit is given them."""
    return AuditKeys(
        KnownKey(
            PublicKey(KeyPurpose(row.purpose), row.value, KeyState(row.state)),
            instant(row.revoked_at) if row.revoked_at else None,
        )
        for row in await stored_keys(session)
    )


async def signing_key_id(session: DatabaseSession, purpose: KeyPurpose) -> str | None:
    """Return the key that signs for this purpose now: the newest that every worker knows.

    Until there is one, the oldest: workers that start later know it from their start.
    """
    active = select(PublicKeyRow.key_id).filter_by(purpose=purpose, state=KeyState.ACTIVE).limit(1)
    known = active.where(PublicKeyRow.published_at <= func.now() - KNOWN_AFTER)
    newest = await session.scalar(known.order_by(PublicKeyRow.published_at.desc(), PublicKeyRow.key_id))
    return newest or await session.scalar(active.order_by(PublicKeyRow.published_at, PublicKeyRow.key_id))


async def retire(session: DatabaseSession, key_id: str) -> None:
    """Let a key sign nothing more; what it has signed verifies for ever. Again: nothing changes.

    Raises:
        KeyStateError: there is no such key, it is revoked, or nothing else could sign for its purpose.

    """
    row = await _locked(session, key_id)
    if row.state == KeyState.REVOKED:
        raise KeyStateError(f"{key_id} is revoked")
    if row.state == KeyState.RETIRED:
        return
    others = select(func.count()).where(
        PublicKeyRow.purpose == row.purpose,
        PublicKeyRow.state == KeyState.ACTIVE,
        PublicKeyRow.key_id != key_id,
        PublicKeyRow.published_at <= func.now() - KNOWN_AFTER,
    )
    if not await session.scalar(others):
        raise KeyStateError(
            f"no other key signs for {row.purpose} yet: make one (`tetsuzuki keys new {row.purpose}`), and retire "
            f"this one {int(KNOWN_AFTER.total_seconds())} seconds later, when every worker knows the new one"
        )
    await journal_end(session, EndedKind.SIGNING_KEY_RETIRED, key_id)
    row.state, row.retired_at = KeyState.RETIRED, func.now()


async def revoke(session: DatabaseSession, key_id: str) -> None:
    """Let a key that has leaked verify nothing new, whatever becomes of those who sign with it. Again: nothing changes.

    Raises:
        KeyStateError: there is no such key.

    """
    row = await _locked(session, key_id)
    if row.state != KeyState.REVOKED:
        await journal_end(session, EndedKind.SIGNING_KEY_REVOKED, key_id)
        row.state, row.revoked_at = KeyState.REVOKED, func.now()


async def _locked(session: DatabaseSession, key_id: str) -> PublicKeyRow:
    # All of them, so that two who retire at once do not retire the last two.
    rows = await session.scalars(select(PublicKeyRow).order_by(PublicKeyRow.key_id).with_for_update())
    row = {each.key_id: each for each in rows}.get(key_id)
    if row is None:
        raise KeyStateError(f"there is no key {key_id}: `tetsuzuki keys list` shows them")
    return row
