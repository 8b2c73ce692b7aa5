"""The mails that operations on applications and their offices would send to the customer."""

from collections.abc import Callable, Mapping
from datetime import datetime

from sqlalchemy import select

from activities.common.outbox import WrittenMail
from activities.yayoi.mail_texts import MailTexts
from models.common.operations import Operation
from models.common.refusals import RefusedError
from models.common.store.case_status import status_of
from models.common.store.sessions import DatabaseSession
from models.tables import ApplicationOfficeRow, ApplicationRow
from models.yayoi.early_exits import explanation
from models.yayoi.mails import MailKind
from models.yayoi.messages import Outcome, SendMail
from models.yayoi.operator_actions import Action, ExtendDeadline, LinkHolder
from models.yayoi.procedures import Stage
from models.yayoi.store.confirmations import is_unconfirmed
from web.backoffice.mail_previews import FilledInOperation

ENDS: Mapping[Operation, tuple[Outcome, MailKind]] = {
    Action.REJECT: (Outcome.REJECTED, MailKind.REJECTED),
    Action.WITHDRAW: (Outcome.WITHDRAWN, MailKind.WITHDRAWN),
    Action.CANCEL: (Outcome.CANCELLED, MailKind.CANCELLED),
    Action.ASK_CANCEL: (Outcome.CANCELLED, MailKind.CANCELLED),
}
"""The operations after which the customer is mailed why the case has ended."""


class OfficeMailPreviews:
    """Reads what a mail mentions and renders it."""

    def __init__(self, texts: MailTexts, now: Callable[[], datetime]) -> None:
        self._texts = texts
        self._now = now

    async def write(self, session: DatabaseSession, filled_in: FilledInOperation) -> WrittenMail | None:
        """Return the mail; None if the operation sends none, or the customer is not mailed yet (Y5a)."""
        if await session.get(ApplicationRow, filled_in.key.case_no) is None:
            return None
        if end := ENDS.get(filled_in.operation):
            return await self._end(session, filled_in, *end)
        mail = await self._one_more(session, filled_in)
        return await self._texts.write(session, mail) if mail else None

    async def _end(
        self, session: DatabaseSession, filled_in: FilledInOperation, outcome: Outcome, kind: MailKind
    ) -> WrittenMail | None:
        case_no, part = filled_in.key
        text = " ".join(filled_in.typed.get("text_for_customer", "").split())
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
        return await self._texts.write(session, mail, ended=ended)

    async def _one_more(self, session: DatabaseSession, filled_in: FilledInOperation) -> SendMail | None:
        """Return what the case would send while it goes on."""
        case_no, part = filled_in.key
        chosen, same = filled_in.choice, {"case_no": case_no, "part": part or None, "at": self._now()}
        match filled_in.operation:
            case Action.RESEND_MAIL if chosen and chosen.mail:
                mail = SendMail.model_validate(chosen.mail | same)
                # That one is about all that waits on a contract, and holds links by which its holder answers.
                return None if mail.kind is MailKind.CONFIRM_APPLICATIONS else mail
            case Action.RENEW_LINK if chosen and chosen.values["whose"] != LinkHolder.HOLDER:
                whose = chosen.values["whose"] == LinkHolder.APPLICANT
                return SendMail(**same, kind=MailKind.CASE_LINK, to_applicant=whose)
            case Action.EXTEND_DEADLINE:
                status = await status_of(session, case_no, part)
                try:
                    until = ExtendDeadline.typed({"reason": "-", "until": filled_in.typed.get("until", "")}).until
                except RefusedError:
                    return None
                if status is None or status.stage not in {Stage.CORRECTION, Stage.SHARING}:
                    return None
                points = tuple(status.points) if status.stage == Stage.CORRECTION else ()
                return SendMail(**same, kind=MailKind.DEADLINE_EXTENDED, points=points, until=until)
            case _:
                return None


async def _open_offices(session: DatabaseSession, case_no: str) -> list[int]:
    """Return the offices of an application that have not ended."""
    office = ApplicationOfficeRow
    still_open = select(office.office_no).where(office.application_no == case_no, office.outcome.is_(None))
    return list(await session.scalars(still_open.order_by(office.office_no)))
