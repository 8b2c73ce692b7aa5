"""Correcting the days of a re-link once the case's own procedure has ended (Y21)."""

from temporalio import workflow
from temporalio.exceptions import FailureError

from activities.yayoi.service_links import LinkActivities
from models.yayoi.messages import CorrectEndedRelink
from workflows.common.activity_options import REGISTRY
from workflows.common.failing_activities import FailureFlag, is_final, refusal


@workflow.defn
class RelinkCorrection(FailureFlag):
    """Brings the operation that corrects one re-link to the case's records, where it is verified."""

    @workflow.run
    async def run(self, step: CorrectEndedRelink) -> str | None:
        """Return why it was refused; None if it was corrected."""
        try:
            await workflow.execute_activity_method(
                LinkActivities.correct_ended_relink,
                step.model_copy(update={"at": workflow.now()}),
                **REGISTRY | {"summary": "再連携の日を訂正する"},
            )
        except FailureError as failed:
            if not is_final(failed):
                raise
            return refusal(failed)
        return None
