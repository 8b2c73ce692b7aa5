"""The support site's passwords, one for each new contract ID (Y19)."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from models.common.password_hashing import Hashing
from models.common.refusals import FieldError, RefusedError
from models.common.store.case_status import status_of
from models.common.store.sessions import DatabaseSession, DatabaseSessions
from models.tables import (
    ExistingContractRow,
    IssuedContractRow,
    SetUpStepRow,
    SupportPasswordRow,
)
from models.yayoi.identifiers import ContractId, YayoiId
from models.yayoi.procedures import SetUpStep
from models.yayoi.store.after_closing import has_ended
from models.yayoi.store.event_cases import EXISTING_CONTRACT, NOT_ONE_NOTICE
from models.yayoi.store.pair_status import ENDING, OVER


class SupportPasswords:
    """Checks and stores the passwords, hashed."""

    def __init__(self, sessions: DatabaseSessions, hashing: Hashing, now: Callable[[], datetime]) -> None:
        self._sessions = sessions
        self._hashing = hashing
        self._now = now

    async def contract_of_notice(self, contract_id: ContractId, yayoi_id: YayoiId) -> IssuedContractRow:
        """Return the contract of the notice with this ID and this address.

        Raises `RefusedError`, with one reason for an unknown ID, one that was revoked and one of another notice.
        """
        async with self._sessions() as session:
            contract = await session.get(IssuedContractRow, contract_id)
            if contract and contract.yayoi_id == yayoi_id and contract.revoked_at is None:
                return contract
            own = await _is_existing_contract_of(session, contract_id, yayoi_id)
        message = EXISTING_CONTRACT if own else NOT_ONE_NOTICE
        raise RefusedError([FieldError(field="contract_id", message=message)])

    async def is_set_and_recorded(self, contract: IssuedContractRow) -> bool:
        async with self._sessions() as session:
            is_set = await session.get(SupportPasswordRow, contract.contract_id) is not None
        return is_set and await self.is_recorded(contract)

    async def is_recorded(self, contract: IssuedContractRow) -> bool:
        """Whether STEP5 was recorded, on its page or by an operator on the phone."""
        key = (contract.application_no, contract.office_no, SetUpStep.SUPPORT_PASSWORD)
        async with self._sessions() as session:
            return await session.get(SetUpStepRow, key) is not None

    async def refusal(self, contract: IssuedContractRow) -> str | None:
        """Return why STEP5 cannot be done any more; None if it can, or if it was done and only the password changes."""
        if await self.is_recorded(contract):
            return None
        async with self._sessions() as session:
            if await has_ended(session, contract.application_no, contract.office_no):
                return OVER
            status = await status_of(session, contract.application_no, contract.office_no)
            return ENDING if status and status.ending else None

    async def is_right(self, contract_id: ContractId, password: str) -> bool:
        async with self._sessions() as session:
            row = await session.get(SupportPasswordRow, contract_id)
        return await self._hashing.verify(row.password_hash if row else None, password)

    async def store(self, contract_id: str, password: str) -> None:
        """Store the password; it replaces an earlier one."""
        password_hash = await self._hashing.hash(password)
        values: dict[str, str | datetime] = {"password_hash": password_hash, "set_at": self._now()}
        async with self._sessions.begin() as session:
            await session.execute(
                insert(SupportPasswordRow)
                .values(contract_id=contract_id, **values)
                .on_conflict_do_update(index_elements=[SupportPasswordRow.contract_id], set_=values)
            )


async def _is_existing_contract_of(session: DatabaseSession, contract_id: ContractId, yayoi_id: YayoiId) -> bool:
    """Whether it is the existing contract's own ID, typed by its customer: nobody else learns that it exists (Y20)."""
    contract = await session.get(ExistingContractRow, contract_id)
    if contract is None:
        return False
    issued = await session.scalar(
        select(IssuedContractRow.contract_id).filter_by(existing_contract_id=contract_id, yayoi_id=yayoi_id).limit(1)
    )
    return issued is not None or contract.mail_address == yayoi_id
