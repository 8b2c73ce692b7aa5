"""Mailing a fresh link to a case whose old one has expired; the case itself may have closed."""

from temporalio import workflow

from activities.yayoi.mail import MailActivities
from models.common.messages import SentMail
from models.yayoi.messages import SendMail
from workflows.common.cancellation import shielded_from_cancellation
from workflows.common.mail_workflow import MailWorkflow


@workflow.defn
class CaseLinkMail(MailWorkflow):
    """Sends one mail to the address that is registered for the case, or to the pair's own Yayoi ID."""

    @workflow.run
    @shielded_from_cancellation
    async def run(self, mail: SendMail) -> SentMail | None:
        return await self.send(MailActivities.send_mail, mail, f"メール：{mail.kind.subject}")
