"""What offices are called, for those who know whose they are: a token says nothing under another contract (Y5)."""

from collections.abc import Iterable, Mapping

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models.tables import OfficeRow


async def office_names(
    session: AsyncSession, existing_contract_id: str, tokens: Iterable[str | None]
) -> Mapping[str, str]:
    """Return the names of the contract's own offices by their tokens. What is not its own is left out."""
    own = await session.execute(
        select(OfficeRow.office_token, OfficeRow.name).where(
            OfficeRow.existing_contract_id == existing_contract_id,
            OfficeRow.office_token.in_([token for token in tokens if token]),
        )
    )
    return {token: name for token, name in own}  # noqa: C416 rows are not pairs to mypy
