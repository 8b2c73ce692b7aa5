"""What the firm's administrators do with users: of their own staff and of their clients (M4, M5, M7, M8)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import func, select, update

from models.common.calendar import utc_now
from models.common.journal import EndedKind
from models.common.store.audit import audit
from models.common.store.journalling import journal_end
from models.common.store.sessions import DatabaseSession, DatabaseSessions
from models.myics.accounts import AccountKind, AccountState
from models.myics.forms import CorrectionForm, NameForm, UserForm
from models.myics.identifiers import HolderNo, RegistrationNo
from models.myics.mails import MyicsMail
from models.myics.registrations import RegistrationKind, RegistrationStage
from models.myics.store.permissions import NotPossibleError, may_manage
from models.myics.store.requests import (
    Requester,
    administrators,
    change_address,
    end_sessions,
    invite_user,
    request_new_address,
)
from models.myics.store.sign_in import Member
from models.tables import MyicsAccountRow, MyicsFirmRow, MyicsRegistrationRow, NoticeRow

LAST_ADMINISTRATOR = (
    "この方は事務所の最後の管理者です。先に別の管理者を登録するか、別のユーザーを管理者に変更してください。"
)


_INVITED = {AccountState.INVITED, AccountState.PROVISIONAL}
_ENDED = "このユーザーの登録は、すでに終了しています。"


class UserLoss(StrEnum):
    """What takes something away from a user: whoever does it is asked before, and reads what stops."""

    STOP = "stop"
    WITHDRAW = "withdraw"
    GENERAL = "general"


@dataclass(frozen=True)
class ListedUser:
    """One line of the list of users: whoever was added, registered or not."""

    account_id: int
    registration_no: RegistrationNo
    address: str
    name: str
    kind: AccountKind
    state: AccountState
    expires_on: date | None
    """Until when an invitation can be used."""
    new_address: str | None = None
    """What the address is to be once its reader has confirmed it."""

    undelivered: bool = False
    """Whether the last mail of the invitation was refused, or has come back."""

    @property
    def invited(self) -> bool:
        """Whether the user has not registered yet, and still can."""
        return self.state in _INVITED


@dataclass(frozen=True)
class Users:
    """Every change is made by an administrator of the firm, and is in the audit trail of the user's registration."""

    sessions: DatabaseSessions
    wake: Callable[[], None]
    """Called after each change: wakes the job that notifies the procedures."""
    now: Callable[[], datetime] = utc_now

    async def listed(self, manager: Member, holder: HolderNo) -> list[ListedUser]:
        """Return the users of the firm or of one of its clients. Raises `NotPossibleError`."""
        async with self.sessions() as session:
            await may_manage(session, manager, holder)
            rows = await session.execute(
                select(MyicsAccountRow, MyicsRegistrationRow.expires_on)
                .join(MyicsRegistrationRow, MyicsRegistrationRow.registration_no == MyicsAccountRow.registration_no)
                .where(MyicsAccountRow.holder_no == holder)
                .order_by(MyicsAccountRow.ended_at.is_not(None), MyicsAccountRow.account_id)
            )
            accounts = rows.all()
            changing, undelivered = await _changing(session, holder), await _undelivered(session, holder)
            return [
                _listed(
                    account,
                    expires_on,
                    new_address=changing.get(account.account_id),
                    undelivered=account.registration_no in undelivered,
                )
                for account, expires_on in accounts
            ]

    async def one(self, manager: Member, account_id: int) -> ListedUser:
        """Return a user of the firm or of one of its clients whose account has not ended. Raises `NotPossibleError`."""
        async with self.sessions.begin() as session:
            account = await self._held(session, manager, account_id)
            return await _with_registration(session, account)

    async def add(self, manager: Member, holder: HolderNo, form: UserForm) -> RegistrationNo:
        """Add a user, who is listed at once and gets a mail (M4). Raises `NotPossibleError` and `RefusedError`."""
        async with self.sessions.begin() as session:
            await may_manage(session, manager, holder)
            number = await invite_user(session, holder, form, Requester(str(manager.actor), self.now()))
        self.wake()
        return number

    async def check_loss(self, manager: Member, account_id: int, loss: UserLoss) -> ListedUser:
        """Return the user whom it concerns. Raises `NotPossibleError` where doing it would."""
        async with self.sessions.begin() as session:
            account = await self._held(session, manager, account_id)
            await _CHECKS[loss](session, account)
            return await _with_registration(session, account)

    async def correct_address(self, manager: Member, account_id: int, form: CorrectionForm) -> ListedUser:
        """Correct a user's address: at once before the user has registered, else once its reader has confirmed it.

        Returns the user as before. Raises `NotPossibleError`, and `RefusedError` for an address that has an account
        with the firm or client already (M8).
        """
        async with self.sessions.begin() as session:
            account = await self._held(session, manager, account_id, with_registration=True)
            user = await _with_registration(session, account)
            if user.invited:
                await self._correct_invitation(session, manager, account, form)
            else:
                requester = Requester(str(manager.actor), self.now())
                await request_new_address(session, account, form.address, requester)
        self.wake()
        return user

    async def _correct_invitation(
        self, session: DatabaseSession, manager: Member, account: MyicsAccountRow, form: CorrectionForm
    ) -> None:
        """Have another link mailed to the address; the one that went out before ends."""
        row = await session.get_one(MyicsRegistrationRow, account.registration_no)
        before = account.address
        await change_address(session, row, account, form.address, self.now())
        row.corrections += 1
        self._audit(session, manager, account, "メールアドレスを訂正した", before=before)

    async def correct_name(self, manager: Member, account_id: int, form: NameForm) -> None:
        """Correct how a user is called. Raises `NotPossibleError`."""
        async with self.sessions.begin() as session:
            account = await self._held(session, manager, account_id)
            row = MyicsRegistrationRow
            its_own = (row.registration_no == account.registration_no) | (row.account_id == account_id)
            await session.execute(update(row).where(its_own).values(name=form.name))
            account.name = form.name
            self._audit(session, manager, account, "使用者の名前を訂正した")

    async def change_kind(self, manager: Member, account_id: int, kind: AccountKind) -> None:
        """Make a user 一般 or 管理者. Raises `NotPossibleError`, also for the last administrator."""
        async with self.sessions.begin() as session:
            account = await self._held(session, manager, account_id)
            if account.kind == kind:
                return
            if kind is not AccountKind.ADMINISTRATOR:
                await _may_become_general(session, account)
            account.kind = kind
            self._audit(session, manager, account, f"ユーザー種別を{kind}に変更した")

    async def stop(self, manager: Member, account_id: int) -> None:
        """Let a registered user no longer log in; no session comes back with a restart.

        Raises `NotPossibleError`, also for the last administrator.
        """
        async with self.sessions.begin() as session:
            account = await self._held(session, manager, account_id)
            if account.state == AccountState.STOPPED:
                return
            await _may_be_stopped(session, account)
            await journal_end(session, EndedKind.ACCOUNT, str(account_id), at=self.now())
            account.state = AccountState.STOPPED
            await end_sessions(session, account)
            self._audit(session, manager, account, "アカウントを停止した")

    async def restart(self, manager: Member, account_id: int) -> None:
        """Let a stopped user log in again. Raises `NotPossibleError`."""
        async with self.sessions.begin() as session:
            account = await self._held(session, manager, account_id)
            if account.state == AccountState.REGISTERED:
                return
            if account.state != AccountState.STOPPED:
                raise NotPossibleError("停止されているユーザーではありません。")
            account.state = AccountState.REGISTERED
            self._audit(session, manager, account, "アカウントの停止を解いた")

    async def open_invitation(self, manager: Member, account_id: int) -> RegistrationNo:
        """Return the registration of a user who has not registered. Raises `NotPossibleError`."""
        async with self.sessions.begin() as session:
            account = await self._held(session, manager, account_id)
            await _is_invited(session, account)
            return RegistrationNo(account.registration_no)

    @staticmethod
    async def _held(
        session: DatabaseSession, manager: Member, account_id: int, *, with_registration: bool = False
    ) -> MyicsAccountRow:
        """Return the account, held; the firm is held before, so that two changes of administrators are in line.

        `with_registration`: its registration is held, too, and before it, as by whoever has its link.
        """
        account = await session.get(MyicsAccountRow, account_id)
        if account is None or account.customer_no != manager.holder_no.firm:
            raise NotPossibleError("そのユーザーは見つかりません。一覧を開き直してください。")
        await session.get_one(MyicsFirmRow, account.customer_no, with_for_update=True)
        await may_manage(session, manager, HolderNo(account.holder_no))
        if with_registration:
            await session.get_one(MyicsRegistrationRow, account.registration_no, with_for_update=True)
        await session.refresh(account, with_for_update=True)
        if account.ended_at:
            raise NotPossibleError(_ENDED)
        return account

    def _audit(
        self, session: DatabaseSession, manager: Member, account: MyicsAccountRow, action: str, **facts: Any
    ) -> None:
        facts |= {"by_account": manager.account_id}
        audit(session, account.registration_no, action, by=str(manager.actor), at=self.now(), rule="M4", **facts)


async def _may_be_stopped(session: DatabaseSession, account: MyicsAccountRow) -> None:
    if account.state not in {AccountState.REGISTERED, AccountState.STOPPED}:
        raise NotPossibleError("登録が完了していないユーザーは停止できません。招待を取り下げてください。")
    await _may_become_general(session, account)


async def _is_invited(_: DatabaseSession, account: MyicsAccountRow) -> None:
    if account.state not in _INVITED:
        raise NotPossibleError(_ENDED)


async def _may_become_general(session: DatabaseSession, account: MyicsAccountRow) -> None:
    """Keep at least one administrator of the firm who can log in; clients are managed by the firm (M4, M7)."""
    if account.client_id or account.kind != AccountKind.ADMINISTRATOR or account.state != AccountState.REGISTERED:
        return
    others = select(func.count()).select_from(
        administrators(account.customer_no).where(MyicsAccountRow.account_id != account.account_id).subquery()
    )
    if not await session.scalar(others):
        raise NotPossibleError(LAST_ADMINISTRATOR)


_CHECKS = {
    UserLoss.STOP: _may_be_stopped,
    UserLoss.WITHDRAW: _is_invited,
    UserLoss.GENERAL: _may_become_general,
}


async def _changing(session: DatabaseSession, holder: HolderNo) -> dict[int, str]:
    """Return the addresses that wait for their readers, by the accounts that they are to be of."""
    row, account = MyicsRegistrationRow, MyicsAccountRow
    waiting = await session.execute(
        select(row.account_id, row.address)
        .join(account, account.account_id == row.account_id)
        .where(
            account.holder_no == holder,
            row.kind == RegistrationKind.ADDRESS,
            row.stage == RegistrationStage.CONFIRMING,
            row.closed_at.is_(None),
        )
    )
    return {account_id: address for account_id, address in waiting if account_id and address}


async def _undelivered(session: DatabaseSession, holder: HolderNo) -> set[str]:
    """Return the registrations that are open and whose last mail did not arrive."""
    account, mail = MyicsAccountRow, NoticeRow
    mails = await session.execute(
        select(mail.case_no, mail.refused_because.is_not(None) | mail.bounced_at.is_not(None))
        .join(account, account.registration_no == mail.case_no)
        .where(
            account.holder_no == holder,
            account.state.in_(_INVITED),
            mail.kind.not_in([kind for kind in MyicsMail if kind.for_operators]),
        )
        .order_by(mail.created_at)
    )
    last = {number: failed for number, failed in mails}  # noqa: C416 typed rows
    return {number for number, failed in last.items() if failed and number}


async def _with_registration(session: DatabaseSession, account: MyicsAccountRow) -> ListedUser:
    registration = await session.get_one(MyicsRegistrationRow, account.registration_no)
    return _listed(account, registration.expires_on)


def _listed(
    account: MyicsAccountRow, expires_on: date, *, new_address: str | None = None, undelivered: bool = False
) -> ListedUser:
    state = AccountState(account.state)
    return ListedUser(
        account_id=account.account_id,
        registration_no=RegistrationNo(account.registration_no),
        address=account.address,
        name=account.name,
        kind=AccountKind(account.kind),
        state=state,
        expires_on=expires_on if state in _INVITED else None,
        new_address=new_address,
        undelivered=undelivered and state in _INVITED,
    )
