"""The names of offices by their tokens, under the contract that they belong to and no other (Y5)."""

from collections.abc import Iterable, Mapping

from sqlalchemy import select

from models.common.store.sessions import DatabaseSession
from models.tables import OfficeRow


async def office_names(
    session: DatabaseSession, existing_contract_id: str, tokens: Iterable[str | None]
) -> Mapping[str, str]:
    """Return the names of the contract's own offices by their tokens; tokens of other contracts are skipped."""
    own = await session.execute(
        select(OfficeRow.office_token, OfficeRow.name).where(
            OfficeRow.existing_contract_id == existing_contract_id,
            OfficeRow.office_token.in_([token for token in tokens if token]),
        )
    )
    return {token: name for token, name in own}  # noqa: C416 rows are not pairs to mypy
