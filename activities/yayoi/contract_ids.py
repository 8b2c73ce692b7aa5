"""The pool of contract IDs: which 7-digit number comes next (Y15)."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from temporalio.exceptions import ApplicationError

from models.common.journal import Promise
from models.common.store.journalling import journal
from models.common.store.sessions import DatabaseSession
from models.tables import ContractIdPoolRow, ExistingContractRow, IssuedContractRow, OfficeRow, ReservedContractIdsRow
from models.yayoi.identifiers import ContractId

_POOL = "contract_id"
_LOCKED_POOL = (
    select(ContractIdPoolRow)
    .where(ContractIdPoolRow.pool == _POOL)
    .with_for_update()
    .execution_options(populate_existing=True)
)
_IN_ONE_QUERY = 1000
"""Customers' own IDs lie close together: one by one, tens of thousands of them would outlast the activity's time."""


class ContractIdPoolExhaustedError(ApplicationError):
    """No number is left. Tried again every quarter of an hour: it goes on once the range is made larger."""

    def __init__(self, last: int) -> None:
        super().__init__(
            f"発行できるサービス契約ID がありません（{last} まで使い切りました）。"
            "TETSUZUKI_CONTRACT_ID_LAST を広げてワーカーを再起動してください。",
            type="ContractIdPoolExhausted",
            next_retry_delay=timedelta(minutes=15),
        )


@dataclass(frozen=True)
class ContractIdPool:
    """Numbers from `first` to `last`, each given out once for ever, except those that somebody has already."""

    first: int
    last: int
    block: int = 100
    """For how many numbers the journal is written at once: a restore skips what is left of the last block."""

    async def take(self, session: DatabaseSession) -> ContractId:
        """Take the next free number; the pool is locked until the transaction ends.

        Raises `ContractIdPoolExhaustedError`, and `JournalError` if a block cannot be written there.
        """
        row = await self._locked(session)
        for first in range(max(row.next_id, self.first), self.last + 1, _IN_ONE_QUERY):
            some = range(first, min(first + _IN_ONE_QUERY, self.last + 1))
            taken = await self._taken(session, str(some[0]), str(some[-1]))
            for candidate in some:
                if str(candidate) not in taken:
                    row.next_id = candidate + 1
                    if candidate > row.promised:
                        row.promised = min(candidate + self.block - 1, self.last)
                        await journal(session, Promise(request=f"{_POOL}:{row.promised}", last=row.promised))
                    return ContractId(str(candidate))
        raise ContractIdPoolExhaustedError(self.last)

    async def _locked(self, session: DatabaseSession) -> ContractIdPoolRow:
        if row := await session.scalar(_LOCKED_POOL):
            return row
        await session.execute(insert(ContractIdPoolRow).values(pool=_POOL, next_id=self.first).on_conflict_do_nothing())
        return (await session.scalars(_LOCKED_POOL)).one()

    @staticmethod
    async def _taken(session: DatabaseSession, first: str, last: str) -> set[str]:
        """All IDs between these two that anybody has; of equal length, they sort as the numbers they are."""
        existing = select(ExistingContractRow.contract_id).where(ExistingContractRow.contract_id.between(first, last))
        issued = select(IssuedContractRow.contract_id).where(IssuedContractRow.contract_id.between(first, last))
        # An office may have been managed with an ID of its own before anything was issued here.
        managed = select(OfficeRow.contract_id).where(OfficeRow.contract_id.between(first, last))
        taken = set(await session.scalars(existing.union_all(issued, managed)))
        row = ReservedContractIdsRow
        reserved = await session.execute(
            select(row.first_id, row.last_id).where(row.first_id <= int(last), row.last_id >= int(first))
        )
        for lowest, highest in reserved:
            taken |= {str(number) for number in range(max(lowest, int(first)), min(highest, int(last)) + 1)}
        return taken
