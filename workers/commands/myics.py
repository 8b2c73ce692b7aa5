"""`tetsuzuki myics …`: operators invite firms, one or a file of them (M1), and correct an account's address (M8)."""

import asyncio
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from rich.console import Console

from models.common.actors import Actor
from models.common.refusals import RefusedError
from models.myics.batches import BatchKind
from models.myics.forms import CorrectionForm, FirmForm, read
from models.myics.identifiers import BatchNo
from models.myics.store.batches import Batches, BatchStatus
from models.myics.store.renewals import RenewalForm
from models.myics.store.requests import Requester, invite_firm, registered_account, request_new_address
from workers import database
from workers.program import ClearError
from workers.settings import Settings

_WITHIN = timedelta(minutes=10)
"""How long a file is waited for; one that takes longer, or that no worker takes, goes on without the command."""
_LOOK_EVERY = timedelta(seconds=0.5)


async def invite_file(settings: Settings, file: Path, by: Actor) -> int:
    """Take a CSV file of firms, wait until every row is done, and print those that were refused; 1 if any was.

    Raises:
        ClearError: the file cannot be read as a whole, or takes longer than the command waits.

    """
    content = file.read_bytes()  # noqa: ASYNC240 nothing else runs in this program
    async with database.opened(settings) as sessions:
        batches = Batches(sessions, _nobody)
        try:
            number = await batches.take(by, BatchKind.FIRMS, content, uuid4())
        except RefusedError as refused:
            raise ClearError(_in_words(refused)) from None
        _say(f"{number} として受け付けました。終わるまで待ちます。待つのをやめても（Ctrl-C）、招待は続きます。")
        status = await _finished(batches, number)
        refused_rows = await batches.refused(None, number)
    sys.stdout.write("".join(f"{row.line} 行目\t{row.reason}\n" for row in refused_rows))
    _say(f"招待 {status.done - status.refused} 件、登録できなかった行 {status.refused} 件")
    return 1 if status.refused else 0


async def _finished(batches: Batches, number: BatchNo) -> BatchStatus:
    waited = timedelta()
    while not (status := await batches.status(None, number)).finished:
        if waited >= _WITHIN:
            raise ClearError(
                f"{number} は {_WITHIN.seconds // 60} 分以内に終わらず、続いています"
                f"（{status.done} / {status.rows} 行）。"
                "web とワーカーが動いていることを確認してください。"
                f"登録できなかった行は、Temporal の画面（myics/{number}）でも確認できます。"
            )
        await asyncio.sleep(_LOOK_EVERY.total_seconds())
        waited += _LOOK_EVERY
    return status


async def invite_one(settings: Settings, by: Actor, **typed: str) -> None:
    """Invite the representative of one firm.

    Raises:
        ClearError: something typed is wrong, or the firm is invited or registered already.

    """
    try:
        form = read(FirmForm, typed)
        async with database.opened(settings) as sessions, sessions.begin() as session:
            number = await invite_firm(session, form, Requester(str(by), datetime.now(UTC)))
    except RefusedError as refused:
        raise ClearError(_in_words(refused)) from None
    _say(f"{number} として受け付けました。招待メールを、まもなく送ります。")


async def change_address(
    settings: Settings, number: str, address: str, new_address: str, *, by: str, reason: str
) -> None:
    """Have another address confirmed by its reader for an account that is registered.

    Raises:
        ClearError: something typed is wrong, there is no such account, or the address has one already.

    """
    try:
        typed = read(RenewalForm, {"customer_no": number, "address": address})
        wanted = read(CorrectionForm, {"address": new_address}).address
        async with database.opened(settings) as sessions, sessions.begin() as session:
            account = await session.scalar(registered_account(typed.customer_no, typed.address).with_for_update())
            if account is None:
                raise ClearError("登録済みのユーザーが見つかりません。番号とユーザーアカウントを確認してください。")
            await request_new_address(session, account, wanted, Requester(by, datetime.now(UTC), reason=reason))
    except RefusedError as refused:
        raise ClearError("　".join(each.message for each in refused.errors)) from None
    _say("受け付けました。新しいアドレスに、確認のメールをまもなく送ります。")


def _nobody() -> None:
    """The web's own reconciler looks for what was stored."""


def _in_words(refused: RefusedError) -> str:
    headings = {field: heading for heading, field in BatchKind.FIRMS.columns.items()}
    return "　".join(f"{headings.get(each.field, 'ファイル')}：{each.message}" for each in refused.errors)


def _say(text: str) -> None:
    Console(stderr=True).print(text, highlight=False, markup=False, soft_wrap=True)
