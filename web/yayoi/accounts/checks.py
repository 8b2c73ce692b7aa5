"""Mailed codes as pages use them: begun, typed in, sent again (Y26)."""

import hashlib
import hmac
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from models.common.identifiers import fold
from models.common.personal_links import CODE_DIGITS, code_of
from models.tables import AddressCheckRow, YayoiIdRow
from models.yayoi.address_checks import MOST_CODES, MOST_TRIES, AddressCheck, CheckNews, CheckPurpose
from models.yayoi.deadlines import ADDRESS_CHECK_LASTS, CODE_VALID
from models.yayoi.identifiers import YayoiId
from web.common.workflow_notifier import Notification
from workflows.yayoi import search_attributes
from workflows.yayoi.address_check import ROW_CHANGED
from workflows.yayoi.address_check_details import static_details, summary
from workflows.yayoi.password_setting import PasswordSetting
from workflows.yayoi.yayoi_id_registration import YayoiIdRegistration

ONE_CLICK = timedelta(seconds=20)
"""Asked for again within this time, it is a double click, and the code that is on its way is meant."""

NO_DIGITS = f"確認コードは {CODE_DIGITS} 桁の数字です。メールに書かれたとおりに入力してください。"
CODE_EXPIRED = "この確認コードの有効期限が切れています。「確認コードをもう一度送る」を押してください。"
TRIES_USED = "入力できる回数を超えたため、この確認コードは使えません。「確認コードをもう一度送る」を押してください。"
WRONG_CODE = (
    "確認コードが違います。いちばん新しいメールに書かれた確認コードを入力してください（あと {left} 回入力できます）。"
)
CODES_USED = "確認コードを送信できる回数を超えました。お手数ですが、最初からやり直してください。"

_SIX_DIGITS = re.compile(rf"[0-9]{{{CODE_DIGITS}}}")
_WORKFLOWS: dict[CheckPurpose, Callable[..., Any]] = {
    CheckPurpose.REGISTRATION: YayoiIdRegistration.run,
    CheckPurpose.NEW_PASSWORD: PasswordSetting.run,
}

Effect = Callable[[AsyncSession, AddressCheckRow], Awaitable[str | None]]
"""What the right code brings about, in its transaction; returns why it cannot, if it cannot."""


class NoCheckError(Exception):
    """There is no such check, or not any longer."""


@dataclass(frozen=True)
class Wanted:
    """A check to begin. What only a registration has is empty otherwise."""

    purpose: CheckPurpose
    yayoi_id: YayoiId
    family_name: str | None = None
    given_name: str | None = None
    password_hash: str | None = None
    news_by_mail: bool | None = None


class AddressChecks:
    """Keeps the rows of checks; their procedures are told afterwards."""

    def __init__(
        self,
        sessions: async_sessionmaker[AsyncSession],
        secret_key: str,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._sessions = sessions
        self._secret_key = secret_key
        self._now = now

    def id_of(self, submission_id: str, *content: str) -> UUID:
        """Return the id of what was sent: the same form sent twice is one check, a changed one is another."""
        text = "\n".join((submission_id, *content))
        return UUID(bytes=hmac.new(self._secret_key.encode(), text.encode(), hashlib.sha256).digest()[:16], version=4)

    async def begin(self, check_id: UUID, wanted: Wanted) -> None:
        """Store the check; one that is there already is the same one, sent twice."""
        now = self._now()
        values = vars(wanted) | {
            "check_id": check_id,
            "begun_at": now,
            "changed_at": now,
            "ends_at": now + ADDRESS_CHECK_LASTS,
            "code_until": now + CODE_VALID,
        }
        async with self._sessions.begin() as session:
            await session.execute(insert(AddressCheckRow).values(values).on_conflict_do_nothing())

    async def find(self, purpose: CheckPurpose, check_id: UUID) -> AddressCheckRow:
        """Return the check. Raises `NoCheckError`."""
        async with self._sessions() as session:
            return self._open(await session.get(AddressCheckRow, check_id), purpose)

    async def enter(self, purpose: CheckPurpose, check_id: UUID, typed: str, effect: Effect) -> str | None:
        """Compare what was typed with the code and, if it is right, do what it is for, in one transaction.

        Returns why it was refused. Raises `NoCheckError`.
        """
        code = fold(typed)
        if not _SIX_DIGITS.fullmatch(code):
            return NO_DIGITS
        async with self._sessions.begin() as session:
            row = self._open(await session.get(AddressCheckRow, check_id, with_for_update=True), purpose)
            now = self._now()
            if row.finished_at is not None:
                return None  # typed in twice
            if row.code_until <= now:
                return CODE_EXPIRED
            if row.tries >= MOST_TRIES:
                return TRIES_USED
            if not await self._is_right(session, row, code):
                row.tries += 1
                return WRONG_CODE.format(left=MOST_TRIES - row.tries) if row.tries < MOST_TRIES else TRIES_USED
            if refusal := await effect(session, row):
                return refusal
            row.finished_at = row.changed_at = now
            row.password_hash = None
        return None

    async def send_again(self, purpose: CheckPurpose, check_id: UUID) -> str | None:
        """Make another code the one that counts. Returns why not, if so. Raises `NoCheckError`."""
        async with self._sessions.begin() as session:
            row = self._open(await session.get(AddressCheckRow, check_id, with_for_update=True), purpose)
            now = self._now()
            if row.finished_at is not None or now - row.changed_at < ONE_CLICK:
                return None
            if row.code_no >= MOST_CODES:
                return CODES_USED
            row.code_no += 1
            row.tries = 0
            row.code_until = now + CODE_VALID
            row.changed_at = now
        return None

    async def forget(self) -> None:
        """Delete what its procedure should have deleted a day ago: somebody has terminated that by hand."""
        async with self._sessions.begin() as session:
            await session.execute(
                delete(AddressCheckRow).where(
                    AddressCheckRow.finished_at.is_(None), AddressCheckRow.ends_at < self._now() - ADDRESS_CHECK_LASTS
                )
            )

    def _open(self, row: AddressCheckRow | None, purpose: CheckPurpose) -> AddressCheckRow:
        if row is None or row.purpose != purpose or (row.finished_at is None and row.ends_at <= self._now()):
            raise NoCheckError
        return row

    async def _is_right(self, session: AsyncSession, row: AddressCheckRow, code: str) -> bool:
        """Whether it is the code. No code is right for setting the password of a Yayoi ID that does not exist."""
        known = (
            row.purpose == CheckPurpose.REGISTRATION or await session.scalar(YayoiIdRow.of(row.yayoi_id)) is not None
        )
        return hmac.compare_digest(code_of(self._secret_key, str(row.check_id), row.code_no), code) and known


def telling(row: AddressCheckRow) -> Notification:
    """Say how a check's procedure is started, and what it is told."""
    check = AddressCheck(check_id=row.check_id, purpose=CheckPurpose(row.purpose), ends_at=row.ends_at)
    return Notification(
        workflow=_WORKFLOWS[check.purpose],
        workflow_id=check.workflow_id,
        case=check,
        signal=ROW_CHANGED,
        change=CheckNews(code_no=row.code_no, finished=row.finished_at is not None),
        summary=summary(check),
        details=static_details(check),
        search_attributes=search_attributes.of_address_check(),
    )
