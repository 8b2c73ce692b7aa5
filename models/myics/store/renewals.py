"""A forgotten password: anybody can have a link mailed to the account, whose reader sets a new one (M6, M8)."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from models.common.calendar import utc_now
from models.common.identifiers import MailAddress
from models.common.message import FromOutside
from models.common.password_hashing import Hashing
from models.common.personal_links import PersonalLink, read_link
from models.common.refusals import FieldError, RefusedError
from models.common.secret_keys import SecretKeys
from models.common.store.audit import audit
from models.common.store.sessions import DatabaseSession, DatabaseSessions
from models.myics.accounts import AccountState
from models.myics.identifiers import HolderNo
from models.myics.passwords import MYICS_PASSWORD
from models.myics.personal_links import MyicsLinkKind
from models.myics.registrations import RegistrationOutcome, RegistrationStage, registrant
from models.myics.store.registrants import FORGED, SUPERSEDED, LinkRefusedError
from models.myics.store.requests import (
    change_stage,
    end_sessions,
    registered_account,
    request_new_password,
)
from models.myics.store.sign_in import STOPPED
from models.tables import MyicsAccountRow, MyicsRegistrationRow

_AGAIN = "ログイン画面の「パスワードをお忘れの方」から、もう一度お申し込みください。"
_USED = f"この URL は、すでに使われています。新しいパスワードでログインしてください。ログインできないときは、{_AGAIN}"
_LATE = f"この URL の期限は過ぎました。{_AGAIN}"
_WITHDRAWN = "このお手続きは取り下げられたため、URL は使えません。{why}MYICS サポートへお問い合わせください。"


class RenewalForm(FromOutside):
    """Whose password was forgotten."""

    customer_no: HolderNo
    address: MailAddress


@dataclass(frozen=True)
class Renewal:
    """What the page behind a link shows."""

    holder_no: HolderNo
    name: str
    address: str


@dataclass(frozen=True)
class Renewals:
    """Each step holds the account, so that of two at once the second finds what the first has stored."""

    sessions: DatabaseSessions
    hashing: Hashing
    secret_keys: SecretKeys
    wake: Callable[[], None]
    """Called after each change: wakes the job that notifies the procedures."""
    now: Callable[[], datetime] = utc_now

    async def request_link(self, form: RenewalForm) -> None:
        """Have a link mailed if there is such an account, and it is not stopped. Nothing is returned.

        An account that is not registered yet has the link of its invitation. It takes as long as one hash, beside which
        nobody sees whether there was an account.
        """
        await self.hashing.verify(None, "")
        async with self.sessions.begin() as session:
            account = await session.scalar(registered_account(form.customer_no, form.address).with_for_update())
            if account:
                await request_new_password(session, account, self.now())
        self.wake()

    async def open(self, token: str) -> Renewal:
        """Return whose password the link sets. Raises `LinkRefusedError`."""
        async with self._consume(token) as (_, _, account):
            return Renewal(HolderNo(account.holder_no), account.name, account.address)

    async def set_password(self, token: str, password: str) -> HolderNo:
        """Set the new password: nobody stays logged in with the old one.

        Returns the number to log in with. Raises `LinkRefusedError` and `RefusedError`.
        """
        if reason := MYICS_PASSWORD.refusal(password):
            raise RefusedError([FieldError(field="password", message=reason)])
        await self.open(token)  # nothing is hashed for a link that cannot be used
        password_hash = await self.hashing.hash(password)
        async with self._consume(token) as (session, row, account):
            change_stage(row, RegistrationStage.RENEWED, self.now())
            account.password_hash = password_hash
            await end_sessions(session, account)
            for number in (row.registration_no, account.registration_no):
                audit(session, number, "パスワードを再設定した", by=registrant(number), at=row.changed_at)
        self.wake()
        return HolderNo(account.holder_no)

    @asynccontextmanager
    async def _consume(
        self, token: str
    ) -> AsyncIterator[tuple[DatabaseSession, MyicsRegistrationRow, MyicsAccountRow]]:
        """Check the link while the account, and then its row, are held: in the order of `request_new_password`."""
        link = read_link(self.secret_keys, MyicsLinkKind.NEW_PASSWORD, token)
        if link is None:
            raise LinkRefusedError(FORGED)
        async with self.sessions.begin() as session:
            account = await session.scalar(
                select(MyicsAccountRow)
                .join(MyicsRegistrationRow, MyicsRegistrationRow.account_id == MyicsAccountRow.account_id)
                .where(MyicsRegistrationRow.registration_no == link.procedure_id)
                .with_for_update(of=MyicsAccountRow)
            )
            if account is None:
                raise LinkRefusedError(FORGED)
            row = await session.get_one(MyicsRegistrationRow, link.procedure_id, with_for_update=True)
            if reason := _refusal(row, account, link, self.now()):
                raise LinkRefusedError(reason)
            yield session, row, account


def _refusal(row: MyicsRegistrationRow, account: MyicsAccountRow, link: PersonalLink, now: datetime) -> str | None:
    if row.stage == RegistrationStage.RENEWED:
        return _USED
    if row.stage == RegistrationStage.SUPERSEDED or link.occurrence != row.link_no:
        return SUPERSEDED
    if row.outcome == RegistrationOutcome.WITHDRAWN:
        return _WITHDRAWN.format(why=row.text_for_customer)
    if row.closed_at or not link.is_open(now):
        return _LATE
    return None if account.state == AccountState.REGISTERED else STOPPED
