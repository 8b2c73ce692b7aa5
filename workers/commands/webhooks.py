"""`tetsuzuki webhooks …`: who is notified of stage changes, and what could not be delivered."""

import sys
from collections.abc import Sequence
from contextlib import suppress

import httpx
from sqlalchemy import func, select

from activities.webhooks.http_post import Reach, reach
from models.common.actors import Actor
from models.common.calendar import JST, utc_now
from models.common.journal import EndedKind
from models.common.operator_message import ActionMessage
from models.common.store.case_status import supersede_status
from models.common.store.journalling import journal_end
from models.common.store.sessions import DatabaseSession, DatabaseSessions
from models.common.web_addresses import web_address
from models.tables import WebhookMessageRow, WebhookSubscriberRow
from models.webhooks.messages import WebhookKind, WebhookOperation, WebhookStage, webhook_workflow_id
from models.webhooks.secrets import checked_secret, new_secret
from web.common.operation_sender import AskedOperation, Done, Refused, Why
from workers import database, temporal
from workers.program import ClearError
from workers.settings import Settings
from workers.wiring.derived import webhooks_may_be_private
from workers.wiring.operations import operations_by_operators

_SECRETS_AT_ONCE = 2
REMOVED = "登録を削除した"


def subscriber_url(text: str, *, allow_private: bool) -> str:
    """Return the address in its one form. Raises `ClearError` for one that nothing could be posted to."""
    try:
        address = web_address(text)
        url = httpx.URL(address)
    except (ValueError, httpx.InvalidURL):
        raise ClearError(
            f"「{text}」には送信できません。https:// とホスト名で始まる URL を、"
            "利用者名やパスワードを入れずに指定してください。"
        ) from None
    if url.scheme != "https" and not allow_private:
        raise ClearError(
            "送信先の URL は https:// で始めてください"
            "（http:// は、社内のアドレスへの送信が許可されている場合だけ使えます）。"
        )
    with suppress(ValueError):  # a name: to which addresses it leads is known when something is posted
        where = reach(url.host)
        if where is Reach.NOBODY or (where is Reach.PRIVATE and not allow_private):
            raise ClearError(f"「{text}」のアドレスには、通知を送信できません。")
        if where is Reach.PUBLIC and url.scheme != "https":
            raise ClearError("インターネットのアドレスには、https:// でだけ送信できます。")
    if url.fragment:
        raise ClearError("送信先の URL から、# とその後ろを削除してください。")
    return address


async def add(settings: Settings, url: str, kinds: Sequence[WebhookKind], secret: str | None) -> None:
    """Add a subscriber; print its number and the secret that it is to check signatures with."""
    address = subscriber_url(url, allow_private=webhooks_may_be_private(settings))
    try:
        agreed = checked_secret(secret) if secret else new_secret()
    except ValueError:
        raise ClearError(
            "--secret には、whsec_ に続けて 24 から 64 バイトの値を base64 で指定してください。"
            "省略すると、新しく作ります。"
        ) from None
    row = WebhookSubscriberRow(url=address, secrets=[agreed], kinds=list(dict.fromkeys(kinds)))
    async with database.opened(settings) as sessions, sessions.begin() as session:
        session.add(row)
        await session.flush()
        number = row.subscriber_id
    sys.stdout.write(f"番号\t{number}\n秘密鍵\t{agreed}\n")


async def rotate(settings: Settings, number: int) -> None:
    """Give a subscriber a new secret; the one before still signs too, until the next time."""
    async with database.opened(settings) as sessions, sessions.begin() as session:
        row = await _subscriber(session, number)
        row.secrets = [new_secret(), *row.secrets][:_SECRETS_AT_ONCE]
        newest = row.secrets[0]
    sys.stdout.write(f"番号\t{number}\n秘密鍵\t{newest}\n")


async def remove(settings: Settings, number: int) -> None:
    """Send nothing more to a subscriber; messages that are being sent to it are stopped."""
    async with database.opened(settings) as sessions, sessions.begin() as session:
        row = await _subscriber(session, number)
        await journal_end(session, EndedKind.WEBHOOK_SUBSCRIBER, str(number))
        row.active, row.stopped_because, row.secrets = False, REMOVED, []


async def show(settings: Settings) -> None:
    """List the subscribers, and how many messages each has got, waits for and has missed."""
    async with database.opened(settings) as sessions, sessions() as session:
        subscribers = (
            await session.scalars(select(WebhookSubscriberRow).order_by(WebhookSubscriberRow.subscriber_id))
        ).all()
        message = WebhookMessageRow
        grouped = select(message.subscriber_id, message.stage, func.count()).group_by(
            message.subscriber_id, message.stage
        )
        counts = {(row[0], row[1]): row[2] for row in await session.execute(grouped)}
    for row in subscribers:
        state = "有効" if row.active else f"停止（{row.stopped_because}）"
        stages = (WebhookStage.DELIVERED, WebhookStage.SENDING, WebhookStage.DEAD)
        counted = "　".join(f"{stage} {counts.get((row.subscriber_id, stage), 0)}" for stage in stages)
        kinds = "、".join(row.kinds) or "すべて"
        sys.stdout.write(f"番号 {row.subscriber_id}　{row.url}\n  {state}　種類：{kinds}\n  {counted}\n")
    if not subscribers:
        sys.stdout.write("送信先はまだ登録されていません。\n")


async def dead(settings: Settings) -> int:
    """List what could not be delivered; 1 if there is any."""
    async with database.opened(settings) as sessions, sessions() as session:
        undelivered = (WebhookStage.DEAD, WebhookStage.UNDELIVERED)
        rows = (
            await session.scalars(
                select(WebhookMessageRow)
                .where(WebhookMessageRow.stage.in_(undelivered))
                .order_by(WebhookMessageRow.settled_at)
            )
        ).all()
    for row in rows:
        since = f"{row.settled_at.astimezone(JST):%Y-%m-%d %H:%M} から、" if row.settled_at else ""
        sys.stdout.write(
            f"{row.message_id}\n"
            f"  送信先 {row.subscriber_id}　{row.application_no}　{row.kind}\n"
            f"  {row.stage}（{since}{row.attempts} 回）　最後のエラー：{row.last_error}\n"
        )
    if not rows:
        sys.stdout.write("届かなかった通知はありません。\n")
    return 1 if rows else 0


async def resend(settings: Settings, message_id: str, actor: Actor, reason: str) -> None:
    """Send a message again that could not be delivered, whether its procedure still waits or has ended."""
    async with database.opened(settings) as sessions:
        async with sessions() as session:
            row = await session.get(WebhookMessageRow, message_id)
            active = row and (await session.get_one(WebhookSubscriberRow, row.subscriber_id)).active
        if row is None:
            raise ClearError(f"{message_id} という番号の通知はありません。")
        if row.stage == WebhookStage.DELIVERED:
            raise ClearError(f"{message_id} は、すでに届いています。")
        if not active:
            raise ClearError(
                f"送信先 {row.subscriber_id} への通知は停止しています。あらためて登録すると、その後の通知から届きます。"
            )
        if not await _resent(settings, sessions, message_id, AskedOperation(actor), ActionMessage(reason=reason)):
            async with sessions.begin() as session:
                ended = await session.get_one(WebhookMessageRow, message_id, with_for_update=True)
                # The web's reconciler starts it.
                ended.stage, ended.started_at, ended.settled_at = WebhookStage.SENDING, None, None
                await supersede_status(session, message_id, None, utc_now(), stage=WebhookStage.SENDING, outcome=None)
    sys.stdout.write("もう一度送信します。\n")


async def _resent(
    settings: Settings, sessions: DatabaseSessions, message_id: str, asked: AskedOperation, message: ActionMessage
) -> bool:
    """Update the procedure; False if it has ended."""
    async with temporal.opened(settings) as client:
        operations = operations_by_operators(settings, client, sessions)
        outcome = await asked.send(operations, webhook_workflow_id(message_id), WebhookOperation.RESEND, message)
    match outcome:
        case Done():
            return True
        case Refused(why=Why.ENDED | Why.NOT_STARTED):
            return False
        case refused:
            raise ClearError(refused.reason)


async def _subscriber(session: DatabaseSession, number: int) -> WebhookSubscriberRow:
    row = await session.get(WebhookSubscriberRow, number, with_for_update=True)
    if row is None or not row.active:
        raise ClearError(f"有効な送信先 {number} はありません。番号は tetsuzuki webhooks list で確認できます。")
    return row
