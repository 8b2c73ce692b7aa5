"""The mails of MYICS (M1, M2, M4, M8): written from templates, sent once, each in the audit trail."""

from functools import partial

from temporalio import activity

from activities.common.outbox import MailIdentity, Outbox, mail_audit
from activities.myics.registration_mail_texts import RegistrationMailTexts
from models.common.bulk_updates import hand_over_key
from models.common.identifiers import ledger_key
from models.common.messages import SentMail
from models.myics.mails import MyicsMail
from models.myics.registrations import SendMyicsMail


def _key(request: SendMyicsMail) -> str:
    if request.kind is MyicsMail.HANDED_OVER and (of_all := hand_over_key(request.kind, request.asked_as)):
        return of_all
    return ledger_key(request.case_no, None, f"mail.{request.kind}.{request.counted}")


class RegistrationMailActivities:
    """Sends one mail per registration, kind and occurrence."""

    def __init__(self, outbox: Outbox, texts: RegistrationMailTexts) -> None:
        self._outbox = outbox
        self._texts = texts

    @activity.defn
    async def send_myics_mail(self, request: SendMyicsMail) -> SentMail:
        """Send the mail unless it was sent before."""
        mail = MailIdentity(key=_key(request), kind=request.kind, case_no=request.case_no)
        audited = partial(mail_audit, at=request.at)
        return await self._outbox.send(mail, partial(self._texts.write, request=request), audited=audited)
