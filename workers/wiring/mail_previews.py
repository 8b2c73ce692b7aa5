"""Writes the mail that an operation would send to the customer, from the templates that it is sent from."""

from collections.abc import Callable, Mapping
from datetime import datetime

from sqlalchemy import select

from activities.common.mail_templates import mail_templates
from activities.common.outbox import WrittenMail
from activities.yayoi.mail_texts import MailTexts
from models.common.calendar import utc_now
from models.common.operations import Operation
from models.common.store.sessions import DatabaseSession, DatabaseSessions
from models.tables import ApplicationOfficeRow, ApplicationRow
from models.yayoi.early_exits import explanation
from models.yayoi.mails import MailKind
from models.yayoi.messages import Outcome, SendMail
from models.yayoi.operator_actions import Action
from models.yayoi.store.confirmations import is_unconfirmed
from web.backoffice.mail_previews import PreviewedMail
from workers.settings import Settings
from workers.wiring.derived import desk_url, named_in_mails, public_url
from workers.wiring.root import build_registry

ENDS: Mapping[Operation, tuple[Outcome, MailKind]] = {
    Action.REJECT: (Outcome.REJECTED, MailKind.REJECTED),
    Action.WITHDRAW: (Outcome.WITHDRAWN, MailKind.WITHDRAWN),
    Action.CANCEL: (Outcome.CANCELLED, MailKind.CANCELLED),
    Action.ASK_CANCEL: (Outcome.CANCELLED, MailKind.CANCELLED),
}
"""The operations after which the customer is mailed why the case has ended."""


class CustomerMailPreviews:
    """Reads what a mail mentions and renders it. A link that only its customer may have is in none."""

    def __init__(self, sessions: DatabaseSessions, texts: MailTexts, now: Callable[[], datetime] = utc_now) -> None:
        self._sessions = sessions
        self._texts = texts
        self._now = now

    async def preview(
        self,
        case_no: str,
        part: int | None,
        workflow_type: str,  # noqa: ARG002 the operation says which case it is
        operation: Operation,
        typed: Mapping[str, str],
    ) -> PreviewedMail | None:
        """Return the mail; None if the operation sends none, or the customer is not mailed yet (Y5a)."""
        if (end := ENDS.get(operation)) is None:
            return None
        outcome, kind = end
        text = " ".join(typed.get("text_for_customer", "").split())
        async with self._sessions() as session:
            if await session.get(ApplicationRow, case_no) is None:
                return None
            still_open = await _open_offices(session, case_no)
            ended = [part] if part else still_open
            if not ended or await is_unconfirmed(session, case_no, ended[0]):
                return None
            mail = SendMail(
                case_no=case_no,
                part=ended[0],
                kind=kind,
                at=self._now(),
                points=(explanation(outcome, text),),
                ends_application=set(still_open) <= set(ended),
            )
            return _shown(await self._texts.write(session, mail, ended=ended))


async def _open_offices(session: DatabaseSession, case_no: str) -> list[int]:
    """Return the offices of an application that have not ended."""
    office = ApplicationOfficeRow
    still_open = select(office.office_no).where(office.application_no == case_no, office.outcome.is_(None))
    return list(await session.scalars(still_open.order_by(office.office_no)))


def _shown(mail: WrittenMail) -> PreviewedMail:
    return PreviewedMail(mail.recipient, mail.subject, mail.body)


def customer_mail_previews(settings: Settings, sessions: DatabaseSessions) -> CustomerMailPreviews:
    """Build it from the settings."""
    # In a preview stands the same address for everybody: a real link would let its reader act as the customer.
    texts = MailTexts(
        build_registry(settings),
        mail_templates(**named_in_mails(settings)),
        lambda *_, **__: f"{public_url(settings).rstrip('/')}/applications/",
        desk_url(settings),
        settings.operators_mail,
    )
    return CustomerMailPreviews(sessions, texts)
