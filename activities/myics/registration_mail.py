"""The mails of MYICS (M1, M2, M4, M8): written from templates, sent once, each in the audit trail."""

from functools import partial

from jinja2 import Environment
from temporalio import activity

from activities.common.operators import operator_address
from activities.common.outbox import MailIdentity, Outbox, WrittenMail, mail_audit
from models.common.desk_links import desk_case_path, operation_path
from models.common.identifiers import ledger_key
from models.common.messages import SentMail
from models.common.secret_keys import SecretKeys
from models.common.store.case_status import status_of
from models.common.store.operators import operator_name
from models.common.store.sessions import DatabaseSession
from models.myics.deadlines import KEYWORD_LENGTH
from models.myics.identifiers import HolderNo
from models.myics.mails import MyicsMail
from models.myics.passwords import MYICS_PASSWORD
from models.myics.personal_links import link_of, link_path
from models.myics.registrations import RegistrationKind, SendMyicsMail
from models.tables import (
    MyicsAccountRow,
    MyicsClientRow,
    MyicsFirmRow,
    MyicsRegistrationRow,
)

CONSTANTS = {
    "password_rule": MYICS_PASSWORD.text,
    "keyword_length": KEYWORD_LENGTH,
    "RegistrationKind": RegistrationKind,
}
"""What every template of MYICS may state beside its facts."""


class RegistrationMailActivities:
    """Sends one mail per registration, kind and occurrence. Its link is computed, never kept."""

    def __init__(
        self,
        outbox: Outbox,
        templates: Environment,
        *,
        secret_keys: SecretKeys,
        public_url: str,
        desk_url: str,
        desk: str,
    ) -> None:
        """Take how links are signed, where the web and (for operators) the desk is reached, and its mail address."""
        self._outbox = outbox
        self._secret_keys = secret_keys
        self._public_url = public_url.rstrip("/")
        self._desk_url = desk_url
        self._desk = desk
        self._templates = templates

    @activity.defn
    async def send_myics_mail(self, request: SendMyicsMail) -> SentMail:
        """Send the mail unless it was sent before."""
        step = f"mail.{request.kind}.{request.counted}"
        mail = MailIdentity(key=ledger_key(request.case_no, None, step), kind=request.kind, case_no=request.case_no)
        audited = partial(mail_audit, at=request.at)
        return await self._outbox.send(mail, partial(self._write, request=request), audited=audited)

    async def _write(self, session: DatabaseSession, request: SendMyicsMail) -> WrittenMail:
        row = await session.get_one(MyicsRegistrationRow, request.case_no)
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
            url=f"{self._public_url}{link_path(self._secret_keys, link)}" if row.link_no else "",
            sign_in_url=f"{self._public_url}/myics/sign-in",
            turn=request.turn,
            desk_page=self._desk_url + desk_case_path(request.case_no),
            forms=self._forms(request),
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
