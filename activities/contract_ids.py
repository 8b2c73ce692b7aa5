"""The pool of contract IDs: which 7-digit number comes next (Y15)."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio.exceptions import ApplicationError

from models.identifiers import ContractId
from models.tables import ContractIdPoolRow, ExistingContractRow, IssuedContractRow

_POOL = "contract_id"


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
    """Numbers from `first` to `last`, each given out once for ever; IDs that a customer already has are left out."""

    first: int
    last: int

    async def take(self, session: AsyncSession) -> ContractId:
        """Take the next free number; the pool is locked until the transaction ends.

        Raises `ContractIdPoolExhaustedError`.
        """
        await session.execute(insert(ContractIdPoolRow).values(pool=_POOL, next_id=self.first).on_conflict_do_nothing())
        row = await session.get_one(ContractIdPoolRow, _POOL, with_for_update=True, populate_existing=True)
        candidate = max(row.next_id, self.first)
        while candidate <= self.last and await self._is_taken(session, candidate):
            candidate += 1
        if candidate > self.last:
            raise ContractIdPoolExhaustedError(self.last)
        row.next_id = candidate + 1
        return ContractId(str(candidate))

    @staticmethod
    async def _is_taken(session: AsyncSession, candidate: int) -> bool:
        text = str(candidate)
        existing = select(ExistingContractRow.contract_id).where(ExistingContractRow.contract_id == text)
        issued = select(IssuedContractRow.contract_id).where(IssuedContractRow.contract_id == text)
        return await session.scalar(existing.union_all(issued)) is not None
