"""Another address for an account that is registered: whoever reads it confirms it by the link in a mail (M8)."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from models.common.calendar import utc_now
from models.common.identifiers import MailAddress
from models.common.personal_links import PersonalLink, read_link
from models.common.refusals import FieldError, RefusedError
from models.common.secret_keys import SecretKeys
from models.common.store.audit import audit
from models.common.store.sessions import DatabaseSession, DatabaseSessions
from models.myics.identifiers import HolderNo
from models.myics.personal_links import MyicsLinkKind
from models.myics.registrations import RegistrationOutcome, RegistrationStage, registrant
from models.myics.store.registrants import FORGED, SUPERSEDED, LinkRefusedError
from models.myics.store.requests import take_new_address
from models.myics.store.sign_in import WRONG, SignIn, SignInRefusedError
from models.tables import MyicsAccountRow, MyicsRegistrationRow

_DONE = "この変更は、すでに完了しています。新しいユーザーアカウントでログインしてください。"
_WRONG_PASSWORD = "パスワードが違います。いまのユーザーアカウントでログインするときのパスワードを入力してください。"  # noqa: S105 a message
_LATE = "この URL の期限は過ぎました。変更が必要なときは、事務所の管理者の方に、もう一度依頼してください。"
_WITHDRAWN = "この変更は取り下げられたため、URL は使えません。ご不明な点は、事務所の管理者の方にお問い合わせください。"


@dataclass(frozen=True)
class NewAddress:
    """What the page behind a link shows."""

    holder_no: HolderNo
    name: str
    address: str


@dataclass(frozen=True)
class AddressChanges:
    """Each step holds the account, so that of two at once the second finds what the first has stored."""

    sessions: DatabaseSessions
    accounts: SignIn
    secret_keys: SecretKeys
    wake: Callable[[], None]
    """Called after each change: wakes the job that notifies the procedures."""
    now: Callable[[], datetime] = utc_now

    async def open(self, token: str) -> NewAddress:
        """Return which account the link gives another address. Raises `LinkRefusedError`."""
        async with self._consume(token) as (_, row, account):
            return NewAddress(HolderNo(account.holder_no), account.name, row.address or "")

    async def account_name(self, token: str) -> tuple[HolderNo, MailAddress]:
        """Return whose password the page behind the link asks for. Raises `LinkRefusedError`."""
        async with self._consume(token) as (_, _, account):
            return HolderNo(account.holder_no), MailAddress(account.address)

    async def confirm(self, token: str, password: str) -> HolderNo:
        """Make the address that of the account, and return the number to log in with.

        The password shows that it is the account's owner who reads there: the address may have been mistyped. Raises
        `LinkRefusedError`, and `RefusedError` for a wrong password, or if somebody else has got an account with the
        address meanwhile (M8).
        """
        await self._check_password(token, password)
        async with self._consume(token) as (session, row, account):
            at = self.now()
            await take_new_address(session, account, row, at)
            for number in (row.registration_no, account.registration_no):
                before = row.address_before
                audit(session, number, "ユーザーアカウントを変更した", by=registrant(number), at=at, before=before)
            holder = HolderNo(account.holder_no)
        self.wake()
        return holder

    async def _check_password(self, token: str, password: str) -> None:
        try:
            await self.accounts.sign_in(*await self.account_name(token), password)
        except SignInRefusedError as refused:
            await self.open(token)  # a double click may have changed the address just now
            message = _WRONG_PASSWORD if str(refused) == WRONG else str(refused)
            raise RefusedError([FieldError(field="password", message=message)]) from None

    @asynccontextmanager
    async def _consume(
        self, token: str
    ) -> AsyncIterator[tuple[DatabaseSession, MyicsRegistrationRow, MyicsAccountRow]]:
        """Check the link while the account, and then its row, are held: in the order of whoever requests a change."""
        link = read_link(self.secret_keys, MyicsLinkKind.NEW_ADDRESS, token)
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
            if reason := _refusal(row, link, self.now()):
                raise LinkRefusedError(reason)
            yield session, row, account


def _refusal(row: MyicsRegistrationRow, link: PersonalLink, now: datetime) -> str | None:
    if row.stage == RegistrationStage.CHANGED:
        return _DONE
    if row.stage == RegistrationStage.SUPERSEDED or link.occurrence != row.link_no:
        return SUPERSEDED
    if row.outcome == RegistrationOutcome.WITHDRAWN:
        return _WITHDRAWN
    return _LATE if row.closed_at or not link.is_open(now) else None
