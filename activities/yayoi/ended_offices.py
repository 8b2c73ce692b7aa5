"""Recording what the customer has done for an office whose workflow has ended (Y21, Y25)."""

from dataclasses import replace

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.common.signed_operations import verified_act
from activities.yayoi.cases import find_notified_pair
from activities.yayoi.customer_steps import CustomerStepActivities
from activities.yayoi.service_links import LinkActivities
from models.common.allowed_actors import Permissions
from models.common.calendar import day_in_japan
from models.common.identifiers import first_try
from models.common.operator_message import ActionMessage
from models.common.signed_acts import SignedAct
from models.common.store.ledger import Ledger, NoResult, StepTransaction
from models.common.store.operation_records import is_done
from models.tables import ApplicationOfficeRow
from models.yayoi.messages import (
    CorrectRelinkStep,
    Outcome,
    RecordForEnded,
    RecordRelink,
    RecordSetUpStep,
    RetractStep,
)
from models.yayoi.operator_actions import (
    Action,
    CorrectRelink,
    RetractRelink,
    RetractSetUpStep,
    ServiceRelinked,
    SetUpStepDone,
)
from models.yayoi.operator_rules import RECORDS
from models.yayoi.procedures import Stage
from models.yayoi.store.ended_records import EndedRecords, records_of_ended
from models.yayoi.store.remembered_links import service_names


class EndedOfficeActivities:
    """Does what the workflow would have done, as the signed operation asks that the step carries."""

    def __init__(
        self, ledger: Ledger, steps: CustomerStepActivities, links: LinkActivities, permissions: Permissions
    ) -> None:
        """`permissions`: who may send which operation, for those that reach no workflow."""
        self._ledger = ledger
        self._steps = steps
        self._links = links
        self._permissions = permissions

    @activity.defn
    async def record_for_ended_office(self, step: RecordForEnded) -> None:
        """Record it, and whether anything is still open.

        Raises a final error for what the workflow would have refused: it takes its operations itself until it ends.
        """
        update_id = first_try(step.asked_as or "")

        async def record(transaction: StepTransaction) -> NoResult:
            pair = await find_notified_pair(transaction.session, step.case_no, step.part, lock=True)
            action = _asked(transaction.act)
            actor, act = await verified_act(transaction, action, self._permissions)
            transaction = replace(transaction, update_id=update_id)
            message = action.message.model_validate(act.message)
            if message.misread:
                raise _refused("　".join(message.misread))
            ended = await records_of_ended(transaction.session, step)
            if ended is None:
                raise _refused(_GOES_ON)
            if await is_done(transaction.session, step.case_no, step.part, update_id):
                return NoResult()  # by its own workflow, before that ended, or by another try
            if refusal := ended.refuse(message, day_in_japan(step.at)):
                raise _refused(refusal)
            await self._record(transaction, step, message, by=str(actor))
            await transaction.session.flush()
            await self._note_what_is_open(transaction, pair.office, await records_of_ended(transaction.session, step))
            return NoResult()

        await self._ledger.once(step, f"ended_record.{update_id}", NoResult, record)

    async def _record(
        self, transaction: StepTransaction, step: RecordForEnded, message: ActionMessage, *, by: str
    ) -> None:
        said = {"by": by, "asked_as": step.asked_as}
        reason = {"reason": message.reason}
        match message:
            case SetUpStepDone():
                recorded = RecordSetUpStep.of(step, step.at, report=message, **said)
                await self._steps.record_set_up_step_in(transaction, recorded)
            case RetractSetUpStep():
                retracted = RetractStep.of(step, step.at, step=message.step, **reason, **said)
                await self._steps.retract_set_up_step_in(transaction, retracted)
            case CorrectRelink() | RetractRelink():
                days = message.model_dump(include={"relinked_on", "asked_from", "event_id"})
                corrected = {"link": message.link, "relinked_on": None} | days | reason | said
                await self._links.correct_relink_in(transaction, CorrectRelinkStep.of(step, step.at, **corrected))
            case ServiceRelinked():
                await self._links.record_relink_in(transaction, RecordRelink.of(step, step.at, report=message, **said))

    async def _note_what_is_open(
        self, transaction: StepTransaction, office: ApplicationOfficeRow, ended: EndedRecords | None
    ) -> None:
        points = ended.follow_up.open_points if ended else ()
        names = await service_names(transaction.session, office.application_no, office.office_no)
        outcome = Outcome.INCOMPLETE if points else Outcome.COMPLETED
        shown = [names.named(point) for point in points]
        if (office.outcome, list(office.open_points or [])) == (outcome, shown):
            return
        office.outcome, office.open_points = outcome, shown
        await self._ledger.supersede_status(transaction, stage=Stage.CLOSED, outcome=outcome, points=points)


def _asked(act: SignedAct | None) -> Action:
    """Return the operation that the step says it carries; whether that is signed so is for who verifies it."""
    return next((each for each in RECORDS if act and act.operation == each), RECORDS[0])


def _refused(reason: str) -> ApplicationError:
    return ApplicationError(reason, type="NotRecorded", non_retryable=True)


_GOES_ON = "この案件の手続きは、まだ終了していません。案件の画面から操作してください。"
