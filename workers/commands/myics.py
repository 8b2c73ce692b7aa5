"""`tetsuzuki myics invite`: operators send the first invitations, to one firm or to a file of firms (M1)."""

from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from rich.console import Console

from models.common.refusals import RefusedError
from models.myics.batches import BatchKind
from models.myics.forms import FirmForm, read
from models.myics.store.batches import Batches
from models.myics.store.requests import Requester, invite_firm
from workers import database
from workers.program import ClearError
from workers.settings import Settings

_BY = "担当者"


async def invite_file(settings: Settings, file: Path) -> None:
    """Take a CSV file of firms; the worker processes it, and the Web UI shows it.

    Raises:
        ClearError: the file cannot be read as a whole.

    """
    content = file.read_bytes()  # noqa: ASYNC240 nothing else runs in this program
    async with database.opened(settings) as sessions:
        try:
            number = await Batches(sessions, _nobody).take(None, BatchKind.FIRMS, content, uuid4())
        except RefusedError as refused:
            raise ClearError(_in_words(refused)) from None
    _say(f"{number} として受け付けました。進み具合は、Temporal の画面（myics/{number}）で確認できます。")


async def invite_one(settings: Settings, **typed: str) -> None:
    """Invite the representative of one firm.

    Raises:
        ClearError: something typed is wrong, or the firm is invited or registered already.

    """
    try:
        form = read(FirmForm, typed)
        async with database.opened(settings) as sessions, sessions.begin() as session:
            number = await invite_firm(session, form, Requester(_BY, datetime.now(UTC)))
    except RefusedError as refused:
        raise ClearError(_in_words(refused)) from None
    _say(f"{number} として受け付けました。招待メールを、まもなく送ります。")


def _nobody() -> None:
    """The web's own reconciler looks for what was stored."""


def _in_words(refused: RefusedError) -> str:
    headings = {field: heading for heading, field in BatchKind.FIRMS.columns.items()}
    return "　".join(f"{headings.get(each.field, 'ファイル')}：{each.message}" for each in refused.errors)


def _say(text: str) -> None:
    Console(stderr=True).print(text, highlight=False, markup=False, soft_wrap=True)
