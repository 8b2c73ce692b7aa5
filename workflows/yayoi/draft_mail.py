"""Mailing the link to a draft of an application."""

from temporalio import workflow

from activities.yayoi.drafts import DraftActivities
from models.common.messages import ROW_CHANGED
from models.yayoi.drafts import DraftRef
from workflows.common.cancellation import shielded_from_cancellation
from workflows.common.mail_workflow import MailWorkflow


@workflow.defn
class DraftMail(MailWorkflow):
    """Sends one mail to the address that was typed; one that cannot be sent is shown to operators."""

    @workflow.run
    @shielded_from_cancellation
    async def run(self, mail: DraftRef) -> None:
        await self.send(DraftActivities.mail_draft, mail, "入力途中のお申し込みのリンクを送る")

    @workflow.signal(name=ROW_CHANGED, description="画面での操作の報告（システム用）")
    def row_changed(self) -> None:
        """Each mail has a workflow of its own: there is nothing to look at."""
