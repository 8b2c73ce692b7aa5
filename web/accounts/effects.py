"""What the right code brings about: a Yayoi ID, or a new password of one (Y26)."""

from datetime import UTC, datetime

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from models.tables import AddressCheckRow, CredentialRow, WebSessionRow, YayoiIdConsentRow, YayoiIdRow
from web.accounts.checks import Effect

ALREADY_REGISTERED = (
    "ご入力いただいたメールアドレスでは登録できません。このメールアドレスは、弥生ID として登録済みです。"
    "別のメールアドレスで登録してください。ご自身の弥生ID をお使いになる場合は、ログインしてください。"
)


async def is_registered(session: AsyncSession, yayoi_id: str) -> bool:
    return await session.scalar(select(YayoiIdRow.yayoi_id).where(YayoiIdRow.yayoi_id == yayoi_id)) is not None


async def register(session: AsyncSession, row: AddressCheckRow) -> str | None:
    """Make the Yayoi ID with its password. Of two who register the same address at once, the second is refused."""
    made = await session.scalar(
        insert(YayoiIdRow)
        .values(yayoi_id=row.yayoi_id, family_name=row.family_name, given_name=row.given_name)
        .on_conflict_do_nothing()
        .returning(YayoiIdRow.yayoi_id)
    )
    if made is None:
        return ALREADY_REGISTERED
    session.add(CredentialRow(yayoi_id=row.yayoi_id, password_hash=row.password_hash))
    session.add(
        YayoiIdConsentRow(yayoi_id=row.yayoi_id, terms_accepted_at=row.begun_at, news_by_mail=bool(row.news_by_mail))
    )
    return None


def set_password(password_hash: str) -> Effect:
    """Return what sets this password and ends every session of the Yayoi ID."""

    async def effect(session: AsyncSession, row: AddressCheckRow) -> str | None:
        values = {"password_hash": password_hash, "set_at": datetime.now(UTC)}
        await session.execute(
            insert(CredentialRow)
            .values(yayoi_id=row.yayoi_id, **values)
            .on_conflict_do_update(index_elements=[CredentialRow.yayoi_id], set_=values)
        )
        await session.execute(delete(WebSessionRow).where(WebSessionRow.yayoi_id == row.yayoi_id))
        return None

    return effect
