"""Logging in by customer number, user account and password (M3); too many wrong ones lock the account (M8)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update

from models.common.calendar import utc_now
from models.common.identifiers import MailAddress
from models.common.password_hashing import Hashing
from models.common.store.sessions import DatabaseSessions
from models.myics.accounts import AccountKind, AccountState
from models.myics.deadlines import WRONG_PASSWORDS
from models.myics.identifiers import HolderNo
from models.myics.store.requests import request_unlocking
from models.tables import MyicsAccountRow

WRONG = (
    f"{HolderNo.label_of_both}、ユーザーアカウント、パスワードのいずれかが違います。入力内容を確認してください。"
    f"{WRONG_PASSWORDS} 回続けて間違えると、アカウントをロックします。"
)
LOCKED = "誤りが続いたため、このアカウントはロックされています。事務所の管理者の方か、MYICS サポートへご連絡ください。"
STOPPED = "このアカウントは停止されています。事務所の管理者の方へお問い合わせください。"


class SignInRefusedError(Exception):
    """Nobody is logged in; the text says why in Japanese, and does not show whether there is such an account."""


@dataclass(frozen=True)
class Member:
    """An account whose owner may log in."""

    account_id: int
    holder_no: HolderNo
    name: str
    kind: AccountKind

    @property
    def manages(self) -> bool:
        """Whether this member manages users and clients: administrators of the firm itself do (M4, M7)."""
        return self.kind is AccountKind.ADMINISTRATOR and self.holder_no.client is None


def read_account_name(holder_no: str, address: str) -> tuple[HolderNo, MailAddress]:
    """Return whose account was typed. Raises `SignInRefusedError` for what no account is called."""
    try:
        return HolderNo(holder_no), MailAddress(address)
    except ValueError:
        raise SignInRefusedError(WRONG) from None


@dataclass(frozen=True)
class SignIn:
    """Checks passwords and counts wrong ones."""

    sessions: DatabaseSessions
    hashing: Hashing
    wake: Callable[[], None]
    """Called after each change: wakes the job that notifies the procedures."""
    now: Callable[[], datetime] = utc_now

    async def sign_in(self, holder: HolderNo, address: MailAddress, password: str) -> Member:
        """Return the account. Raises `SignInRefusedError`, in the same time whether or not there is such an account."""
        row = await self._find(holder, address)
        if not await self.hashing.verify(row.password_hash if row else None, password):
            if row:
                await self._count_wrong(row.account_id)
            raise SignInRefusedError(WRONG)
        if row is None or row.state not in {AccountState.REGISTERED, AccountState.STOPPED}:
            raise SignInRefusedError(WRONG)
        async with self.sessions.begin() as session:
            account = await session.get_one(MyicsAccountRow, row.account_id, with_for_update=True)
            if account.locked_at:
                raise SignInRefusedError(LOCKED)
            if account.state != AccountState.REGISTERED:
                raise SignInRefusedError(STOPPED)
            if account.password_hash != row.password_hash:  # renewed meanwhile
                raise SignInRefusedError(WRONG)
            account.wrong_tries = 0
            return _member(account)

    async def member(self, account_id: int) -> Member | None:
        """Return an account that was logged in before, as it is now; None if its owner may no longer log in."""
        async with self.sessions() as session:
            account = await session.get(MyicsAccountRow, account_id)
        if account is None or account.state != AccountState.REGISTERED or account.locked_at:
            return None
        return _member(account)

    async def _find(self, holder: HolderNo, address: MailAddress) -> MyicsAccountRow | None:
        async with self.sessions() as session:
            return await session.scalar(
                select(MyicsAccountRow).where(
                    MyicsAccountRow.holder_no == holder,
                    MyicsAccountRow.address == address,
                    MyicsAccountRow.ended_at.is_(None),
                )
            )

    async def _count_wrong(self, account_id: int) -> None:
        async with self.sessions.begin() as session:
            row = await session.scalar(
                update(MyicsAccountRow)
                .where(
                    MyicsAccountRow.account_id == account_id,
                    MyicsAccountRow.locked_at.is_(None),
                    MyicsAccountRow.state == AccountState.REGISTERED,
                )
                .values(wrong_tries=MyicsAccountRow.wrong_tries + 1)
                .returning(MyicsAccountRow)
            )
            if row is not None and row.wrong_tries >= WRONG_PASSWORDS:
                row.locked_at = self.now()
                await request_unlocking(session, row, row.locked_at)
        self.wake()


def _member(account: MyicsAccountRow) -> Member:
    return Member(
        account_id=account.account_id,
        holder_no=HolderNo(account.holder_no),
        name=account.name,
        kind=AccountKind(account.kind),
    )
