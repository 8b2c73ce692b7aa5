"""What somebody with a personal link does: every use of a link is checked here (M1 to M3, M5, M8)."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from models.common.calendar import utc_now
from models.common.password_hashing import Hashing
from models.common.personal_links import PersonalLink, read_link
from models.common.refusals import FieldError, RefusedError
from models.common.secret_keys import SecretKeys
from models.common.store.audit import audit
from models.common.store.sessions import DatabaseSession, DatabaseSessions
from models.myics.accounts import AccountKind, AccountState
from models.myics.deadlines import MOST_CORRECTIONS, WRONG_KEYWORDS
from models.myics.forms import AUTHORITY_CONSENT, TERMS_CONSENT, AccountForm, ConfirmationForm, CorrectionForm, read
from models.myics.identifiers import HolderNo
from models.myics.passwords import MYICS_PASSWORD
from models.myics.personal_links import MyicsLinkKind
from models.myics.registrations import RegistrationKind, RegistrationOutcome, RegistrationStage, registrant
from models.myics.store.requests import change_address, change_stage, claim_address
from models.tables import MyicsAccountRow, MyicsClientRow, MyicsFirmRow, MyicsRegistrationRow

_LOCKED = (
    "入力の誤りが続いたため、安全のためロックしました。MYICS サポートへご連絡ください。ご本人を確認して解除します。"
)
FORGED = "この URL は正しくありません。メールに記載された URL が途中で切れていないかを確認し、もう一度開いてください。"
SUPERSEDED = "新しい URL をお送りしたため、この URL は使えなくなりました。いちばん新しいメールの URL を開いてください。"
_USED = "この URL は、すでに使われています。登録が完了している方は、ログインしてください。"
_TOO_OFTEN = (
    f"訂正は {MOST_CORRECTIONS} 回までです。正しいメールアドレスを MYICS サポートへお知らせください。"
    "確認のメールをお送りします。"
)
_WITHDRAWN = "この登録は取り下げられたため、URL は使えません。{why}ご不明な点は、MYICS サポートへお問い合わせください。"
_LATE = "この URL の期限は過ぎました。もう一度ご案内を受け取るには、メールに記載の窓口へご連絡ください。"


class LinkRefusedError(Exception):
    """The link cannot be used; the text says in Japanese why, and what to do instead."""


class RegistrantPage(StrEnum):
    """Which page the link leads to now."""

    TERMS = "terms"
    """M1 for representatives, the last one of M5 for users."""
    ACCOUNT = "account"
    """M2."""
    MAIL_SENT = "mail_sent"
    """After M2, by the same link: what comes next, and the address to be corrected, until it is confirmed."""
    CONFIRM = "confirm"
    """M3."""
    PASSWORD = "password"  # noqa: S105 the name of a page
    """M5."""


@dataclass(frozen=True)
class Opened:
    """What the page behind a link shows."""

    page: RegistrantPage
    kind: RegistrationKind
    holder_no: HolderNo
    holder_name: str
    """The firm's or the client's."""
    name: str
    address: str
    """The user account; of a representative before M2, where the invitation went."""


@dataclass(frozen=True)
class SignedUp:
    """The account that was registered: its owner may be signed in at once (M5)."""

    account_id: int


@dataclass(frozen=True)
class Registrants:
    """Each step checks the link and changes the registration's row, which it holds; its procedure is notified."""

    sessions: DatabaseSessions
    hashing: Hashing
    secret_keys: SecretKeys
    wake: Callable[[], None]
    """Called after each change: wakes the job that notifies the procedures."""
    now: Callable[[], datetime] = utc_now

    async def open(self, token: str) -> Opened:
        """Return what the link leads to. Raises `LinkRefusedError`."""
        async with self._consume(token) as (session, row, page):
            holder = (
                await session.get_one(MyicsClientRow, row.client_id)
                if row.client_id
                else await session.get_one(MyicsFirmRow, row.customer_no)
            )
            return Opened(
                page=page,
                kind=RegistrationKind(row.kind),
                holder_no=HolderNo(row.client_id or row.customer_no),
                holder_name=holder.name,
                name=row.name,
                address=row.address or "",
            )

    async def accept_terms(self, token: str, *, authority: bool, terms: bool) -> SignedUp | None:
        """Consent to both (M1, M5): a user is registered with it. Raises `LinkRefusedError` and `RefusedError`."""
        if errors := [*_unless(authority, "authority", AUTHORITY_CONSENT), *_unless(terms, "terms", TERMS_CONSENT)]:
            raise RefusedError(errors)
        async with self._consume(token) as (session, row, page):
            _only_on(RegistrantPage.TERMS, page)
            row.terms_at = self.now()
            _audit(session, row, "利用規約に同意した", row.terms_at)
            signed_up = await self._register(session, row) if row.kind == RegistrationKind.USER else None
        self.wake()
        return signed_up

    async def choose_account(self, token: str, form: AccountForm) -> None:
        """Choose user account and keyword (M2): the account is provisional, and a mail checks the address.

        Raises `LinkRefusedError`, and `RefusedError` if the address has an account already (M8).
        """
        await self._look(token, RegistrantPage.ACCOUNT)
        keyword_hash = await self.hashing.hash(form.keyword)
        async with self._consume(token) as (session, row, page):
            _only_on(RegistrantPage.ACCOUNT, page)
            row.address, row.keyword_hash = form.address, keyword_hash
            row.account_id = await claim_address(session, row, AccountKind.ADMINISTRATOR, AccountState.PROVISIONAL)
            row.account_link_no = row.link_no
            self._change(row, RegistrationStage.PROVISIONAL)
            _audit(session, row, "ユーザーアカウントとキーワードを設定した（仮登録）", row.changed_at)
        self.wake()

    async def correct_address(self, token: str, form: CorrectionForm) -> None:
        """Have the mail that checks the address sent to another one, or once more to the same (M2).

        The link that went out before ends. Raises `LinkRefusedError`, and `RefusedError` for one too many, or if the
        address has an account already (M8).
        """
        async with self._consume(token) as (session, row, page):
            _only_on(RegistrantPage.MAIL_SENT, page)
            if row.corrections >= MOST_CORRECTIONS:
                raise RefusedError([FieldError(field="address", message=_TOO_OFTEN)])
            account = await session.get_one(MyicsAccountRow, row.account_id, with_for_update=True)
            before = row.address
            await change_address(session, row, account, form.address, self.now())
            row.corrections += 1
            self._change(row, RegistrationStage(row.stage))
            _audit(session, row, "メールアドレスを訂正した", row.changed_at, before=before)
        self.wake()

    async def confirm(self, token: str, typed_keyword: str, password: str) -> SignedUp:
        """Type the keyword again and set the password (M3, M6): registered.

        Raises `LinkRefusedError`, also when this wrong keyword was one too many, and `RefusedError`.
        """
        keyword = read_keyword(typed_keyword)
        _refuse_unfit(password)
        refused: Exception | None = None
        async with self._consume(token) as (session, row, page):
            _only_on(RegistrantPage.CONFIRM, page)
            if await self.hashing.verify(row.keyword_hash, keyword):
                account = await session.get_one(MyicsAccountRow, row.account_id, with_for_update=True)
                account.password_hash = await self.hashing.hash(password)
                signed_up = await self._register(session, row)
            else:
                refused = self._count_wrong_keyword(session, row)
        self.wake()
        if refused:
            raise refused
        return signed_up

    async def set_password(self, token: str, password: str) -> None:
        """Set a user's password (M5, M6); the terms follow. Raises `LinkRefusedError` and `RefusedError`."""
        _refuse_unfit(password)
        await self._look(token, RegistrantPage.PASSWORD)
        password_hash = await self.hashing.hash(password)
        async with self._consume(token) as (session, row, page):
            _only_on(RegistrantPage.PASSWORD, page)
            account = await session.get_one(MyicsAccountRow, row.account_id, with_for_update=True)
            account.password_hash, account.state = password_hash, AccountState.PROVISIONAL
            self._change(row, RegistrationStage.PROVISIONAL)
            _audit(session, row, "パスワードを設定した（仮登録）", row.changed_at)
        self.wake()

    async def _look(self, token: str, wanted: RegistrantPage) -> None:
        """Refuse a link that does not lead to this page, before anything is hashed for it."""
        async with self._consume(token) as (_, _, page):
            _only_on(wanted, page)

    @asynccontextmanager
    async def _consume(self, token: str) -> AsyncIterator[tuple[DatabaseSession, MyicsRegistrationRow, RegistrantPage]]:
        """Check the link, and to which page it leads, while its registration is held.

        Of two at once the second finds what the first has stored.
        """
        link = read_link(self.secret_keys, MyicsLinkKind.REGISTRATION, token)
        if link is None:
            raise LinkRefusedError(FORGED)
        async with self.sessions.begin() as session:
            row = await session.get(MyicsRegistrationRow, link.procedure_id, with_for_update=True)
            if row is None:
                raise LinkRefusedError(FORGED)
            if reason := _refusal(row, link, self.now()):
                raise LinkRefusedError(reason)
            yield session, row, await _page(session, row, link)

    async def _register(self, session: DatabaseSession, row: MyicsRegistrationRow) -> SignedUp:
        account = await session.get_one(MyicsAccountRow, row.account_id, with_for_update=True)
        self._change(row, RegistrationStage.REGISTERED)
        account.state, account.registered_at = AccountState.REGISTERED, row.changed_at
        _audit(session, row, "ユーザー登録を完了した", row.changed_at)
        return SignedUp(account.account_id)

    def _count_wrong_keyword(self, session: DatabaseSession, row: MyicsRegistrationRow) -> Exception:
        row.wrong_keywords += 1
        left = WRONG_KEYWORDS - row.wrong_keywords
        if left > 0:
            reason = f"キーワードが違います。仮登録のときのものを入力してください（あと {left} 回でロックします）。"
            return RefusedError([FieldError(field="keyword", message=reason)])
        self._change(row, RegistrationStage(row.stage))
        row.locked_at = row.changed_at
        _audit(session, row, "キーワードの誤りが続いたため、ロックした", row.changed_at)
        return LinkRefusedError(_LOCKED)

    def _change(self, row: MyicsRegistrationRow, stage: RegistrationStage) -> None:
        change_stage(row, stage, self.now())


def read_account(address: str, typed_keyword: str) -> AccountForm:
    """Read what was typed for M2. Raises `RefusedError` with a reason per field."""
    return read(AccountForm, {"address": address, "keyword": typed_keyword})


def read_keyword(typed: str) -> str:
    """Return a keyword as it is compared (M3). Raises `RefusedError` for what is none: it costs no try."""
    return read(ConfirmationForm, {"keyword": typed}).keyword


def _refusal(row: MyicsRegistrationRow, link: PersonalLink, now: datetime) -> str | None:
    if row.outcome == RegistrationOutcome.WITHDRAWN:
        return _WITHDRAWN.format(why=row.text_for_customer)
    if row.outcome == RegistrationOutcome.EXPIRED:
        return _LATE
    if row.stage == RegistrationStage.REGISTERED:
        return _USED
    if link.occurrence not in {row.link_no, _correcting_link(row)}:
        return SUPERSEDED
    if not link.is_open(now):
        return _LATE
    return _LOCKED if row.locked_at else None


def _correcting_link(row: MyicsRegistrationRow) -> int | None:
    """Return the number of the link that still opens though the account was chosen by it: the address may be wrong."""
    return row.account_link_no if row.stage == RegistrationStage.PROVISIONAL else None


async def _page(session: DatabaseSession, row: MyicsRegistrationRow, link: PersonalLink) -> RegistrantPage:
    if row.kind == RegistrationKind.REPRESENTATIVE:
        if link.occurrence == _correcting_link(row):
            return RegistrantPage.MAIL_SENT
        if row.stage == RegistrationStage.PROVISIONAL:
            return RegistrantPage.CONFIRM
        return RegistrantPage.ACCOUNT if row.terms_at else RegistrantPage.TERMS
    account = await session.get_one(MyicsAccountRow, row.account_id)
    return RegistrantPage.TERMS if account.password_hash else RegistrantPage.PASSWORD


def _only_on(wanted: RegistrantPage, found: RegistrantPage) -> None:
    if wanted is not found:
        raise LinkRefusedError("お手続きの順番が違います。メールの URL をもう一度開き、その画面から続けてください。")


def _refuse_unfit(password: str) -> None:
    if reason := MYICS_PASSWORD.refusal(password):
        raise RefusedError([FieldError(field="password", message=reason)])


def _unless(checked: bool, field: str, consent: str) -> list[FieldError]:
    return [] if checked else [FieldError(field=field, message=f"「{consent}」にチェックを付けてください。")]


def _audit(session: DatabaseSession, row: MyicsRegistrationRow, action: str, at: datetime, **facts: Any) -> None:
    audit(session, row.registration_no, action, by=registrant(row.registration_no), at=at, **facts)
