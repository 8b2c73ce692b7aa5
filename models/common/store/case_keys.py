"""The keys of cases in Postgres: made with the row that starts a case, wrapped anew, forgotten.

Nothing else makes a key. What writes into histories does not: it would bring back a case whose key was forgotten.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import cast

from sqlalchemy import ColumnElement, Text, any_, func, literal, select, update
from sqlalchemy.dialects.postgresql import ARRAY, insert

from models.common.case_context import begins_case, case_of
from models.common.encryption import HOUSE, MasterKeyRing, UnreadableError, WrappedKey, WrapsKeys, new_key
from models.common.store.sessions import DatabaseSession
from models.common.store.statements import bound, values_of
from models.tables import CaseKeyRow, table_of

MASTER_KEYS = "master_keys"
"""Where a session carries what wraps keys (`workers.database.sessions`)."""
_AT_A_TIME = 500
_KEYS = table_of(CaseKeyRow)
_MAKE = insert(_KEYS).values(bound(_KEYS, "its_", ("owner", *WrappedKey._fields))).on_conflict_do_nothing()


async def make_case_key(session: DatabaseSession, owner: str) -> None:
    """Make the key of a case, in the transaction that stores the row which starts it.

    `owner`: as `key_owner` says of its workflows' ids. One that was made before stays, and stays forgotten.
    """
    begins_case(case_of(owner))
    wraps = cast("WrapsKeys", session.info[MASTER_KEYS])
    wrapped = await wraps.wrap(owner, new_key())
    await session.execute(_MAKE, values_of("its_", {"owner": owner, **wrapped._asdict()}))


async def forget_key(session: DatabaseSession, owner: str) -> bool:
    """Forget the key of a case for good: nobody reads any more what Temporal keeps of it. Return whether it was there.

    Processes that have it in memory drop it within a minute.
    """
    gone = update(CaseKeyRow).where(CaseKeyRow.owner == owner, CaseKeyRow.wrapped.is_not(None))
    forgotten = gone.values(wrapped=None, erased_at=func.now()).returning(CaseKeyRow.owner)
    return await session.scalar(forgotten) is not None


async def stored_case_keys(session: DatabaseSession, owners: Collection[str]) -> Mapping[str, WrappedKey | None]:
    """Return the keys of these owners; None: it was forgotten. Who never had one is not among them."""
    columns = select(CaseKeyRow.owner, CaseKeyRow.master_key_id, CaseKeyRow.wrapped)
    rows = await session.execute(columns.where(_of(owners)))
    return {owner: WrappedKey(master, wrapped) if wrapped else None for owner, master, wrapped in rows}


async def still_there(session: DatabaseSession, owners: Collection[str]) -> set[str]:
    """Return which of these owners have a key."""
    owned = select(CaseKeyRow.owner).where(_of(owners), CaseKeyRow.wrapped.is_not(None))
    return set((await session.scalars(owned)).all())


async def is_house_key_made(session: DatabaseSession) -> bool:
    """Whether cases have had keys in this database."""
    return await session.get(CaseKeyRow, HOUSE) is not None


async def keys_by_master(session: DatabaseSession) -> Mapping[str, int]:
    """Return how many keys each master key wraps; one that wraps none is not among them."""
    counted = select(CaseKeyRow.master_key_id, func.count()).where(CaseKeyRow.wrapped.is_not(None))
    rows = await session.execute(counted.group_by(CaseKeyRow.master_key_id))
    return {row[0]: row[1] for row in rows}


async def rewrap_some(session: DatabaseSession, ring: MasterKeyRing) -> int:
    """Wrap some of the keys that another master key wraps with the first one of the ring; return how many there were.

    The keys themselves stay the same. Whoever forgets one meanwhile is not held up for longer than these take.

    Raises:
        UnknownMasterKeyError: the master key of one of them is not in the ring.
        UnreadableError: one was altered; the text is whose.

    """
    rows = await _wrapped_otherwise(session, ring.ids[0])
    for row in rows:
        if row.wrapped is not None:
            row.master_key_id, row.wrapped = _rewrapped(ring, row.owner, WrappedKey(row.master_key_id, row.wrapped))
    return len(rows)


def _rewrapped(ring: MasterKeyRing, owner: str, stored: WrappedKey) -> WrappedKey:
    try:
        return ring.rewrap(owner, stored)
    except UnreadableError:
        raise UnreadableError(owner) from None


async def _wrapped_otherwise(session: DatabaseSession, master_key_id: str) -> Sequence[CaseKeyRow]:
    others = select(CaseKeyRow).where(CaseKeyRow.wrapped.is_not(None), CaseKeyRow.master_key_id != master_key_id)
    some = others.order_by(CaseKeyRow.owner).limit(_AT_A_TIME).with_for_update()
    return (await session.scalars(some)).all()


def _of(owners: Collection[str]) -> ColumnElement[bool]:
    # One parameter, however many there are.
    return CaseKeyRow.owner == any_(literal(list(owners), ARRAY(Text)))
