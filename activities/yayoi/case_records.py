"""Our own records of a case: closing its parts and the whole."""

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.yayoi.cases import find_open_pair, find_pair
from activities.yayoi.registry.protocols import Offices
from models.common.identifiers import ledger_key
from models.common.messages import CaseStep
from models.common.store.ledger import Ledger, NoResult, StepTransaction
from models.tables import ApplicationRow, LedgerRow
from models.yayoi.messages import CloseOffice, CorrectedPair, CorrectPairStep
from models.yayoi.procedures import ApplicationStage, Stage


class CaseRecordActivities:
    """Closes what has ended."""

    def __init__(self, ledger: Ledger, offices: Offices) -> None:
        self._ledger = ledger
        self._offices = offices

    @activity.defn
    async def close_office(self, step: CloseOffice) -> None:
        """Close the office's part (Y25, Y27): its Yayoi ID and token may be applied for again (Y1)."""

        async def close(transaction: StepTransaction) -> CloseOffice:
            pair = await find_pair(transaction.session, step.case_no, step.part)
            pair.office.closed_at = step.at
            pair.office.outcome = step.outcome
            pair.office.open_points = list(step.open_points)
            transaction.audit(f"事業所データの手続きを終了した（{step.outcome}）", open_points=list(step.open_points))
            if step.status is None:  # closed by the reconciliation: its workflow has ended
                how = {"ending": step.outcome, "outcome": step.outcome, "points": step.open_points}
                await self._ledger.supersede_status(transaction, stage=Stage.CLOSED, **how)
            return step

        await self._ledger.once(step, "close", CloseOffice, close)

    @activity.defn
    async def close_application(self, step: CaseStep) -> None:
        """Close the application."""

        async def close(transaction: StepTransaction) -> NoResult:
            row = await transaction.session.get_one(ApplicationRow, step.case_no, with_for_update=True)
            row.closed_at = step.at
            transaction.audit("申込の手続きを終了した")
            if step.status is None:  # closed by the reconciliation: its workflow has ended
                await self._ledger.supersede_status(transaction, stage=ApplicationStage.CLOSED)
            return NoResult()

        await self._ledger.once(step, "close", NoResult, close)

    @activity.defn
    async def correct_pair(self, step: CorrectPairStep) -> CorrectedPair:
        """Correct the Yayoi ID, the token, the ID issued before, or all of them.

        Raises a final error if another open application holds one of them (Y1), or if the procedure has gone on with
        the pair as it is.
        """

        async def correct(transaction: StepTransaction) -> CorrectedPair:
            await _refuse_if_frozen_or_issued(transaction)
            pair = await find_open_pair(transaction.session, step.case_no, step.part)
            before = {"yayoi_id": pair.office.yayoi_id, "office_token": pair.office.office_token}
            pair.office.yayoi_id = step.yayoi_id or pair.office.yayoi_id
            if step.issued_contract_id:
                before["issued_contract_id"] = pair.office.issued_contract_id
                pair.office.issued_contract_id = step.issued_contract_id
            if step.office_token:
                pair.office.office_token = step.office_token
                name = await self._offices.name_of(transaction, step.office_token, pair.existing_contract_id)
                pair.office.office_name = name or pair.office.office_name
            await transaction.session.flush()
            transaction.audit("弥生ID・事業所トークンを訂正した", by=step.by, reason=step.reason, before=before)
            return CorrectedPair(office_name=pair.office.office_name)

        try:
            return await self._ledger.once(step, f"correct.{step.asked_as or step.occurrence}", CorrectedPair, correct)
        except IntegrityError:
            raise ApplicationError(
                "入力された弥生ID か事業所トークンは、手続き中の別のお申し込みで使われています。",
                type="HeldByAnother",
                non_retryable=True,
            ) from None


async def _refuse_if_frozen_or_issued(transaction: StepTransaction) -> None:
    """Raise a final error for such a pair: what was frozen or issued belongs to it as it is."""
    keys = [ledger_key(transaction.case_no, transaction.part, step) for step in ("freeze", "issue")]
    if await transaction.session.scalar(select(LedgerRow.key).where(LedgerRow.key.in_(keys)).limit(1)):
        message = "手続きが次の段階に進んでいるため、訂正できません。取り消して、改めてお申し込みいただいてください。"
        raise ApplicationError(message, type="GoneOn", non_retryable=True)
