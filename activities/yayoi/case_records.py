"""Our own records of a case: closing its parts and the whole, and opening a part again."""

from sqlalchemy import exists, select
from sqlalchemy.exc import IntegrityError
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.yayoi.cases import find_open_pair, find_pair
from activities.yayoi.pair_check import PairCheck
from models.common.identifiers import ledger_key
from models.common.messages import CaseStep
from models.common.refusals import OperationRefusal
from models.common.store.ledger import Ledger, NoResult, StepTransaction, key_of
from models.common.store.sessions import DatabaseSession, DatabaseSessions
from models.tables import ApplicationOfficeRow, ApplicationRow, LedgerRow
from models.yayoi.holder_confirmation import ConfirmationOutcome
from models.yayoi.messages import (
    ClosedApplication,
    CloseOffice,
    CorrectedPair,
    CorrectNamesStep,
    CorrectPairStep,
    OfficeOutcome,
    OfficeOutcomes,
    Outcome,
    RenewedLink,
    RenewLinkStep,
    ReopenOffice,
)
from models.yayoi.operator_actions import LinkHolder
from models.yayoi.procedures import ApplicationStage, Stage
from models.yayoi.store.after_closing import CLOSED, NO_LONGER_OPEN
from models.yayoi.store.confirmations import (
    LINKS_ENDED,
    ask_again,
    confirmations_of,
    end_links_of_holder,
    unconfirmed_parts,
)
from models.yayoi.store.ended_links import ENDED, next_link
from models.yayoi.store.holding import hold_again, holder_of, let_go
from models.yayoi.store.remembered_links import service_names


def _rule_of(outcome: Outcome) -> str:
    return "Y25" if outcome in {Outcome.COMPLETED, Outcome.INCOMPLETE} else "Y27"


class CaseRecordActivities:
    """Corrects what was applied for, and closes what has ended."""

    def __init__(self, sessions: DatabaseSessions, ledger: Ledger, check: PairCheck) -> None:
        self._sessions = sessions
        self._ledger = ledger
        self._check = check

    @activity.defn
    async def close_office(self, step: CloseOffice) -> OfficeOutcome:
        """Close the office's part (Y25, Y27): its Yayoi ID and token may be applied for again (Y1).

        Of two that close at once one finds that it is the last: both hold the application's row.
        """

        async def close(transaction: StepTransaction) -> OfficeOutcome:
            await transaction.session.get_one(ApplicationRow, step.case_no, with_for_update=True)
            office = (await find_pair(transaction.session, step.case_no, step.part)).office
            last = step.occurrence == 1 and not await _others_not_closed_yet(transaction.session, office)
            ends = NO_LONGER_OPEN if office.closed_at else CLOSED
            let_go(office)
            office.closed_at = office.closed_at or step.at
            names = await service_names(transaction.session, step.case_no, step.part)
            office.outcome, office.open_points = step.outcome, [names.named(point) for point in step.open_points]
            office.closings += 1
            transaction.audit(
                f"{ends}（{step.outcome}）", rule=_rule_of(step.outcome), open_points=len(step.open_points)
            )
            if step.status is None:  # closed by the reconciliation: its workflow has ended
                how = {"ending": step.outcome, "outcome": step.outcome, "points": step.open_points}
                await self._ledger.supersede_status(transaction, stage=Stage.CLOSED, **how)
            return OfficeOutcome(
                office_no=office.office_no,
                outcome=step.outcome,
                contract_id=step.contract_id,
                open_points=step.open_points,
                last=last,
            )

        again = "" if step.occurrence == 1 else f".{step.occurrence}.{step.reopened_as}"
        return await self._ledger.once(step, f"{_CLOSE}{again}", OfficeOutcome, close)

    @activity.defn
    async def reopen_office(self, step: ReopenOffice) -> None:
        """Open the office's part again, with its Yayoi ID and token held again (Y1, Y25).

        Raises a final error, which names who holds one of them, if another open application does.
        """

        async def reopen(transaction: StepTransaction) -> NoResult:
            office = (await find_pair(transaction.session, step.case_no, step.part)).office
            if holder := await holder_of(transaction.session, office):
                raise _held_by(f"申込 {holder.application_no} ")
            hold_again(office)
            office.closed_at = office.outcome = office.open_points = None
            await transaction.session.flush()
            transaction.audit("手続きを再開した", by=step.by, reason=step.reason, rule="Y25")
            return NoResult()

        try:
            await self._ledger.once(step, f"reopen.{step.counted}", NoResult, reopen)
        except IntegrityError:
            raise _held_by("手続き中の別のお申し込み") from None

    @activity.defn
    async def closed_offices(self, step: CaseStep) -> OfficeOutcomes:
        """Return how those offices of the application ended that have closed, each as it first did. Reads only."""
        async with self._sessions() as session:
            return OfficeOutcomes(offices=tuple(await _outcomes(session, step.case_no)))

    @activity.defn
    async def close_application(self, step: CaseStep) -> ClosedApplication:
        """Close the application."""

        async def close(transaction: StepTransaction) -> ClosedApplication:
            row = await transaction.session.get_one(ApplicationRow, step.case_no, with_for_update=True)
            row.closed_at = step.at
            transaction.audit("申込の手続きを終了した")
            if step.status is None:  # closed by the reconciliation: its workflow has ended
                await self._ledger.supersede_status(transaction, stage=ApplicationStage.CLOSED)
            unmailed = await unconfirmed_parts(transaction.session, step.case_no)
            last = [each for each in await _outcomes(transaction.session, step.case_no) if each.last]
            return ClosedApplication(
                mailed=any(not each.outcome.kept and each.office_no not in unmailed for each in last)
            )

        return await self._ledger.once(step, _CLOSE, ClosedApplication, close)

    @activity.defn
    async def renew_link(self, step: RenewLinkStep) -> RenewedLink:
        """End the applicant's link to the case's pages, the pair's own, or those of the contract's holder."""

        async def renew(transaction: StepTransaction) -> RenewedLink:
            if step.whose is LinkHolder.HOLDER:
                application = await transaction.session.get_one(ApplicationRow, step.case_no)
                await end_links_of_holder(transaction.session, application.existing_contract_id)
                transaction.audit(LINKS_ENDED, by=step.by, reason=step.reason, rule="Y5a")
                return RenewedLink()
            part = step.part if step.whose is LinkHolder.PAIR else None
            link_no = await next_link(transaction.session, step.case_no, part)
            transaction.audit(ENDED, by=step.by, reason=step.reason, whose=step.whose)
            return RenewedLink(link_no=link_no)

        return await self._ledger.once(step, f"renew_link.{step.counted}", RenewedLink, renew)

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
            await _confirm_anew(transaction, by_applicant=step.by_applicant)
            await transaction.session.flush()
            checked = await self._check.settle(transaction, step, pair)
            if frozen_before and frozen_before != office.office_token:
                await self._check.registry.smart_import.thaw(transaction, frozen_before)
            transaction.audit(
                "弥生ID・事業所トークンを訂正した", by=step.by, reason=step.reason, before=before, rule="Y5"
            )
            return CorrectedPair(office_name=office.office_name, **checked.model_dump())

        return await self._ledger.once(step, f"correct.{step.counted}", CorrectedPair, correct)

    @activity.defn
    async def correct_names(self, step: CorrectNamesStep) -> None:
        """Correct how the applicant and the office data are called in what is written from now on.

        Raises a final error if another office of the application is called so.
        """

        async def correct(transaction: StepTransaction) -> NoResult:
            await transaction.session.get_one(ApplicationRow, step.case_no, with_for_update=True)
            pair = await find_pair(transaction.session, step.case_no, step.part, lock=True)
            if step.office_name and await _is_called(transaction.session, pair.office, step.office_name):
                raise ApplicationError(_CALLED_SO, _CALLED_SO.details, type="SameName", non_retryable=True)
            pair.office.office_name = step.office_name or pair.office.office_name
            pair.application.family_name = step.family_name or pair.application.family_name
            pair.application.given_name = step.given_name or pair.application.given_name
            transaction.audit("申込者・事業所データの名前を訂正した", by=step.by, reason=step.reason, rule="Y6")
            return NoResult()

        await self._ledger.once(step, f"correct_names.{step.counted}", NoResult, correct)


_CLOSE = "close"
_CALLED_SO = OperationRefusal(
    "このお申し込みの別の事業所データと同じ名前です。区別できる名前を入力してください。", field="office_name"
)


async def _outcomes(session: DatabaseSession, application_no: str) -> list[OfficeOutcome]:
    """Return how each office of the application ended that has closed, as it first did."""
    office = ApplicationOfficeRow
    results = await session.scalars(
        select(LedgerRow.result)
        .join(office, LedgerRow.key == key_of(office.application_no, office.office_no, _CLOSE))
        .where(office.application_no == application_no)
        .order_by(office.office_no)
    )
    return [OfficeOutcome.model_validate(result) for result in results]


async def _is_called(session: DatabaseSession, office: ApplicationOfficeRow, name: str) -> bool:
    """Return whether another office of the application has this name."""
    other = ApplicationOfficeRow
    others = select(other.office_no).filter_by(application_no=office.application_no, office_name=name)
    return await session.scalar(others.where(other.office_no != office.office_no).limit(1)) is not None


async def _others_not_closed_yet(session: DatabaseSession, office: ApplicationOfficeRow) -> bool:
    other = ApplicationOfficeRow
    open_ones = exists().where(
        other.application_no == office.application_no, other.office_no != office.office_no, other.closings == 0
    )
    return bool(await session.scalar(select(open_ones)))


def _held_by(whom: str) -> ApplicationError:
    message = (
        f"この事業所データの弥生ID か事業所トークンは、{whom}で使われているため、再開できません。"
        "そのお申し込みを先に終わらせるか、再開せずに、残りの設定を記録してください。"
    )
    return ApplicationError(message, type="HeldByAnother", non_retryable=True)


async def _confirm_anew(transaction: StepTransaction, *, by_applicant: bool) -> None:
    """What the contract's holder has been asked about this pair is no longer what is applied for (Y5a).

    One who has yet to answer is asked about the pair as it is; one who has confirmed it is asked again, unless an
    operator has corrected it.
    """
    rows = await confirmations_of(transaction.session, transaction.case_no, lock=True)
    row = rows.get(transaction.part or 0)
    if row is None:
        return
    if row.settled_as is None or (by_applicant and row.settled_as == ConfirmationOutcome.CONFIRMED):
        ask_again(row)


async def _refuse_if_gone_on(transaction: StepTransaction) -> None:
    """Raise a final error once something was done with the pair as it is."""
    keys = [ledger_key(transaction.case_no, transaction.part, step) for step in ("remember_links", "issue", "attach")]
    if await transaction.session.scalar(select(LedgerRow.key).where(LedgerRow.key.in_(keys)).limit(1)):
        message = "手続きが次の段階に進んでいるため、訂正できません。取り消して、改めてお申し込みいただいてください。"
        raise ApplicationError(message, type="GoneOn", non_retryable=True)
