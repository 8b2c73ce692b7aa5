"""The mails that operations on registrations of MYICS would send to the registrant."""

from collections.abc import Callable
from datetime import datetime

from activities.common.outbox import WrittenMail
from activities.myics.registration_mail_texts import RegistrationMailTexts
from models.common.operator_message import ActionMessage
from models.common.refusals import RefusedError
from models.common.store.sessions import DatabaseSession
from models.myics.mails import MyicsMail
from models.myics.operations import CorrectMailAddress, ExtendLink, RegistrationOperation
from models.myics.registrations import RegistrationKind, RegistrationStage, SendMyicsMail
from models.tables import MyicsRegistrationRow
from web.backoffice.mail_previews import FilledInOperation

_BRINGS_LINK = {
    (RegistrationKind.REPRESENTATIVE, RegistrationStage.INVITED): MyicsMail.INVITATION,
    (RegistrationKind.REPRESENTATIVE, RegistrationStage.PROVISIONAL): MyicsMail.CONFIRMATION,
    (RegistrationKind.USER, RegistrationStage.INVITED): MyicsMail.USER_INVITATION,
    (RegistrationKind.RENEWAL, RegistrationStage.RENEWING): MyicsMail.RENEWAL,
    (RegistrationKind.ADDRESS, RegistrationStage.CONFIRMING): MyicsMail.ADDRESS_CHANGE,
}
"""The mail with the link that is waited for at a stage."""
_SENDS_LINK = {
    RegistrationOperation.RESEND,
    RegistrationOperation.EXTEND_DEADLINE,
    RegistrationOperation.CORRECT_ADDRESS,
}


class RegistrationMailPreviews:
    """Reads what a mail mentions and renders it, with what was typed in the place of what the row holds."""

    def __init__(self, texts: RegistrationMailTexts, now: Callable[[], datetime]) -> None:
        self._texts = texts
        self._now = now

    async def write(self, session: DatabaseSession, filled_in: FilledInOperation) -> WrittenMail | None:
        """Return the mail; None if the operation sends none, or what was typed cannot be read."""
        row = await session.get(MyicsRegistrationRow, filled_in.key.case_no)
        if row is None or (kind := _kind(filled_in.operation, row)) is None:
            return None
        session.expunge(row)  # what is changed of it is written nowhere
        try:
            _change(row, filled_in)
        except RefusedError:
            return None
        mail = SendMyicsMail(case_no=row.registration_no, kind=kind, at=self._now())
        return await self._texts.write_of(session, mail, row)


def _kind(operation: object, row: MyicsRegistrationRow) -> MyicsMail | None:
    kind = RegistrationKind(row.kind)
    if operation in _SENDS_LINK:
        return _BRINGS_LINK.get((kind, RegistrationStage(row.stage)))
    return MyicsMail.WITHDRAWN if operation is RegistrationOperation.WITHDRAW and kind.makes_account else None


def _change(row: MyicsRegistrationRow, filled_in: FilledInOperation) -> None:
    typed = {name: text for name, text in filled_in.typed.items() if name in filled_in.operation.message.model_fields}
    match filled_in.operation.message.typed(typed | {"reason": "-"}):
        case ExtendLink(until=until):
            row.expires_on = until
        case CorrectMailAddress(mail_address=address):
            row.address = address
        case ActionMessage() as message:
            row.text_for_customer = getattr(message, "text_for_customer", "")
