"""The mails of a case (Y18): written from templates, sent once, each in the audit trail."""

from functools import partial

from temporalio import activity

from activities.ledger import SYSTEM
from activities.mail_texts import MailTexts
from activities.outbox import Letter, Outbox
from models.identifiers import ledger_key
from models.messages import SendMail, SentMail
from models.tables import AuditRow, NoticeRow


class MailActivities:
    """Sends one mail per application, office, kind and occurrence."""

    def __init__(self, outbox: Outbox, texts: MailTexts) -> None:
        self._outbox = outbox
        self._texts = texts

    @activity.defn
    async def send_mail(self, request: SendMail) -> SentMail:
        """Send the mail unless it was sent before."""
        letter = Letter(
            key=ledger_key(request.application_no, request.office_no, f"mail.{request.kind}.{request.occurrence}"),
            kind=request.kind,
            application_no=request.application_no,
            office_no=request.office_no,
        )
        return await self._outbox.send(
            letter, partial(self._texts.write, request=request), also=partial(_audit, request)
        )


def _audit(request: SendMail, notice: NoticeRow) -> AuditRow:
    return AuditRow(
        happened_at=request.at,
        application_no=request.application_no,
        office_no=request.office_no,
        action=f"メールを送信した：{notice.subject}",
        by=SYSTEM,
        facts={"message_id": notice.message_id},
    )
