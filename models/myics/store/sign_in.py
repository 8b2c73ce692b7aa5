"""Logging in by customer number, user account and password (M3)."""

from dataclasses import dataclass

from sqlalchemy import select

from models.common.actors import Actor, ActorKind, Channel
from models.common.identifiers import MailAddress
from models.common.password_hashing import Hashing
from models.common.store.sessions import DatabaseSessions
from models.myics.accounts import AccountKind, AccountState
from models.myics.identifiers import HolderNo
from models.tables import MyicsAccountRow

WRONG = (
    f"{HolderNo.label_of_both}、ユーザーアカウント、パスワードのいずれかが違います。入力内容を確認してください。"
    "パスワードをお忘れのときは、「パスワードをお忘れの方」からお進みください。"
)
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
    def actor(self) -> Actor:
        """As whom records name what they do for their firm: no person stands there."""
        return Actor(ActorKind.FIRM, self.holder_no, channel=Channel.PAGE)

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
    """Checks passwords. How often somebody may try is counted by the pages (`web.common.auth.guesses`)."""

    sessions: DatabaseSessions
    hashing: Hashing

    async def sign_in(self, holder: HolderNo, address: MailAddress, password: str) -> Member:
        """Return the account. Raises `SignInRefusedError`, after the same work whether or not there is such an account.

        What it says beside `WRONG` is for whoever has typed the right password.
        """
        row = await self._find(holder, address)
        if not await self.hashing.verify(row.password_hash if row else None, password):
            raise SignInRefusedError(WRONG)
        if row is None or row.state not in {AccountState.REGISTERED, AccountState.STOPPED}:
            raise SignInRefusedError(WRONG)
        async with self.sessions() as session:
            account = await session.get_one(MyicsAccountRow, row.account_id)
        if account.state != AccountState.REGISTERED:
            raise SignInRefusedError(STOPPED)
        if account.password_hash != row.password_hash:  # renewed meanwhile
            raise SignInRefusedError(WRONG)
        return _member(account)

    async def member(self, account_id: int) -> Member | None:
        """Return an account that was logged in before, as it is now; None if its owner may no longer log in."""
        async with self.sessions() as session:
            account = await session.get(MyicsAccountRow, account_id)
        return _member(account) if account and account.state == AccountState.REGISTERED else None

    async def _find(self, holder: HolderNo, address: MailAddress) -> MyicsAccountRow | None:
        async with self.sessions() as session:
            return await session.scalar(
                select(MyicsAccountRow).where(
                    MyicsAccountRow.holder_no == holder,
                    MyicsAccountRow.address == address,
                    MyicsAccountRow.ended_at.is_(None),
                )
            )


def _member(account: MyicsAccountRow) -> Member:
    return Member(
        account_id=account.account_id,
        holder_no=HolderNo(account.holder_no),
        name=account.name,
        kind=AccountKind(account.kind),
    )
