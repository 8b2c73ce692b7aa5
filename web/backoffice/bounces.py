"""Mails that have come back: taken from other systems (`POST /api/bounces`), and their cases asked to look."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field, ValidationError
from temporalio.client import Client
from temporalio.service import RPCError

from models.backoffice.notices import workflow_of
from models.common.actors import Actor, ActorKind, Channel
from models.common.api_keys import Scope
from models.common.bounces import MOST_BYTES
from models.common.message import FromOutside
from models.common.messages import MAIL_RETURNED
from models.common.refusals import FieldError, RefusedError, in_japanese
from models.common.store.bounces import BounceOutcome, Bounces, bounces_to_notify, mark_bounce_notified
from models.common.store.sessions import DatabaseSessions
from models.common.temporal_answers import is_unknown_workflow
from models.tables import NoticeRow
from web.common.auth import SharedLimit, client_address
from web.common.auth.api_keys import CallingSystem, needs
from web.common.context import Context, given
from web.common.http_methods import check_content_type
from web.common.problems import answers
from web.common.temporal_calls import temporal_call
from web.common.work_queue import process_batch

BOUNCES = "/api/bounces"
MOST_SENT = 2 * MOST_BYTES
"""Bytes of a request: JSON writes some characters with several."""
_RAW = "message/rfc822"
_TOO_OFTEN = "短い時間に、当てはまるメールのない送信が繰り返された。Retry-After の秒数だけ待つ"


class ReturnedMailSent(FromOutside):
    """A returned mail, where it is not sent as it is."""

    raw: str = Field(min_length=1, description="届かずに戻ったメールの全体（ヘッダーから）")


class BounceTaken(BaseModel):
    """What has become of it."""

    outcome: BounceOutcome = Field(
        description="stored: 当社のメールが届かなかったことを記録した。known: すでに記録してある。"
        "delayed: まだ届ける途中である。ignored: 当社のメールのことではないか、届かなかったという知らせではない"
    )


router = APIRouter(prefix="/api", tags=["bounces"])


@router.post(
    "/bounces",
    summary="届かずに戻ったメール（RFC 3464 など）",
    description="メールサーバーが受け取ったものを、そのまま送る。メールは Message-ID だけで見分ける。"
    "同じものを何度送っても、記録は一度だけ行う。",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                _RAW: {"schema": {"type": "string"}},
                "application/json": {"schema": ReturnedMailSent.model_json_schema()},
            },
        }
    },
    responses=answers(
        _413="本文が大きすぎる",
        _422="入力内容に誤りがある。項目ごとに日本語の理由が 1 つ付く",
        _429=_TOO_OFTEN,
        _503="記録先に届かない。もう一度送れば、二重に記録することはない",
    ),
)
@needs(Scope.REPORT)
async def take(
    request: Request, context: Context, system: CallingSystem, bounces: Annotated[Bounces, Depends(given(Bounces))]
) -> BounceTaken:
    outcome = await bounces.take(await _content(request), by=str(Actor(ActorKind.SYSTEM, system, channel=Channel.API)))
    if outcome is BounceOutcome.IGNORED:
        await context.auth.limit(SharedLimit.REFUSED_FROM, client_address(request))
    return BounceTaken(outcome=outcome)


async def _content(request: Request) -> bytes:
    """Return the mail as it came. Raises `RefusedError` for a body that holds none."""
    check_content_type(request, _RAW)
    body = await request.body()
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() == _RAW:
        if not body:
            raise RefusedError([FieldError(field="", message="届かずに戻ったメールの全体を送信してください。")])
        return body
    try:
        return ReturnedMailSent.model_validate_json(body).raw.encode("utf-8", "replace")
    except ValidationError as invalid:
        raise RefusedError(in_japanese(invalid.errors())) from None


class BounceNotifier:
    """Asks the procedure of each case to look, until Temporal has taken it; one that does not run has nobody to."""

    def __init__(self, sessions: DatabaseSessions, client: Client, now: Callable[[], datetime]) -> None:
        self._sessions = sessions
        self._client = client
        self._now = now

    async def notify_all(self) -> None:
        """Ask what waits, the oldest first; leave the rest for later if Temporal is away."""
        await process_batch(await bounces_to_notify(self._sessions), self._notify, "returned mails")

    async def _notify(self, notice: NoticeRow) -> None:
        """Raises `UnreachableError`."""
        for case_no in notice.all_cases:
            await self._ask_to_look(workflow_of(case_no, notice.part, notice.kind))
        await mark_bounce_notified(self._sessions, notice.key, self._now())

    async def _ask_to_look(self, workflow_id: str) -> None:
        async with temporal_call():
            try:
                await self._client.get_workflow_handle(workflow_id).signal(MAIL_RETURNED)
            except RPCError as error:
                if not is_unknown_workflow(error):
                    raise
