"""Which addresses are Yayoi IDs, and their passwords."""

from models.common.store.sessions import DatabaseSession
from models.tables import CredentialRow, YayoiIdRow


async def is_registered(session: DatabaseSession, yayoi_id: str) -> bool:
    return await session.scalar(YayoiIdRow.of(yayoi_id)) is not None


async def credential_of(session: DatabaseSession, yayoi_id: str) -> CredentialRow | None:
    """Return the password of a Yayoi ID; None if the ID is not registered or never had one here."""
    return await session.scalar(CredentialRow.of(yayoi_id))
