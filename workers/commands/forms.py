"""`tetsuzuki forms …`: forms of a provider that could not be taken, for operators to correct or to discard."""

import re
import sys
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.exc import NoResultFound

from models.common.calendar import JST, BusinessCalendar, utc_now
from models.common.refusals import RefusedError
from models.common.store.sessions import DatabaseSessions
from models.tables import RefusedFormRow
from models.yayoi.holder_confirmation import TooManyUnconfirmedError
from models.yayoi.store.intake import Intake, OtherContentError
from models.yayoi.store.provider_forms import ProviderForms
from models.yayoi.store.refused_forms import RefusedForms, SettledError, Settlement
from workers import database
from workers.program import ClearError
from workers.settings import Settings
from workers.wiring.derived import form_translation
from workers.wiring.root import freezes_at_acceptance


async def show_all(settings: Settings) -> int:
    """List what waits, with the reasons; 1 if anything does."""
    async with database.opened(settings) as sessions, sessions() as session:
        rows = (
            await session.scalars(
                select(RefusedFormRow).where(RefusedFormRow.settled_at.is_(None)).order_by(RefusedFormRow.form_no)
            )
        ).all()
    for row in rows:
        received = f"{row.received_at.astimezone(JST):%Y-%m-%d %H:%M}"
        sys.stdout.write(f"番号 {row.form_no}　{received}　提供元の番号 {row.webhook_id}\n")
        sys.stdout.writelines(f"  {field or '全体'}：{message}\n" for field, message in row.errors.items())
    if not rows:
        sys.stdout.write("受け付けられないフォームはありません。\n")
    return 1 if rows else 0


async def show(settings: Settings, form_no: int) -> None:
    """Print what the provider sent, as it was sent."""
    async with database.opened(settings) as sessions, sessions() as session:
        row = await session.get(RefusedFormRow, form_no)
    if row is None:
        raise _no_such(form_no)
    if row.settled_at:
        raise _settled(form_no)
    sys.stdout.write(f"{row.body}\n")


async def retry(settings: Settings, form_no: int, changes: Sequence[str], by: str, reason: str) -> int:
    """Take the form once more, with values corrected (`path=value`); 1 and the reasons if it still cannot be taken."""
    corrected = dict(_change(change) for change in changes)
    async with database.opened(settings) as sessions:
        forms = _forms(settings, sessions)
        try:
            receipt = await forms.retry(form_no, corrected, Settlement(by, reason))
        except RefusedError as refused:
            for error in refused.errors:
                sys.stderr.write(f"{error.field or '全体'}: {error.message}\n")
            return 1
        except TooManyUnconfirmedError as refused:
            sys.stderr.write(f"{refused}\n")
            return 1
        except OtherContentError:
            sys.stderr.write("同じ番号の申し込みを、別の内容ですでに受け付けています。\n")
            return 1
        except (NoResultFound, SettledError) as error:
            raise _no_such(form_no) if isinstance(error, NoResultFound) else _settled(form_no) from None
        except ValueError:
            raise ClearError(
                f"--set の項目がフォームにありません。項目は tetsuzuki forms show {form_no} で確認できます。"
            ) from None
    sys.stdout.write(f"{receipt.application_no} として受け付けました。完了予定日は {receipt.due_date} です。\n")
    return 0


async def discard(settings: Settings, form_no: int, by: str, reason: str) -> None:
    """End a form without an application; what it said is deleted."""
    async with database.opened(settings) as sessions:
        try:
            await RefusedForms(sessions).discard(form_no, Settlement(by, reason), utc_now())
        except (NoResultFound, SettledError) as error:
            raise _no_such(form_no) if isinstance(error, NoResultFound) else _settled(form_no) from None
    sys.stdout.write("受け付けずに終了しました。\n")


def _forms(settings: Settings, sessions: DatabaseSessions) -> ProviderForms:
    intake = Intake(sessions, BusinessCalendar(settings.closing_days), freezes=freezes_at_acceptance(settings))
    return ProviderForms(sessions, intake, form_translation(settings))


def _change(text: str) -> tuple[str, str]:
    # A path may hold a sign of equality itself, within brackets.
    change = re.fullmatch(r"(?P<path>(?:[^=\[\]]|\[[^\]]*\])+)=(?P<value>.*)", text, re.DOTALL)
    if change is None:
        raise ClearError(f"--set の「{text}」は、項目、=、値の順に指定してください。")
    return change["path"], change["value"]


def _no_such(form_no: int) -> ClearError:
    return ClearError(f"{form_no} という番号のフォームはありません。")


def _settled(form_no: int) -> ClearError:
    return ClearError(f"フォーム {form_no} は、すでに処理が済んでいます。操作は不要です。")
