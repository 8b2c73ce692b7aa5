"""Messages reach subscribers: tried on the Standard Webhooks schedule, never doubled, and never lost unseen."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from sqlalchemy import select
from sqlalchemy.ext.asyncio import create_async_engine
from standardwebhooks import WebhookVerificationError
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from activities.common.outbox import HeldError
from models.common.desk_links import operation_path
from models.common.messages import ACTIVITY_FAILING
from models.common.store.held_cases import HeldCases
from models.common.waiting_for import WaitingFor
from models.tables import AuditRow, HeldCaseRow, NoticeRow, WebhookMessageRow, WebhookSubscriberRow
from models.webhooks.messages import (
    ATTEMPTS,
    KEPT_DEAD,
    WEBHOOK_TROUBLE_SUBJECT,
    DeliverWebhook,
    WebhookOperation,
    WebhookStage,
)
from models.webhooks.secrets import new_secret
from tests.support.activity_environment import CrashError, CrashingSessions, activity_environment
from tests.support.environment import Environment, form
from tests.support.settling import settled
from tests.support.smtp_inbox import SmtpInbox
from tests.support.web import until
from tests.support.webhook_messages import PAYLOAD, smtp_inbox_has, starter, stored, subscribers
from tests.support.webhook_receiver import OLD_SECRET, SECRET, Receiver, receiving
from workers import database
from workers.stack.inbox import text_of
from workflows.common.search_attributes import FAILING


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


async def notices_to_the_desk(environment: Environment) -> list[NoticeRow]:
    return await environment.rows(select(NoticeRow).where(NoticeRow.kind == "webhook_trouble"))


# --- the way it should go ---------------------------------------------------------------------------------------------


async def test_a_message_arrives_signed_with_every_secret(environment: Environment, receiver: Receiver) -> None:
    message = await stored(environment, receiver.url, secrets=(SECRET, OLD_SECRET))
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


async def test_started_by_several_and_again_it_is_sent_once(environment: Environment, receiver: Receiver) -> None:
    message = await stored(environment, receiver.url)
    await asyncio.gather(*(starter(environment).start(message.message_id) for _ in range(5)))
    await message.until(WebhookStage.DELIVERED)
    await message.handle.result()
    await starter(environment).start(message.message_id)  # it had ended before the web could write down its start
    await message.handle.result()
    assert len(receiver.got) == 1


# --- failures ---------------------------------------------------------------------------------------------------------


async def test_what_is_not_taken_is_tried_on_schedule_and_then_shown_to_operators(
    environment: Environment, receiver: Receiver, smtp_inbox: SmtpInbox
) -> None:
    receiver.answers = [500] * ATTEMPTS
    message = await stored(environment, receiver.url)
    await message.start()
    row = await message.die()
    assert (row.attempts, row.last_error) == (ATTEMPTS, "HTTP 500") == (10, "HTTP 500")
    assert [got.webhook_id for got in receiver.got] == [message.message_id] * ATTEMPTS
    await message.shown(WebhookStage.DEAD, WaitingFor.OPERATOR)
    form = operation_path(message.message_id, None, WebhookOperation.RESEND)
    assert f"[{WebhookOperation.RESEND.label}]({form})" in await message.details()
    [mail] = await smtp_inbox_has(smtp_inbox, 1)
    assert mail["Subject"] == WEBHOOK_TROUBLE_SUBJECT
    text = text_of(mail)
    assert f"/desk/cases/{message.message_id}/operations/resend" in text
    assert "最後のエラー：HTTP 500" in text

    await message.handle.execute_update("resend", {"reason": "直ったため"})
    assert (await message.until(WebhookStage.DELIVERED)).attempts == ATTEMPTS + 1
    assert (await message.handle.result())["stage"] == "送信済み"


@pytest.mark.long
async def test_where_a_delivery_is_at_is_in_its_row_and_who_sent_it_again_in_the_audit_trail(
    environment: Environment, receiver: Receiver
) -> None:
    receiver.answers = [500] * ATTEMPTS
    message = await stored(environment, receiver.url)
    assert await message.status() == (WebhookStage.SENDING, WaitingFor.SYSTEM, None)
    await message.start()
    await message.die()
    await message.shown(WebhookStage.DEAD, WaitingFor.OPERATOR)
    await settled(environment.temporal, message.handle)
    assert await message.status() == (WebhookStage.DEAD, WaitingFor.OPERATOR, None)
    await message.handle.execute_update("resend", {"reason": "直ったため"})
    await message.handle.result()
    assert await message.status() == (WebhookStage.DELIVERED, WaitingFor.SYSTEM, WebhookStage.DELIVERED)
    [audited] = await environment.rows(select(AuditRow).where(AuditRow.case_no == message.message_id))
    assert (audited.by, audited.reason) == ("operator:sk", "直ったため")


async def test_a_signal_with_made_up_content_makes_no_failure(environment: Environment, receiver: Receiver) -> None:
    receiver.answers = [500] * ATTEMPTS
    message = await stored(environment, receiver.url)
    await message.start()
    await message.die()
    await message.shown(WebhookStage.DEAD, WaitingFor.OPERATOR)
    await settled(environment.temporal, message.handle)
    before = await message.status()
    await message.handle.signal(ACTIVITY_FAILING, "deliver_webhook")
    await settled(environment.temporal, message.handle)
    assert (await message.handle.describe()).typed_search_attributes.get(FAILING) is None
    assert await message.status() == before
    await message.handle.terminate()


@pytest.mark.long
async def test_sent_again_in_vain_a_message_has_all_its_attempts_once_more(
    environment: Environment, receiver: Receiver
) -> None:
    receiver.answers = [503] * 2 * ATTEMPTS
    message = await stored(environment, receiver.url)
    await message.start()
    await message.die()
    await message.shown(WebhookStage.DEAD, WaitingFor.OPERATOR)
    await message.handle.execute_update("resend", {"reason": "直ったため"})
    assert (await message.die()).attempts == 2 * ATTEMPTS


@pytest.mark.long
async def test_a_dead_letter_that_nobody_sends_again_is_closed_as_undelivered(
    environment: Environment, receiver: Receiver
) -> None:
    receiver.answers = [500] * ATTEMPTS
    message = await stored(environment, receiver.url)
    await message.start()
    await message.die()
    await message.shown(WebhookStage.DEAD, WaitingFor.OPERATOR)
    await message.pass_time(KEPT_DEAD + timedelta(minutes=1))
    assert (await message.handle.result())["stage"] == "未送信で終了"
    assert (await message.row()).stage == WebhookStage.UNDELIVERED


async def test_request_cancellation_is_for_an_operator_to_decide_and_the_message_is_tried_on(
    environment: Environment, receiver: Receiver
) -> None:
    receiver.hangs = True
    message = await stored(environment, receiver.url)
    await message.start()
    await receiver.has(1)
    await message.handle.cancel()
    await message.shown(WebhookStage.SENDING, WaitingFor.OPERATOR)
    receiver.hangs = False
    assert (await message.handle.result())["stage"] == "送信済み"
    assert (await message.row()).stage == WebhookStage.DELIVERED


@pytest.mark.long
async def test_many_dead_letters_of_a_day_are_one_mail(
    environment: Environment, receiver: Receiver, smtp_inbox: SmtpInbox
) -> None:
    receiver.answers = [500] * 2 * ATTEMPTS
    messages = [await stored(environment, receiver.url, number=number) for number in (1, 2)]
    await messages[0].start()
    for message in messages:
        await message.die()
        await message.shown(WebhookStage.DEAD, WaitingFor.OPERATOR)
        await message.until_idle()
    assert len(await notices_to_the_desk(environment)) == len(smtp_inbox.mails) == 1


@pytest.mark.parametrize(
    ("update_sent", "refusal"),
    [
        ({}, "JSON を読み取れません（reason：入力してください。）"),
        ({"reason": "念のため"}, "もう一度送信できるのは、送信に失敗した後だけです"),
        ({"reason": "念のため", "by": "佐藤"}, "JSON を読み取れません（by：この項目は受け付けていません。"),
    ],
)
async def test_what_cannot_be_sent_again_is_refused_with_the_reason(
    environment: Environment, receiver: Receiver, update_sent: dict[str, str], refusal: str
) -> None:
    receiver.answers = [500]
    message = await stored(environment, receiver.url)
    await message.start()
    await message.failed(1)
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await message.handle.execute_update("resend", update_sent)
    assert refusal in str(refused.value.cause)


@pytest.mark.long
async def test_gone_stops_the_subscriber_and_all_that_waits_for_it(
    environment: Environment, receiver: Receiver, smtp_inbox: SmtpInbox
) -> None:
    receiver.answers = [500, 410]
    first, second = [await stored(environment, receiver.url, number=number) for number in (1, 2)]
    await first.start()
    await starter(environment).start_all()
    # One of them fails, the other finds that the subscriber is gone.
    await receiver.has(2)

    async def stopped() -> bool:
        return not (await subscribers(environment))[0].active

    await until(stopped)
    for message in (first, second):
        await message.until(WebhookStage.STOPPED)  # the other one after five seconds, at its next attempt
        assert (await message.handle.result())["stage"] == "送信先の停止"
    assert len(receiver.got) == 2
    assert len(await smtp_inbox_has(smtp_inbox, 1)) == 1


async def test_a_worker_that_dies_after_the_subscribers_answer_sends_the_same_message_again(
    registry_url: str, smtp_inbox: SmtpInbox, receiver: Receiver
) -> None:
    async with activity_environment(registry_url, smtp_inbox) as environment:
        async with environment.sessions.begin() as session:
            number = await environment.apply(form())
            session.add(WebhookSubscriberRow(url=receiver.url, secrets=[SECRET], kinds=[]))
            await session.flush()
            session.add(
                WebhookMessageRow(
                    message_id="msg_1", subscriber_id=1, application_no=number, kind="", payload={}, stage="送信中"
                )
            )
        asked = DeliverWebhook(case_no="msg_1", stored_at=datetime.now(UTC))
        dying = CrashingSessions(environment.engine, commit=2, committed=False)
        with pytest.raises(CrashError):
            await environment.activities(dying)["deliver_webhook"](asked)
        status = await environment.activities()["deliver_webhook"](asked)
        assert (status.stage, status.attempts) == (WebhookStage.DELIVERED, 1)
        # The subscriber knows it by its id; once delivered, it is never sent again.
        assert [got.webhook_id for got in receiver.got] == ["msg_1", "msg_1"]
        assert await environment.activities()["deliver_webhook"](asked) == status
        assert len(receiver.got) == 2


async def test_a_held_case_s_messages_wait_use_up_no_attempt_and_go_with_their_old_id_once_released(
    registry_url: str, smtp_inbox: SmtpInbox, receiver: Receiver
) -> None:
    async with activity_environment(registry_url, smtp_inbox) as environment:
        number = await environment.apply(form())
        async with environment.sessions.begin() as session:
            session.add(WebhookSubscriberRow(url=receiver.url, secrets=[SECRET], kinds=[]))
            await session.flush()
            session.add(
                WebhookMessageRow(
                    message_id="msg_1", subscriber_id=1, application_no=number, kind="", payload={}, stage="送信中"
                )
            )
            session.add(HeldCaseRow(case_no=number, held_since=datetime.now(UTC)))
        deliver = environment.activities()["deliver_webhook"]
        asked = DeliverWebhook(case_no="msg_1", stored_at=datetime.now(UTC))
        for _ in range(2):
            with pytest.raises(HeldError):
                await deliver(asked)
        assert receiver.got == []
        assert await HeldCases(environment.sessions).release(None, by="ab", at=datetime.now(UTC)) == [number]
        status = await deliver(asked)
        assert (status.stage, status.attempts) == (WebhookStage.DELIVERED, 1)
        assert [got.webhook_id for got in receiver.got] == ["msg_1"]


async def test_a_database_that_is_away_uses_up_no_attempt(
    registry_url: str, smtp_inbox: SmtpInbox, receiver: Receiver
) -> None:
    async with activity_environment(registry_url, smtp_inbox) as environment:
        away = create_async_engine("postgresql+asyncpg://nobody@127.0.0.1:1/none")
        with pytest.raises(ConnectionRefusedError):
            await environment.activities(database.sessions(away))["deliver_webhook"](
                DeliverWebhook(case_no="msg_1", stored_at=datetime.now(UTC))
            )
        await away.dispose()
    assert receiver.got == []


@pytest.mark.robustness("final only when sure")
@pytest.mark.parametrize(
    ("url", "secret"),
    [
        ("https://" + "a" * 64 + ".example/hook", SECRET),
        ("https://127.0.0.1:99999/", SECRET),
        ("https://a..example/hook", SECRET),
        ("gopher://books.example/hook", SECRET),
        ("not an address", SECRET),
        ("https://127.0.0.1:1/hook", "whsec_not-base64!"),
    ],
)
async def test_whatever_goes_wrong_with_an_attempt_is_counted(
    registry_url: str, smtp_inbox: SmtpInbox, url: str, secret: str
) -> None:
    """What is outside of the count would be tried for ever, and nobody would know."""
    async with activity_environment(registry_url, smtp_inbox) as environment:
        number = await environment.apply(form())
        async with environment.sessions.begin() as session:
            session.add(WebhookSubscriberRow(url=url, secrets=[secret], kinds=[]))
            await session.flush()
            session.add(
                WebhookMessageRow(
                    message_id="msg_1", subscriber_id=1, application_no=number, kind="", payload={}, stage="送信中"
                )
            )
        asked = DeliverWebhook(case_no="msg_1", stored_at=datetime.now(UTC))
        for made in range(1, ATTEMPTS):
            with pytest.raises(ApplicationError, match=f"attempt {made} of {ATTEMPTS}"):
                await environment.activities()["deliver_webhook"](asked)
        status = await environment.activities()["deliver_webhook"](asked)
        assert (status.stage, status.attempts, status.for_operators) == (WebhookStage.DEAD, ATTEMPTS, True)
