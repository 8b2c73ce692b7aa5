"""Mailed codes as pages use them: begun, typed in, sent again (Y26)."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert

from models.common.case_status import CaseStatus
from models.common.encryption import key_owner
from models.common.identifiers import fold
from models.common.personal_links import CODE_DIGITS, is_code
from models.common.refusals import FieldError, RefusedError
from models.common.secret_keys import SecretKeys
from models.common.store.case_keys import make_case_key
from models.common.store.case_status import begin_status, status_of, supersede_status
from models.common.store.sessions import DatabaseSession, DatabaseSessions
from models.common.waiting_for import WaitingFor
from models.tables import AddressCheckRow
from models.yayoi.address_checks import (
    MOST_CODES,
    MOST_TRIES,
    CheckOutcome,
    CheckPurpose,
    CheckStage,
    case_no,
    check_workflow_id,
)
from models.yayoi.deadlines import ADDRESS_CHECK_LASTS, CODE_VALID
from models.yayoi.identifiers import YayoiId
from models.yayoi.store.credentials import is_registered

ONE_CLICK = timedelta(seconds=20)
"""A request for another code within this time is a double click: the code that is on its way stays the one."""

NO_DIGITS = f"確認コードは {CODE_DIGITS} 桁の数字です。メールに書かれたとおりに入力してください。"
CODE_EXPIRED = "この確認コードの有効期限が切れています。「確認コードをもう一度送る」を押してください。"
TRIES_USED = "入力できる回数を超えたため、この確認コードは使えません。「確認コードをもう一度送る」を押してください。"
WRONG_CODE = (
    "確認コードが違います。いちばん新しいメールに書かれた確認コードを入力してください（あと {left} 回入力できます）。"
)
CODES_USED = "確認コードを送信できる回数を超えました。お手数ですが、最初からやり直してください。"

_SIX_DIGITS = re.compile(rf"[0-9]{{{CODE_DIGITS}}}")

Effect = Callable[[DatabaseSession, AddressCheckRow], Awaitable[str | None]]
"""What the right code brings about, in its transaction; returns why it cannot, if it cannot."""


def read_code(typed: str) -> str:
    """Return the digits that were typed (Y8). Raises `RefusedError` for what is no code: it costs no try."""
    code = fold(typed)
    if not _SIX_DIGITS.fullmatch(code):
        raise RefusedError([FieldError(field="code", message=NO_DIGITS)])
    return code


class NoCheckError(Exception):
    """There is no such check, or not any longer.

    `explanation`: what the customer is to read about why an operator has ended it, perhaps nothing; None: nobody has.
    """

    def __init__(self, explanation: str | None) -> None:
        super().__init__("no such check")
        self.explanation = explanation


@dataclass(frozen=True)
class NewCheck:
    """A check to begin. What only a registration has is empty otherwise."""

    purpose: CheckPurpose
    yayoi_id: YayoiId
    family_name: str | None = None
    given_name: str | None = None
    password_hash: str | None = None
    news_by_mail: bool | None = None


class AddressChecks:
    """Keeps the rows of checks. `wake` begins to notify the workflows of rows that have changed."""

    def __init__(
        self, sessions: DatabaseSessions, secret_keys: SecretKeys, wake: Callable[[], None], now: Callable[[], datetime]
    ) -> None:
        self._sessions = sessions
        self._secret_keys = secret_keys
        self._wake = wake
        self._now = now

    async def is_registered(self, yayoi_id: YayoiId) -> bool:
        """Whether there is nothing to register."""
        async with self._sessions() as session:
            return await is_registered(session, yayoi_id)

    async def begin(self, new: NewCheck, submission_id: str, content: str) -> UUID:
        """Store the check and return its id: the same form sent twice is one check, a changed one is another."""
        text = f"{submission_id}\n{content}"
        check_id = UUID(bytes=self._secret_keys.digest(text)[:16], version=4)
        now = self._now()
        values = vars(new) | {
            "check_id": check_id,
            "begun_at": now,
            "changed_at": now,
            "ends_at": now + ADDRESS_CHECK_LASTS,
            "code_until": now + CODE_VALID,
        }
        async with self._sessions.begin() as session:
            stored = insert(AddressCheckRow).values(values).on_conflict_do_nothing()
            if await session.scalar(stored.returning(AddressCheckRow.check_id)):
                first = CaseStatus.first(CheckStage.CODE, now, WaitingFor.APPLICANT)
                workflow_id = check_workflow_id(new.purpose, check_id)
                begin_status(session, workflow_id, case_no(check_id), None, first, procedure=new.purpose.workflow_type)
                await make_case_key(session, key_owner(workflow_id))
        self._wake()
        return check_id

    async def find(self, purpose: CheckPurpose, check_id: UUID) -> AddressCheckRow:
        """Return the check. Raises `NoCheckError`."""
        async with self._sessions() as session:
            return await self._open(session, purpose, check_id)

    async def enter(self, purpose: CheckPurpose, check_id: UUID, code: str, effect: Effect) -> str | None:
        """Compare what `read_code` has read with the code and, if it is right, do what it is for, in one transaction.

        Returns why it was refused. Raises `NoCheckError`.
        """
        async with self._sessions.begin() as session:
            row = await self._open(session, purpose, check_id, for_change=True)
            refusal = await self._enter(session, row, code, effect)
        if refusal is None:
            self._wake()
        return refusal

    async def finish(self, purpose: CheckPurpose, check_id: UUID, effect: Effect) -> str | None:
        """Do what the check is for, once, for whoever has shown otherwise that they read the mails of its address.

        Returns why it was refused. Raises `NoCheckError`.
        """
        async with self._sessions.begin() as session:
            row = await self._open(session, purpose, check_id, for_change=True)
            refusal = None if row.finished_at else await self._finish(session, row, effect)
        if refusal is None:
            self._wake()
        return refusal

    async def _enter(self, session: DatabaseSession, row: AddressCheckRow, code: str, effect: Effect) -> str | None:
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
        return await self._finish(session, row, effect)

    async def _finish(self, session: DatabaseSession, row: AddressCheckRow, effect: Effect) -> str | None:
        if refusal := await effect(session, row):
            return refusal
        row.finished_at = row.changed_at = self._now()
        row.password_hash = None
        return None

    async def send_again(self, purpose: CheckPurpose, check_id: UUID) -> bool:
        """Make another code the one that counts, and have it mailed; False: the one mailed just now still counts.

        One that is used up is always replaced (Y26). Raises `NoCheckError`, and `RefusedError` after the last code.
        """
        async with self._sessions.begin() as session:
            row = await self._open(session, purpose, check_id, for_change=True)
            now = self._now()
            if row.finished_at is not None or (now - row.changed_at < ONE_CLICK and row.tries < MOST_TRIES):
                return False
            if row.code_no >= MOST_CODES:
                raise RefusedError([FieldError(field="", message=CODES_USED)])
            row.code_no += 1
            row.tries = 0
            row.code_until = now + CODE_VALID
            row.changed_at = now
        self._wake()
        return True

    async def forget(self) -> None:
        """Delete what its procedure should have deleted a day ago: somebody has terminated that by hand."""
        now = self._now()
        left = delete(AddressCheckRow).where(
            AddressCheckRow.finished_at.is_(None), AddressCheckRow.ends_at < now - ADDRESS_CHECK_LASTS
        )
        async with self._sessions.begin() as session:
            for check_id in (await session.scalars(left.returning(AddressCheckRow.check_id))).all():
                await supersede_status(
                    session, case_no(check_id), None, now, stage=CheckStage.CLOSED, outcome=CheckOutcome.EXPIRED
                )

    async def _open(
        self, session: DatabaseSession, purpose: CheckPurpose, check_id: UUID, *, for_change: bool = False
    ) -> AddressCheckRow:
        row = await session.get(AddressCheckRow, check_id, with_for_update=for_change)
        if row is None or row.purpose != purpose or (row.finished_at is None and row.ends_at <= self._now()):
            raise NoCheckError(await _explanation(session, check_id))
        return row

    async def _is_right(self, session: DatabaseSession, row: AddressCheckRow, code: str) -> bool:
        """Whether it is the code. No code is right for setting the password of a Yayoi ID that does not exist."""
        known = row.purpose == CheckPurpose.REGISTRATION or await is_registered(session, row.yayoi_id)
        return is_code(self._secret_keys, str(row.check_id), row.code_no, code) and known


async def _explanation(session: DatabaseSession, check_id: UUID) -> str | None:
    status = await status_of(session, case_no(check_id))
    if status is None or status.outcome != CheckOutcome.CANCELLED:
        return None
    return "".join(status.points)
