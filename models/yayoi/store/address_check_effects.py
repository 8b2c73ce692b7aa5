"""What the right code brings about: a Yayoi ID, or a new password of one (Y26)."""

from datetime import UTC, datetime

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert

from models.common.password_hashing import Hashing
from models.common.store.sessions import DatabaseSession
from models.tables import AddressCheckRow, CredentialRow, WebSessionRow, YayoiIdConsentRow, YayoiIdRow

ALREADY_REGISTERED = (
    "ご入力いただいたメールアドレスでは登録できません。このメールアドレスは、弥生ID として登録済みです。"
    "別のメールアドレスで登録してください。ご自身の弥生ID をお使いになる場合は、ログインしてください。"
)


async def register(session: DatabaseSession, row: AddressCheckRow) -> str | None:
    """Make the Yayoi ID with its password. Of two who register the same address at once, the second is refused."""
    person_id = await session.scalar(
        insert(YayoiIdRow)
        .values(yayoi_id=row.yayoi_id, family_name=row.family_name, given_name=row.given_name)
        .on_conflict_do_nothing()
        .returning(YayoiIdRow.person_id)
    )
    if person_id is None:
        return ALREADY_REGISTERED
    session.add(CredentialRow(person_id=person_id, password_hash=row.password_hash))
    session.add(
        YayoiIdConsentRow(person_id=person_id, terms_accepted_at=row.begun_at, news_by_mail=bool(row.news_by_mail))
    )
    return None


async def set_password(session: DatabaseSession, row: AddressCheckRow, *, hashing: Hashing, password: str) -> None:
    """Set this password, and end every session of the Yayoi ID. Nothing is hashed before the code was right."""
    person_id = YayoiIdRow.id_of(row.yayoi_id)
    values = {"password_hash": await hashing.hash(password), "set_at": datetime.now(UTC)}
    await session.execute(
        insert(CredentialRow)
        .values(person_id=person_id, **values)
        .on_conflict_do_update(index_elements=[CredentialRow.person_id], set_=values)
    )
    await session.execute(delete(WebSessionRow).where(WebSessionRow.person_id == person_id))
