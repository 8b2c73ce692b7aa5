"""Mailing a fresh link to a case whose old one has expired; the case itself may have closed long ago."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.failing import ACTIVITY_FAILING
    from activities.mail import MailActivities
    from models.messages import SendMail, SentMail
    from workflows.options import MAIL
    from workflows.search_attributes import FAILING


@workflow.defn
class CaseLinkMail:
    """Sends one mail to the address that is registered for the case, or to the pair's own Yayoi ID."""

    @workflow.run
    async def run(self, mail: SendMail) -> SentMail:
        sent: SentMail = await workflow.execute_activity_method(
            MailActivities.send_mail, mail, summary=f"メール：{mail.kind.subject}", **MAIL
        )
        return sent

    @workflow.signal(name=ACTIVITY_FAILING, description="処理の失敗が続いていることの報告（システム用）")
    def activity_failing(self, activity: str) -> None:  # noqa: ARG002 the list shows that, Pending Activities what
        workflow.upsert_search_attributes([FAILING.value_set(True)])
