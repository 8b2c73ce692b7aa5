"""The customer's own steps after the notice, recorded in the registry (Y19, Y20)."""

from uuid import UUID

from sqlalchemy import delete
from temporalio import activity

from activities.yayoi.cases import Pair, find_notified_pair
from activities.yayoi.registry.protocols import YayoiIds
from models.common.store.ledger import Ledger, NoResult, StepTransaction
from models.tables import EventRow, SetUpStepRow
from models.yayoi.business_groups import GroupDetails
from models.yayoi.messages import RecordSetUpStep, RetractStep
from models.yayoi.procedures import SetUpStep
from models.yayoi.store.retractions import RETRACTED


class CustomerStepActivities:
    """Records STEP5 and STEP6 as they are reported."""

    def __init__(self, ledger: Ledger, yayoi_ids: YayoiIds) -> None:
        self._ledger = ledger
        self._yayoi_ids = yayoi_ids

    @activity.defn
    async def record_set_up_step(self, step: RecordSetUpStep) -> None:
        """Record one step; creating the business group makes it in the registry. One that is recorded stays as it is.

        Raises a final error if the Yayoi ID has joined another group meanwhile (Y3).
        """

        async def record(transaction: StepTransaction) -> RecordSetUpStep:
            await self.record_set_up_step_in(transaction, step)
            return step.model_copy(update={"act": None})  # the audit trail keeps it

        await self._ledger.once(step, f"set_up.{step.report.step}.{step.counted}", RecordSetUpStep, record)

    async def record_set_up_step_in(self, transaction: StepTransaction, step: RecordSetUpStep) -> None:
        """The same, as part of a step's transaction."""
        report = step.report
        pair = await find_notified_pair(transaction.session, step.case_no, step.part)
        if await transaction.session.get(SetUpStepRow, (step.case_no, step.part, report.step)):
            transaction.audit(f"{report.step.label}は記録済みだった", by=step.by, reason=report.reason)
            return
        if report.step is SetUpStep.BUSINESS_GROUP:
            name, details = await self._group(transaction, step, pair)
            await self._yayoi_ids.create_group(transaction, pair.yayoi_id, name, details, pair.token)
        transaction.session.add(
            SetUpStepRow(
                application_no=step.case_no,
                office_no=step.part,
                step=report.step,
                done_at=step.at,
                reported_by=step.by,
            )
        )
        said = {"reason": report.reason, "rule": report.step.rule}
        transaction.audit(f"{report.step.label}を記録した", by=step.by, event_id=report.event_id, **said)

    @activity.defn
    async def retract_set_up_step(self, step: RetractStep) -> None:
        """Take back the record of a step; what the vendor's systems hold of it stays."""

        async def retract(transaction: StepTransaction) -> NoResult:
            await self.retract_set_up_step_in(transaction, step)
            return NoResult()

        await self._ledger.once(step, f"retract.{step.counted}", NoResult, retract)

    async def retract_set_up_step_in(self, transaction: StepTransaction, step: RetractStep) -> None:
        """The same, as part of a step's transaction."""
        await find_notified_pair(transaction.session, step.case_no, step.part)
        await transaction.session.execute(
            delete(SetUpStepRow).where(
                SetUpStepRow.application_no == step.case_no,
                SetUpStepRow.office_no == step.part,
                SetUpStepRow.step == step.step,
            )
        )
        transaction.audit(f"{step.step.label}{RETRACTED}", by=step.by, reason=step.reason, rule=step.step.rule)

    @staticmethod
    async def _group(
        transaction: StepTransaction, step: RecordSetUpStep, pair: Pair
    ) -> tuple[str, GroupDetails | None]:
        """Return the reported name and details; a step reported by phone has none, and the group gets the office's."""
        event_id = step.report.event_id
        event = await transaction.session.get(EventRow, UUID(event_id)) if event_id else None
        if event is None:
            return pair.office.office_name, None
        details = event.payload.get("details")
        return str(event.payload["group_name"]), GroupDetails.model_validate(details) if details else None
