"""Recording what the customer has done once the office's own procedure has ended (Y21, Y25)."""

from temporalio import workflow
from temporalio.exceptions import FailureError

from activities.yayoi.ended_offices import EndedOfficeActivities
from models.yayoi.messages import RecordForEnded
from workflows.common.activity_options import REGISTRY
from workflows.common.cancellation import shielded_from_cancellation
from workflows.common.failing_activities import FailureFlag, is_final, refusal


@workflow.defn
class EndedOfficeRecord(FailureFlag):
    """Brings one signed operation to the case's records, where it is verified."""

    @workflow.run
    @shielded_from_cancellation
    async def run(self, step: RecordForEnded) -> str | None:
        """Return why it was refused; None if it was recorded."""
        try:
            await workflow.execute_activity_method(
                EndedOfficeActivities.record_for_ended_office,
                step.model_copy(update={"at": workflow.now()}),
                **REGISTRY | {"summary": "終了した手続きの記録を改める"},
            )
        except FailureError as failed:
            if not is_final(failed):
                raise
            return refusal(failed)
        return None
