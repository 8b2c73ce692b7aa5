"""Enquiries as they are stored before they are forwarded to the operators' desk (Y16)."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from models.common.encryption import key_owner
from models.common.store.case_keys import make_case_key
from models.common.store.sessions import DatabaseSessions
from models.tables import EnquiryRow, IssuedContractRow, enquiry_count
from models.yayoi.enquiries import EnquiryForm, EnquiryRef
from models.yayoi.identifiers import ContractId


class Enquiries:
    """Takes enquiries; `wake` is called after each, so that it is forwarded at once."""

    def __init__(self, sessions: DatabaseSessions, wake: Callable[[], None], now: Callable[[], datetime]) -> None:
        self._sessions = sessions
        self._wake = wake
        self._now = now

    async def is_issued(self, contract_id: ContractId) -> bool:
        """Whether the ID was issued for several offices: such an ID never was any other kind of number (Y15)."""
        async with self._sessions() as session:
            return await session.get(IssuedContractRow, contract_id) is not None

    async def take(self, enquiry: EnquiryForm, submission_id: UUID) -> str:
        """Store it once, however often the form is sent; return its receipt number."""
        now = self._now()
        async with self._sessions.begin() as session:
            count = await session.scalar(select(enquiry_count.next_value()))
            await session.execute(
                insert(EnquiryRow)
                .values(
                    receipt_no=f"Q-{count:06d}",
                    submission_id=submission_id,
                    received_at=now,
                    changed_at=now,
                    **enquiry.model_dump(),
                )
                .on_conflict_do_nothing(index_elements=[EnquiryRow.submission_id])
            )
            stored = select(EnquiryRow.receipt_no).where(EnquiryRow.submission_id == submission_id)
            receipt_no = (await session.scalars(stored)).one()
            await make_case_key(session, key_owner(EnquiryRef(receipt_no=receipt_no).workflow_id))
        self._wake()
        return receipt_no
