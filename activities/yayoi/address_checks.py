"""Mailed codes: sent, and deleted at the end of their check (Y26)."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from jinja2 import Environment
from sqlalchemy import delete
from temporalio import activity

from activities.common.outbox import MailIdentity, Outbox, WrittenMail
from models.common.calendar import JST, utc_now
from models.common.messages import SentMail
from models.common.personal_links import PersonalLink, code_of
from models.common.secret_keys import SecretKeys
from models.common.store.ledger import Ledger, StepTransaction
from models.common.store.sessions import DatabaseSession, DatabaseSessions
from models.tables import AddressCheckRow, NoticeRow, YayoiIdRow
from models.yayoi.address_checks import (
    MOST_TRIES,
    PASSWORD_SET_SUBJECT,
    CheckProgress,
    CheckPurpose,
    CheckRef,
    CheckStep,
    ClosedCheck,
    CodeMail,
    SendCode,
    receipt_no,
)
from models.yayoi.deadlines import ADDRESS_CHECK_LASTS
from models.yayoi.personal_links import YayoiLinkKind


class AddressCheckActivities:
    """Sends codes and closes checks. Addresses are read here: no message holds one."""

    def __init__(
        self,
        sessions: DatabaseSessions,
        ledger: Ledger,
        outbox: Outbox,
        templates: Environment,
        *,
        secret_keys: SecretKeys,
        public_url: str,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._sessions = sessions
        self._ledger = ledger
        self._outbox = outbox
        self._secret_keys = secret_keys
        self._public_url = public_url.rstrip("/")
        self._now = now
        self._templates = templates

    @activity.defn
    async def look_at_check(self, check: CheckRef) -> CheckProgress:
        """Return what was done on the pages; of a check that was deleted, nothing was. Reads only."""
        async with self._sessions() as session:
            row = await session.get(AddressCheckRow, check.check_id)
        if row is None:
            return CheckProgress(code_no=0, finished=False)
        return CheckProgress(code_no=row.code_no, finished=row.finished_at is not None)

    @activity.defn
    async def send_code(self, code: SendCode) -> CodeMail:
        """Mail the code unless it was mailed before, no longer counts, or is for a Yayoi ID that does not exist."""
        async with self._sessions() as session:
            row = await session.get(AddressCheckRow, code.check_id)
            if row is None or not await self._counts(session, row, code.code_no):
                return CodeMail(sent=False)
        mail = MailIdentity(
            key=_key(code.check_id, code.code_no), kind=f"code_{row.purpose}", case_no=code.case_no, is_asked_for=True
        )
        await self._outbox.send(mail, partial(self._write_code, code=code))
        return CodeMail(sent=True)

    @activity.defn
    async def notify_of_new_password(self, step: CheckStep) -> SentMail:
        """Mail that the password was set, so that an owner who did not set it knows."""
        mail = MailIdentity(
            key=_key(step.check_id, "password-set"), kind="password_set", case_no=step.case_no, is_asked_for=True
        )
        return await self._outbox.send(mail, partial(self._write_password_set, step=step))

    @activity.defn
    async def close_check(self, step: CheckStep) -> ClosedCheck:
        """Close a check that was finished; delete one that was not, with the notices of its mails."""

        async def close(transaction: StepTransaction) -> ClosedCheck:
            session = transaction.session
            row = await session.get(AddressCheckRow, step.check_id, with_for_update=True)
            if row is None:
                return ClosedCheck(finished=False)
            if row.finished_at is None:
                await session.delete(row)
                await session.execute(delete(NoticeRow).where(NoticeRow.key.startswith(_key(step.check_id, ""))))
                return ClosedCheck(finished=False)
            row.closed_at = step.at
            row.family_name = row.given_name = row.password_hash = row.news_by_mail = None
            return ClosedCheck(finished=True)

        return await self._ledger.once(step, "close", ClosedCheck, close)

    async def _counts(self, session: DatabaseSession, row: AddressCheckRow, code_no: int) -> bool:
        if row.code_no != code_no or row.finished_at is not None or row.code_until <= self._now():
            return False
        # Whoever requests a code on the page sees the same page either way.
        return row.purpose == CheckPurpose.REGISTRATION or await session.scalar(YayoiIdRow.of(row.yayoi_id)) is not None

    async def _write_code(self, session: DatabaseSession, code: SendCode) -> WrittenMail:
        row = await session.get_one(AddressCheckRow, code.check_id)
        purpose = CheckPurpose(row.purpose)
        body = self._templates.get_template("code.md").render(
            row=row,
            registration=purpose is CheckPurpose.REGISTRATION,
            code=code_of(self._secret_keys, str(code.check_id), code.code_no),
            until=row.code_until.astimezone(JST),
            most_tries=MOST_TRIES,
            kept_hours=ADDRESS_CHECK_LASTS // timedelta(hours=1),
            receipt_no=receipt_no(code.check_id),
            link_url=self._link_url(row) if purpose is CheckPurpose.NEW_PASSWORD else self._own_address_url(row),
            link_until=row.ends_at.astimezone(JST),
        )
        return WrittenMail(row.yayoi_id, purpose.mail_subject, body)

    def _link_url(self, row: AddressCheckRow) -> str:
        """Return where a new password is set without the code: all mails of a check hold the same link."""
        link = PersonalLink(YayoiLinkKind.NEW_PASSWORD, str(row.check_id), 1, row.ends_at)
        return f"{self._public_url}/password/{row.check_id}?link={link.token(self._secret_keys)}"

    def _own_address_url(self, row: AddressCheckRow) -> str:
        """Return where whoever reads this mail registers, however many registrations strangers have begun."""
        link = PersonalLink(YayoiLinkKind.OWN_ADDRESS, str(row.check_id), 1, row.ends_at)
        return f"{self._public_url}/register/{row.check_id}/mail?link={link.token(self._secret_keys)}"

    async def _write_password_set(self, session: DatabaseSession, step: CheckStep) -> WrittenMail:
        row = await session.get_one(AddressCheckRow, step.check_id)
        body = self._templates.get_template("password_set.md").render(
            at=step.at.astimezone(JST),
            password_url=f"{self._public_url}/password",
            receipt_no=receipt_no(step.check_id),
        )
        return WrittenMail(row.yayoi_id, PASSWORD_SET_SUBJECT, body)


def _key(check_id: UUID, mail: int | str) -> str:
    return f"address-check:{check_id}:{mail}"
