"""Writing a mail of MYICS: its recipient, and its text from the template of its kind."""

from collections.abc import Callable

from jinja2 import Environment

from activities.common.operators import operator_address
from activities.common.outbox import WrittenMail
from models.common.bulk_updates import others_handed_over
from models.common.desk_links import desk_case_path, operation_path
from models.common.personal_links import PersonalLink
from models.common.store.case_status import status_of
from models.common.store.operators import names_of_operators, operator_name
from models.common.store.sessions import DatabaseSession
from models.myics.deadlines import KEYWORD_LENGTH
from models.myics.identifiers import HolderNo
from models.myics.mails import MyicsMail
from models.myics.passwords import MYICS_PASSWORD
from models.myics.personal_links import link_of
from models.myics.registrations import RegistrationKind, SendMyicsMail
from models.tables import MyicsAccountRow, MyicsClientRow, MyicsFirmRow, MyicsRegistrationRow

CONSTANTS = {
    "password_rule": MYICS_PASSWORD.text,
    "keyword_length": KEYWORD_LENGTH,
    "RegistrationKind": RegistrationKind,
}
"""What every template of MYICS may state beside its facts."""


class RegistrationMailTexts:
    """Reads what a mail mentions and renders its template. Its link is computed, never kept."""

    def __init__(
        self,
        templates: Environment,
        link_path: Callable[[PersonalLink], str],
        *,
        public_url: str,
        desk_url: str,
        desk: str,
    ) -> None:
        """Take what writes a link's path, where web and (for operators) desk are reached, and its mail address."""
        self._templates = templates
        self._link_path = link_path
        self._public_url = public_url.rstrip("/")
        self._desk_url = desk_url
        self._desk = desk

    async def write(self, session: DatabaseSession, request: SendMyicsMail) -> WrittenMail:
        """Write the mail from what our records hold now."""
        return await self.write_of(session, request, await session.get_one(MyicsRegistrationRow, request.case_no))

    async def write_of(
        self, session: DatabaseSession, request: SendMyicsMail, row: MyicsRegistrationRow
    ) -> WrittenMail:
        """Write the mail as if the registration's row were this one."""
        status = await status_of(session, request.case_no)
        assignee = status.assignee if status else None
        client = await session.get(MyicsClientRow, row.client_id) if row.client_id else None
        kind = RegistrationKind(row.kind)
        link = link_of(kind, row.registration_no, row.link_no, row.expires_on)
        body = self._templates.get_template(f"{request.kind}.md").render(
            CONSTANTS,
            registration=row,
            assignee=await operator_name(session, assignee),
            kind=kind,
            firm=await session.get_one(MyicsFirmRow, row.customer_no),
            client=client,
            holder_no=HolderNo(row.client_id or row.customer_no),
            account=await session.get(MyicsAccountRow, row.account_id) if row.account_id else None,
            url=f"{self._public_url}{self._link_path(link)}" if row.link_no else "",
            sign_in_url=f"{self._public_url}/myics/sign-in",
            turn=request.turn.with_names(await names_of_operators(session)) if request.turn else None,
            desk_page=self._desk_url + desk_case_path(request.case_no),
            forms=self._forms(request),
            others_handed_over=others_handed_over(self._desk_url, request.asked_as),
        )
        recipient = row.address_before if request.kind is MyicsMail.ADDRESS_LEFT else row.address
        if request.kind.for_operators:
            escalated = request.kind is MyicsMail.OPERATOR_ESCALATION
            recipient = await operator_address(session, assignee, escalated=escalated)
        return WrittenMail(recipient or self._desk, request.kind.subject, body)

    def _forms(self, request: SendMyicsMail) -> list[tuple[str, str]]:
        """Return what an operator can do, each with where its form is."""
        return [
            (label, self._desk_url + operation_path(request.case_no, None, operation))
            for operation, label in (request.turn.operations if request.turn else ())
        ]
