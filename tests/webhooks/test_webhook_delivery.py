"""Messages reach subscribers: tried on the Standard Webhooks schedule, never doubled, and never lost unseen."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from email.message import EmailMessage
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import select
from sqlalchemy.ext.asyncio import create_async_engine
from standardwebhooks import WebhookVerificationError
from temporalio.api.enums.v1 import PendingActivityState
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError

from models.common.waiting_for import WaitingFor
from models.tables import ApplicationRow, NoticeRow, WebhookMessageRow, WebhookSubscriberRow
from models.webhooks.mails import WEBHOOK_TROUBLE_SUBJECT
from models.webhooks.messages import ATTEMPTS, KEPT_DEAD, SCHEDULE, DeliverWebhook, WebhookStage, webhook_workflow_id
from models.webhooks.secrets import new_secret
from models.yayoi.store.intake import Intake
from tests.support.activity_world import CrashError, CrashingSessions, activity_world
from tests.support.running import PATIENCE
from tests.support.smtp_inbox import SmtpInbox
from tests.support.web_world import until
from tests.support.world import World, form
from tests.webhooks.webhook_receiver import OLD_SECRET, SECRET, Receiver, receiving
from web.webhooks.starter import WebhookStarter
from web.yayoi.starter import RefusedFormStarter
from workers import database
from workers.stack.inbox import text_of
from workflows.common.search_attributes import STAGE, WAITING_FOR

PAYLOAD = {"type": "office.stage_changed", "data": {"label": "共有解除待ち"}}
SCHEDULED = PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


class Message:
    """One stored message, and its delivery."""

    def __init__(self, world: World, message_id: str) -> None:
        self.world = world
        self.message_id = message_id

    @property
    def handle(self) -> WorkflowHandle[Any, Any]:
        return self.world.client.get_workflow_handle(webhook_workflow_id(self.message_id))

    async def row(self) -> WebhookMessageRow:
        async with self.world.sessions() as session:
            return await session.get_one(WebhookMessageRow, self.message_id)

    async def start(self) -> None:
        await starter(self.world).start_all()

    async def until(self, stage: WebhookStage) -> WebhookMessageRow:
        async def reached() -> bool:
            return (await self.row()).stage == stage

        await until(reached)
        return await self.row()

    async def failed(self, attempts: int) -> timedelta:
        """Wait until so many attempts have failed; give the time until the next."""
        async with asyncio.timeout(PATIENCE):
            while True:
                pending = (await self.handle.describe()).raw_description.pending_activities
                if pending and (pending[0].attempt, pending[0].state) == (attempts + 1, SCHEDULED):
                    interval = pending[0].current_retry_interval.ToTimedelta()
                    return timedelta(seconds=round(interval.total_seconds()))  # the server measures microseconds too
                await asyncio.sleep(0.02)

    async def pass_time(self, time: timedelta) -> None:
        await self.world.environment.fast_forward(self.handle, time)

    async def shown(self, stage: WebhookStage, who: WaitingFor) -> None:
        """Wait until operators see it so."""
        async with asyncio.timeout(PATIENCE):
            while True:
                columns = (await self.handle.describe()).typed_search_attributes
                if (columns.get(STAGE), columns.get(WAITING_FOR)) == (stage, who):
                    return
                await asyncio.sleep(0.02)

    async def until_idle(self) -> None:
        async def idle() -> bool:
            return not (await self.handle.describe()).raw_description.pending_activities

        await until(idle)

    async def details(self) -> str:
        metadata = await self.handle.query("__temporal_workflow_metadata", result_type=WorkflowMetadata)
        return str(metadata.current_details)

    async def die(self) -> WebhookMessageRow:
        """Fail to the last attempt."""
        for attempt, wait in enumerate(SCHEDULE, start=1):
            assert await self.failed(attempt) == wait
            await self.pass_time(wait + timedelta(seconds=1))
        return await self.until(WebhookStage.DEAD)


async def smtp_inbox_has(inbox: SmtpInbox, count: int) -> list[EmailMessage]:
    async def arrived() -> bool:
        return len(inbox.mails) >= count

    await until(arrived)
    return inbox.mails


def starter(world: World) -> WebhookStarter:
    return WebhookStarter(world.sessions, world.client, task_queue=world.settings.temporal_task_queue)


def form_starter(world: World) -> RefusedFormStarter:
    return RefusedFormStarter(world.sessions, world.client, task_queue=world.settings.temporal_task_queue)


async def stored(world: World, url: str, *, secrets: tuple[str, ...] = (SECRET,), number: int = 1) -> Message:
    """Store a message for a subscriber, as the application's procedure does."""
    message = Message(world, f"msg_{world.settings.temporal_task_queue}_{number}")
    numbers = await world.rows(select(ApplicationRow.application_no))
    if not numbers:
        numbers = [(await Intake(world.sessions, world.calendar).receive(form())).application_no]
    async with world.sessions.begin() as session:
        subscriber = await session.scalar(select(WebhookSubscriberRow).where(WebhookSubscriberRow.url == url))
        if subscriber is None:
            subscriber = WebhookSubscriberRow(url=url, secrets=list(secrets), kinds=[])
            session.add(subscriber)
        await session.flush()
        session.add(
            WebhookMessageRow(
                message_id=message.message_id,
                subscriber_id=subscriber.subscriber_id,
                application_no=numbers[0],
                kind="office.stage_changed",
                payload=PAYLOAD,
                stage=WebhookStage.SENDING,
            )
        )
    return message


async def subscribers(world: World) -> list[WebhookSubscriberRow]:
    return await world.rows(select(WebhookSubscriberRow).order_by(WebhookSubscriberRow.subscriber_id))


async def desk_was_told(world: World) -> list[NoticeRow]:
    return await world.rows(select(NoticeRow).where(NoticeRow.kind == "webhook_trouble"))


# --- the way it should go ---------------------------------------------------------------------------------------------


async def test_a_message_arrives_signed_with_every_secret(world: World, receiver: Receiver) -> None:
    message = await stored(world, receiver.url, secrets=(SECRET, OLD_SECRET))
    await message.start()
    row = await message.until(WebhookStage.DELIVERED)
    assert (row.attempts, row.last_error) == (1, "")
    assert row.settled_at
    [got] = receiver.got
    assert got.webhook_id == message.message_id
    assert got.headers["content-type"] == "application/json"
    assert "共有解除待ち" in got.body  # as it is read, not as escapes
    for secret in (SECRET, OLD_SECRET):
        assert got.verified(secret) == PAYLOAD
    with pytest.raises(WebhookVerificationError):
        got.verified(new_secret())
    assert (await message.handle.result())["stage"] == "送信済み"


async def test_started_by_several_and_again_it_is_sent_once(world: World, receiver: Receiver) -> None:
    message = await stored(world, receiver.url)
    await asyncio.gather(*(starter(world).start(message.message_id) for _ in range(5)))
    await message.until(WebhookStage.DELIVERED)
    await message.handle.result()
    await starter(world).start(message.message_id)  # it had ended before the web could write down its start
    await message.handle.result()
    assert len(receiver.got) == 1


# --- trouble ----------------------------------------------------------------------------------------------------------


async def test_what_is_not_taken_is_tried_on_schedule_and_then_shown_to_operators(
    world: World, receiver: Receiver, smtp_inbox: SmtpInbox
) -> None:
    receiver.answers = [500] * ATTEMPTS
    message = await stored(world, receiver.url)
    await message.start()
    row = await message.die()
    assert (row.attempts, row.last_error) == (ATTEMPTS, "HTTP 500") == (10, "HTTP 500")
    assert [got.webhook_id for got in receiver.got] == [message.message_id] * ATTEMPTS
    await message.shown(WebhookStage.DEAD, WaitingFor.OPERATOR)
    assert '`resend`\n```json\n{\n  "by": "あなたの名前"' in await message.details()
    [mail] = await smtp_inbox_has(smtp_inbox, 1)
    assert mail["Subject"] == WEBHOOK_TROUBLE_SUBJECT
    text = text_of(mail)
    assert f"tetsuzuki webhooks resend {message.message_id}" in text
    assert "最後のエラー：HTTP 500" in text

    await message.handle.execute_update("resend", {"by": "佐藤", "reason": "直ったため"})
    assert (await message.until(WebhookStage.DELIVERED)).attempts == ATTEMPTS + 1
    assert (await message.handle.result())["stage"] == "送信済み"


async def test_sent_again_in_vain_a_message_has_all_its_attempts_once_more(world: World, receiver: Receiver) -> None:
    receiver.answers = [503] * 2 * ATTEMPTS
    message = await stored(world, receiver.url)
    await message.start()
    await message.die()
    await message.shown(WebhookStage.DEAD, WaitingFor.OPERATOR)
    await message.handle.execute_update("resend", {"by": "佐藤", "reason": "直ったため"})
    assert (await message.die()).attempts == 2 * ATTEMPTS


async def test_a_dead_letter_that_nobody_sends_again_is_closed_as_undelivered(world: World, receiver: Receiver) -> None:
    receiver.answers = [500] * ATTEMPTS
    message = await stored(world, receiver.url)
    await message.start()
    await message.die()
    await message.shown(WebhookStage.DEAD, WaitingFor.OPERATOR)
    await message.pass_time(KEPT_DEAD + timedelta(minutes=1))
    assert (await message.handle.result())["stage"] == "未送信で終了"
    assert (await message.row()).stage == WebhookStage.UNDELIVERED


@pytest.mark.parametrize("dead", [False, True])
async def test_request_cancellation_gives_a_message_up(world: World, receiver: Receiver, *, dead: bool) -> None:
    receiver.answers = [500] * ATTEMPTS
    message = await stored(world, receiver.url)
    await message.start()
    if dead:
        await message.die()
        await message.shown(WebhookStage.DEAD, WaitingFor.OPERATOR)
    else:
        await message.failed(1)
    await message.handle.cancel()
    assert (await message.handle.result())["stage"] == "未送信で終了"
    row = await message.row()
    assert (row.stage, row.settled_at is not None) == (WebhookStage.UNDELIVERED, True)
    await message.shown(WebhookStage.UNDELIVERED, WaitingFor.SYSTEM)
    assert len(receiver.got) == (ATTEMPTS if dead else 1)


async def test_what_arrives_while_it_is_given_up_has_arrived(world: World, receiver: Receiver) -> None:
    receiver.hangs = True
    message = await stored(world, receiver.url)
    await message.start()
    await receiver.has(1)
    await message.handle.cancel()
    receiver.hangs = False
    assert (await message.handle.result())["stage"] == "送信済み"
    assert (await message.row()).stage == WebhookStage.DELIVERED


async def test_many_dead_letters_of_a_day_are_one_mail(world: World, receiver: Receiver, smtp_inbox: SmtpInbox) -> None:
    receiver.answers = [500] * 2 * ATTEMPTS
    messages = [await stored(world, receiver.url, number=number) for number in (1, 2)]
    await messages[0].start()
    for message in messages:
        await message.die()
        await message.shown(WebhookStage.DEAD, WaitingFor.OPERATOR)
        await message.until_idle()
    assert len(await desk_was_told(world)) == len(smtp_inbox.mails) == 1


@pytest.mark.parametrize(
    ("update_sent", "refusal"),
    [
        ({"by": "佐藤"}, "JSON を読み取れません（reason：入力してください。）"),
        ({"by": "佐藤", "reason": "念のため"}, "もう一度送信できるのは、送信に失敗した後だけです"),
        (None, "JSON を読み取れません"),
    ],
)
async def test_what_cannot_be_sent_again_is_refused_with_the_reason(
    world: World, receiver: Receiver, update_sent: dict[str, str] | None, refusal: str
) -> None:
    receiver.answers = [500]
    message = await stored(world, receiver.url)
    await message.start()
    await message.failed(1)
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await message.handle.execute_update("resend", update_sent)
    assert refusal in str(refused.value.cause)


async def test_gone_stops_the_subscriber_and_all_that_waits_for_it(
    world: World, receiver: Receiver, smtp_inbox: SmtpInbox
) -> None:
    receiver.answers = [500, 410]
    first, second = [await stored(world, receiver.url, number=number) for number in (1, 2)]
    await first.start()
    await starter(world).start_all()
    # One of them fails, the other is told that the subscriber is gone.
    await receiver.has(2)

    async def stopped() -> bool:
        return not (await subscribers(world))[0].active

    await until(stopped)
    for message in (first, second):
        await message.until(WebhookStage.STOPPED)  # the other one after five seconds, at its next attempt
        assert (await message.handle.result())["stage"] == "送信先の停止"
    assert len(receiver.got) == 2
    assert len(await smtp_inbox_has(smtp_inbox, 1)) == 1


async def test_a_worker_that_dies_after_the_subscribers_answer_sends_the_same_message_again(
    registry_url: str, smtp_inbox: SmtpInbox, receiver: Receiver
) -> None:
    async with activity_world(registry_url, smtp_inbox) as world:
        async with world.sessions.begin() as session:
            number = await world.apply(form())
            session.add(WebhookSubscriberRow(url=receiver.url, secrets=[SECRET], kinds=[]))
            await session.flush()
            session.add(
                WebhookMessageRow(
                    message_id="msg_1", subscriber_id=1, application_no=number, kind="", payload={}, stage="送信中"
                )
            )
        asked = DeliverWebhook(message_id="msg_1")
        dying = CrashingSessions(world.engine, commit=2, committed=False)
        with pytest.raises(CrashError):
            await world.activities(dying)["deliver_webhook"](asked)
        standing = await world.activities()["deliver_webhook"](asked)
        assert (standing.stage, standing.attempts) == (WebhookStage.DELIVERED, 1)
        # The subscriber knows it by its id; once delivered, it is never sent again.
        assert [got.webhook_id for got in receiver.got] == ["msg_1", "msg_1"]
        assert await world.activities()["deliver_webhook"](asked) == standing
        assert len(receiver.got) == 2


async def test_a_database_that_is_away_uses_up_no_attempt(
    registry_url: str, smtp_inbox: SmtpInbox, receiver: Receiver
) -> None:
    async with activity_world(registry_url, smtp_inbox) as world:
        away = create_async_engine("postgresql+asyncpg://nobody@127.0.0.1:1/none")
        with pytest.raises(ConnectionRefusedError):
            await world.activities(database.sessions(away))["deliver_webhook"](DeliverWebhook(message_id="msg_1"))
        await away.dispose()
    assert receiver.got == []
