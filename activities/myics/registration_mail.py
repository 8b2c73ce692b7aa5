"""The mails of MYICS (M1, M2, M4, M8): written from templates, sent once, each in the audit trail."""

from collections.abc import Callable
from functools import partial

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio import activity

from activities.common.ledger import SYSTEM
from activities.common.mail_templates import mail_templates
from activities.common.outbox import Letter, Outbox, WrittenMail
from models.common.identifiers import ledger_key
from models.common.messages import SentMail
from models.common.passwords import PasswordKind
from models.myics.deadlines import KEYWORD_LENGTH
from models.myics.mails import MyicsMail
from models.myics.personal_links import link_of, link_path
from models.myics.registrations import RegistrationKind, SendMyicsMail
from models.tables import (
    AuditRow,
    MyicsAccountRow,
    MyicsClientRow,
    MyicsFirmRow,
    MyicsRegistrationRow,
    NoticeRow,
    OperatorRow,
)

CONSTANTS = {
    "password_rule": PasswordKind.MYICS.rule,
    "keyword_length": KEYWORD_LENGTH,
    "RegistrationKind": RegistrationKind,
}
"""What every template of MYICS may state beside its facts."""


class RegistrationMailActivities:
    """Sends one mail per registration, kind and occurrence. Its link is computed, never kept."""

    def __init__(
        self, outbox: Outbox, *, secret_key: str, public_url: str, workflow_link: Callable[[str], str], desk: str
    ) -> None:
        """Take how links are signed, where the web and (for operators) a workflow is seen, and the desk's address."""
        self._outbox = outbox
        self._secret_key = secret_key
        self._public_url = public_url.rstrip("/")
        self._workflow_link = workflow_link
        self._desk = desk
        self._templates = mail_templates()

    @activity.defn
    async def send_myics_mail(self, request: SendMyicsMail) -> SentMail:
        """Send the mail unless it was sent before."""
        step = f"mail.{request.kind}.{request.counted}"
        letter = Letter(key=ledger_key(request.registration_no, None, step), kind=request.kind)
        return await self._outbox.send(letter, partial(self._write, request=request), also=partial(_audit, request))

    async def _write(self, session: AsyncSession, request: SendMyicsMail) -> WrittenMail:
        row = await session.get_one(MyicsRegistrationRow, request.registration_no)
        client = await session.get(MyicsClientRow, row.client_id) if row.client_id else None
        body = self._templates.get_template(f"{request.kind}.md").render(
            CONSTANTS,
            registration=row,
            kind=RegistrationKind(row.kind),
            firm=await session.get_one(MyicsFirmRow, row.customer_no),
            client=client,
            holder_no=row.client_id or row.customer_no,
            account=await session.get(MyicsAccountRow, row.account_id) if row.account_id else None,
            url=f"{self._public_url}{link_path(self._secret_key, link_of(row))}" if row.link_no else "",
            sign_in_url=f"{self._public_url}/myics/sign-in",
            workflow_url=self._workflow_link(request.workflow_id),
        )
        recipient = await self._operator(session, row, request) if request.kind.for_operators else row.address
        return WrittenMail(recipient or self._desk, request.kind.subject, body)

    @staticmethod
    async def _operator(session: AsyncSession, row: MyicsRegistrationRow, request: SendMyicsMail) -> str | None:
        who = (
            OperatorRow.supervisor
            if request.kind is MyicsMail.OPERATOR_ESCALATION
            else OperatorRow.name == row.assignee
        )
        return await session.scalar(select(OperatorRow.mail_address).where(who).order_by(OperatorRow.name).limit(1))


def _audit(request: SendMyicsMail, notice: NoticeRow) -> AuditRow:
    return AuditRow(
        happened_at=request.at,
        application_no=request.registration_no,
        action=f"メールを送信した：{notice.subject}",
        by=SYSTEM,
        facts={"message_id": notice.message_id},
    )
