"""Reading the mailbox of returned mails, by the clock."""

from temporalio import workflow
from temporalio.exceptions import ActivityError

from activities.common.bounces import BounceActivities
from models.common.messages import ReadReturnedMails, ReturnedMailsRead
from workflows.common.activity_options import MAILBOX
from workflows.common.cancellation import shielded_from_cancellation
from workflows.common.details import cell
from workflows.common.failing_activities import FailureFlag, why_given_up


@workflow.defn
class BounceReading(FailureFlag):
    """One look into the mailbox; one that cannot be read is in the operators' list of failures."""

    @workflow.run
    @shielded_from_cancellation
    async def run(self) -> ReturnedMailsRead:
        try:
            return await workflow.execute_activity_method(
                BounceActivities.read_returned_mails,
                ReadReturnedMails(),
                **MAILBOX | {"summary": "届かずに戻ったメールを読む"},
            )
        except ActivityError as error:
            workflow.set_current_details(f"### 届かずに戻ったメールを読めませんでした\n\n{cell(why_given_up(error))}")
            return ReturnedMailsRead()
