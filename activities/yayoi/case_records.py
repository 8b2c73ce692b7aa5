"""Our own records of a case: closing its parts and the whole."""

from sqlalchemy import select
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.yayoi.cases import find_open_pair, find_pair
from activities.yayoi.pair_check import PairCheck
from models.common.identifiers import ledger_key
from models.common.messages import CaseStep
from models.common.store.ledger import Ledger, NoResult, StepTransaction
from models.tables import ApplicationRow, HolderConfirmationRow, LedgerRow
from models.yayoi.holder_confirmation import ConfirmationOutcome
from models.yayoi.messages import CloseOffice, CorrectedPair, CorrectPairStep
from models.yayoi.procedures import ApplicationStage, Stage
from models.yayoi.store.confirmations import settle
from models.yayoi.store.holding import let_go


class CaseRecordActivities:
    """Corrects what was applied for, and closes what has ended."""

    def __init__(self, ledger: Ledger, check: PairCheck) -> None:
        self._ledger = ledger
        self._check = check

    @activity.defn
    async def close_office(self, step: CloseOffice) -> None:
        """Close the office's part (Y25, Y27): what it held may be applied for again (Y1)."""

        async def close(transaction: StepTransaction) -> CloseOffice:
            pair = await find_pair(transaction.session, step.case_no, step.part)
            let_go(pair.office)
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
        """Correct the Yayoi ID, the token, the ID issued before, or all of them; what is right then is held at once.

        A token that is corrected moves the freeze (Y12). Raises a final error if another open application holds what
        was typed (Y1), or if the procedure has gone on with the pair as it is.
        """

        async def correct(transaction: StepTransaction) -> CorrectedPair:
            await _refuse_if_gone_on(transaction)
            pair = await find_open_pair(transaction.session, step.case_no, step.part, lock=True)
            office, frozen_before = pair.office, pair.linked_token if pair.office.holds_token else None
            before = {"yayoi_id": office.yayoi_id, "office_token": office.office_token}
            if step.issued_contract_id:
                before["issued_contract_id"] = office.issued_contract_id
            if refusal := await self._check.refuse_correction(transaction, pair, step):
                raise ApplicationError(refusal, type="HeldByAnother", non_retryable=True)
            # It may be wrong now: nothing is held before it is found right.
            office.holds_id = False
            office.yayoi_id = step.yayoi_id or office.yayoi_id
            office.issued_contract_id = step.issued_contract_id or office.issued_contract_id
            if step.office_token and step.office_token != office.office_token:
                office.office_token, office.holds_token = step.office_token, False
                office.office_name = await self._check.name_of_office(transaction, pair) or office.office_name
            if step.by_applicant:
                await _confirm_anew(transaction)
            await transaction.session.flush()
            checked = await self._check.settle(transaction, step, pair)
            if frozen_before and frozen_before != office.office_token:
                await self._check.registry.smart_import.thaw(transaction, frozen_before)
            transaction.audit("弥生ID・事業所トークンを訂正した", by=step.by, reason=step.reason, before=before)
            return CorrectedPair(office_name=office.office_name, **checked.model_dump())

        return await self._ledger.once(step, f"correct.{step.asked_as or step.occurrence}", CorrectedPair, correct)


async def _confirm_anew(transaction: StepTransaction) -> None:
    """What the contract's holder has confirmed is no longer what is applied for: they are asked again (Y5a)."""
    row = await transaction.session.get(HolderConfirmationRow, transaction.case_no, with_for_update=True)
    if row is not None and row.settled_as == ConfirmationOutcome.CONFIRMED:
        settle(row, None)


async def _refuse_if_gone_on(transaction: StepTransaction) -> None:
    """Raise a final error once something was done with the pair as it is."""
    keys = [ledger_key(transaction.case_no, transaction.part, step) for step in ("remember_links", "issue", "attach")]
    if await transaction.session.scalar(select(LedgerRow.key).where(LedgerRow.key.in_(keys)).limit(1)):
        message = "手続きが次の段階に進んでいるため、訂正できません。取り消して、改めてお申し込みいただいてください。"
        raise ApplicationError(message, type="GoneOn", non_retryable=True)
