"""Which addresses are Yayoi IDs, and their passwords."""

from sqlalchemy import select

from models.common.password_hashing import Hashing
from models.common.store.sessions import DatabaseSession, DatabaseSessions
from models.tables import CredentialRow, YayoiIdRow
from models.yayoi.identifiers import YayoiId


async def is_registered(session: DatabaseSession, yayoi_id: str) -> bool:
    return await session.scalar(YayoiIdRow.of(yayoi_id)) is not None


async def person_number(session: DatabaseSession, yayoi_id: str) -> int:
    """Return the number of the row of a Yayoi ID: records name its owner by that. Raises if there is none."""
    return (await session.scalars(select(YayoiIdRow.person_id).filter_by(yayoi_id=yayoi_id))).one()


async def person_signing_in(
    sessions: DatabaseSessions, hashing: Hashing, yayoi_id: YayoiId, password: str
) -> int | None:
    """Return the number of the person whose ID was typed with its password; None if they do not go together.

    The answer takes as long whether or not the address is registered.
    """
    async with sessions() as session:
        credential = await session.scalar(CredentialRow.of(yayoi_id))
    right = await hashing.verify(credential.password_hash if credential else None, password)
    return credential.person_id if credential and right else None
