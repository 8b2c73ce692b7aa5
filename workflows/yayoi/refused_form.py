"""A form of another system that could not be accepted: the operators' desk is notified once."""

from temporalio import workflow

from activities.yayoi.desk_mails import DeskMailActivities
from models.yayoi.provider_forms.refused import RefusedFormRef
from workflows.common.cancellation import shielded_from_cancellation
from workflows.common.mail_workflow import MailWorkflow


@workflow.defn
class RefusedForm(MailWorkflow):
    """Notifies operators of a form that was kept; they correct it at the desk, or discard it."""

    @workflow.run
    @shielded_from_cancellation
    async def run(self, form: RefusedFormRef) -> None:
        summary = "受け付けられないフォームを担当者に知らせる"
        await self.send_to_desk(DeskMailActivities.report_refused_form, form, summary)
