"""`tetsuzuki webhooks …` and `tetsuzuki forms …`, as engineers and operators use them."""

import json
from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import select
from typer.testing import CliRunner

from models.common.desk_links import refused_form_path
from models.common.waiting_for import WaitingFor
from models.tables import ApplicationRow, AuditRow
from models.webhooks.messages import ATTEMPTS, KEPT_DEAD, WebhookKind, WebhookStage
from models.yayoi.mails import REFUSED_FORM_SUBJECT
from tests.support.encryption import MASTER_KEYS
from tests.support.environment import Environment
from tests.support.provider_forms import refuse
from tests.support.signing import key_folder
from tests.support.smtp_inbox import SmtpInbox
from tests.support.web import until
from tests.support.webhook_messages import Message, form_starter, smtp_inbox_has, stored, subscribers
from tests.support.webhook_receiver import SECRET, Receiver, receiving
from workers.cli import app
from workers.commands import forms as forms_command
from workers.commands import webhooks as webhooks_command
from workers.commands.acting import command_actor
from workers.program import ClearError
from workers.settings import Settings
from workers.stack.inbox import text_of
from workers.wiring.derived import desk_url
from workflows.backoffice.queues import Queue, QueueFilter

HOOK = "https://books.example.co.jp/hook"
MAPPING = Path(__file__).parents[2] / "docs/examples/form-mapping.toml"
pytestmark = pytest.mark.usefixtures("commands_on_the_tests_server")
CORRECTED = ("data.answers[?label=='姓'].value=弥生",)


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


@pytest.fixture
def settings(environment: Environment, database_url: str) -> Settings:
    """As a command reads them on the machine of an operator."""
    address = environment.client.service_client.config.target_host
    return Settings(
        signing_keys_dir=key_folder(),
        database_url=database_url,
        temporal_address=address,
        form_mapping=MAPPING,
        master_keys=MASTER_KEYS,
    )


# --- webhooks ---------------------------------------------------------------------------------------------------------


async def test_a_subscriber_is_added_with_a_secret_of_its_own_and_rotated(
    environment: Environment, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    await webhooks_command.add(settings, HOOK, [WebhookKind.OFFICE_CLOSED], None)
    first = capsys.readouterr().out.split()[-1]
    [row] = await subscribers(environment)
    assert (row.url, row.secrets, row.kinds, row.active) == (HOOK, [first], ["office.closed"], True)
    for _ in range(2):
        await webhooks_command.rotate(settings, row.subscriber_id)
        newest = capsys.readouterr().out.split()[-1]
        [rotated] = await subscribers(environment)
        assert rotated.secrets == [newest, row.secrets[0]]
        row = rotated
    assert first not in row.secrets


async def test_a_removed_subscriber_receives_nothing_any_more(
    environment: Environment, settings: Settings, receiver: Receiver, capsys: pytest.CaptureFixture[str]
) -> None:
    message = await stored(environment, receiver.url)
    [row] = await subscribers(environment)
    await webhooks_command.remove(settings, row.subscriber_id)
    await message.start()
    await message.until(WebhookStage.STOPPED)
    assert receiver.got == []
    await webhooks_command.show(settings)
    assert "停止（登録を削除した）" in capsys.readouterr().out
    with pytest.raises(ClearError, match=r"有効な送信先 \d+ はありません"):
        await webhooks_command.remove(settings, row.subscriber_id)


def test_a_subscriber_is_removed_only_after_a_question_that_says_what_stops() -> None:
    asked = CliRunner().invoke(app, ["webhooks", "remove", "1"], input="n\n")
    assert asked.exit_code == 1
    assert "送信先 1 への通知をすべて止め、秘密鍵を消します" in asked.output
    assert "Aborted" in asked.output


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://books.example.co.jp/hook", "https://"),
        ("ftp://books.example.co.jp/hook", "https://"),
        ("books.example.co.jp", "https://"),
        ("https://", "ホスト名で始まる"),
        ("https://user:password@books.example.co.jp/", "パスワードを入れずに"),
        ("https://books.example.co.jp/#x", "# とその後ろを削除"),
        ("https://[::1", "送信できません"),
    ],
)
async def test_what_cannot_be_posted_to_is_refused(settings: Settings, url: str, expected: str) -> None:
    with pytest.raises(ClearError, match=expected):
        await webhooks_command.add(settings, url, [], SECRET)
    with pytest.raises(ClearError, match="24 から 64 バイト"):
        await webhooks_command.add(settings, HOOK, [], "whsec_c2hvcnQ=")


@pytest.mark.long
async def test_a_dead_letter_is_listed_and_sent_again_while_it_waits_and_after(
    environment: Environment, settings: Settings, receiver: Receiver, capsys: pytest.CaptureFixture[str]
) -> None:
    receiver.answers = [500] * 2 * ATTEMPTS
    message = await stored(environment, receiver.url)
    await message.start()
    await message.die()
    await message.shown(WebhookStage.DEAD, WaitingFor.OPERATOR)
    assert await found_in_queue(message) == [message.handle.id]
    assert await webhooks_command.dead(settings) == 1
    assert message.message_id in capsys.readouterr().out

    await webhooks_command.resend(settings, message.message_id, command_actor("sk"), "直ったため")
    with pytest.raises(ClearError, match="送信に失敗した後だけ"):
        await webhooks_command.resend(settings, message.message_id, command_actor("sk"), "直ったため")
    await message.die()
    await message.shown(WebhookStage.DEAD, WaitingFor.OPERATOR)
    await message.pass_time(KEPT_DEAD + timedelta(minutes=1))
    await message.handle.result()

    await webhooks_command.resend(settings, message.message_id, command_actor("sk"), "直ったため")
    await message.start()  # as the web does every few seconds
    assert (await message.until(WebhookStage.DELIVERED)).attempts == 2 * ATTEMPTS + 1
    assert await webhooks_command.dead(settings) == 0
    audited = await environment.rows(select(AuditRow).where(AuditRow.case_no == message.message_id))
    assert {(entry.by, entry.reason) for entry in audited if entry.update_id} == {("command:sk", "直ったため")}
    with pytest.raises(ClearError, match="すでに届いています"):
        await webhooks_command.resend(settings, message.message_id, command_actor("sk"), "直ったため")
    with pytest.raises(ClearError, match="msg_0 という番号の通知はありません"):
        await webhooks_command.resend(settings, "msg_0", command_actor("sk"), "直ったため")


async def found_in_queue(message: Message) -> list[str]:
    query = f"{Queue.DEAD_LETTERS.query(QueueFilter(date.min))} AND WorkflowId = '{message.handle.id}'"

    async def listed() -> bool:
        return bool([each async for each in message.environment.client.list_workflows(query)])

    await until(listed)
    return [each.id async for each in message.environment.client.list_workflows(query)]


# --- forms ------------------------------------------------------------------------------------------------------------


async def test_the_desk_is_notified_of_a_refused_form_once(environment: Environment, smtp_inbox: SmtpInbox) -> None:
    row = await refuse(environment)
    for _ in range(2):
        await form_starter(environment).start_all()
        await environment.client.get_workflow_handle(f"refused-form/{row.form_no}").result()
    [mail] = await smtp_inbox_has(smtp_inbox, 1)
    assert (mail["To"], mail["Subject"]) == ("back-office@yayoi.example", REFUSED_FORM_SUBJECT)
    text = text_of(mail)
    assert "・姓：全角で入力してください（例：弥生　太郎）。" in text
    assert f"{desk_url(environment.settings)}{refused_form_path(row.form_no)}\r\n" in text
    assert "Yayoi" not in text  # what was typed stays in the database


async def test_an_operator_lists_shows_and_corrects_a_form(
    environment: Environment, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    row = await refuse(environment)
    assert await forms_command.show_all(settings) == 1
    assert "全角で入力してください" in capsys.readouterr().out
    await forms_command.show(settings, row.form_no)
    assert json.loads(capsys.readouterr().out) == json.loads(row.body)
    assert await forms_command.retry(settings, row.form_no, (), "佐藤", "お電話") == 1
    assert capsys.readouterr().err == "data.answers[?label=='姓'].value: 全角で入力してください（例：弥生　太郎）。\n"
    with pytest.raises(ClearError, match="項目、=、値の順に"):
        await forms_command.retry(settings, row.form_no, ("弥生",), "佐藤", "お電話")
    assert await forms_command.retry(settings, row.form_no, CORRECTED, "佐藤", "お電話") == 0
    [application] = await environment.rows(select(ApplicationRow))
    assert f"{application.application_no} として受け付けました。" in capsys.readouterr().out
    assert await forms_command.show_all(settings) == 0
    for again in (forms_command.discard(settings, row.form_no, "佐藤", "お電話"), forms_command.show(settings, 1)):
        with pytest.raises(ClearError, match="すでに処理が済んでいます"):
            await again
    with pytest.raises(ClearError, match="7 という番号のフォームはありません"):
        await forms_command.discard(settings, 7, "佐藤", "お電話")


async def test_an_operator_discards_a_form(environment: Environment, settings: Settings) -> None:
    row = await refuse(environment)
    await forms_command.discard(settings, row.form_no, "佐藤", "二重のため")
    assert await forms_command.show_all(settings) == 0
    assert await environment.rows(select(ApplicationRow)) == []


def test_the_commands_ask_for_what_they_need() -> None:
    for command in ("webhooks add", "webhooks resend", "forms retry", "forms discard"):
        answer = CliRunner().invoke(app, [*command.split(), "--help"])
        assert answer.exit_code == 0
    assert CliRunner().invoke(app, ["webhooks", "add", HOOK, "--kind", "office.opened"]).exit_code == 2
