"""The examples of docs/webhooks.md, run as they are written there."""

import json
import re
import shlex
from asyncio import create_subprocess_exec
from asyncio.subprocess import PIPE
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import create_async_engine
from temporalio.testing import WorkflowEnvironment

from activities.webhooks.http_post import signed
from models.common.waiting_for import WaitingFor
from models.webhooks.messages import Coded, StageChange, WebhookKind
from models.webhooks.secrets import new_secret
from models.yayoi.procedures import Stage
from tests.support.encryption import MASTER
from tests.support.journals import JOURNAL_OF_TESTS
from tests.support.provider_forms import EXAMPLE
from tests.support.serving import served
from tests.support.web import end_cases, web_on
from tests.support.webhook_receiver import OLD_SECRET, SECRET
from workers import database

MESSAGE = StageChange(
    application_no="YS-000123",
    office_no=1,
    stage=Coded.of(Stage.SHARING),
    sequence=2,
    at=datetime(2026, 11, 4, 1, 23, 45, 678_901, tzinfo=UTC),
    waiting_for=Coded.of(WaitingFor.APPLICANT),
    due_date=date(2026, 11, 20),
).payload
TEXT = (Path(__file__).parents[2] / "docs/webhooks.md").read_text(encoding="utf-8")


def example(name: str) -> str:
    found = re.search(rf"<!-- example: {name} -->\n```sh\n(.*?)```", TEXT, re.DOTALL)
    assert found, name
    return found[1]


async def bash(script: str, **variables: str) -> list[str]:
    running = await create_subprocess_exec(
        "bash", "-euo", "pipefail", "-c", script, env={"PATH": "/usr/bin:/bin", **variables}, stdout=PIPE
    )
    said, _ = await running.communicate()
    assert running.returncode == 0
    return said.decode().splitlines()


@pytest.mark.parametrize("secrets", [(SECRET,), (new_secret(), OLD_SECRET)])
async def test_the_form_of_the_example_is_taken_once(
    registry_url: str, temporal: WorkflowEnvironment, secrets: tuple[str, ...]
) -> None:
    engine = create_async_engine(registry_url)
    async with (
        web_on(
            database.sessions(engine, MASTER, JOURNAL_OF_TESTS),
            temporal.client,
            form_secrets=secrets,
            form_translation=EXAMPLE,
        ) as web,
        served(web.app) as address,
    ):
        variables = {"WEB": address, "TETSUZUKI_FORM_WEBHOOK_SECRETS": ",".join(secrets)}
        first = await bash(example("send a form"), **variables)
        again = await bash(example("send a form"), **variables)
        forged = await bash(example("send a form"), WEB=address, TETSUZUKI_FORM_WEBHOOK_SECRETS=new_secret())
        await end_cases(web, temporal.client)
    await engine.dispose()
    assert first[-1] == "202"
    assert '"application_no"' in first[0]
    assert again == [first[0], "200"]
    assert forged[-1] == "401"


async def test_the_check_of_the_example_distinguishes_our_messages_from_forged_ones() -> None:
    secret, other = SECRET, new_secret()
    message = signed("msg_1", MESSAGE, [other, secret], datetime.now(UTC))
    answers = []
    for key, body in ((secret, message.body), (other, message.body), (OLD_SECRET, message.body), (secret, "{}")):
        given = (message.headers["webhook-timestamp"], message.headers["webhook-signature"], body)
        answers += await bash(f"{example('check a message')}\ncheck {shlex.join([key, 'msg_1', *given])}")
    assert answers == ["genuine", "genuine", "forged", "forged"]


def test_the_message_of_the_document_is_one_of_ours() -> None:
    [shown] = re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)
    assert json.loads(shown) == MESSAGE
    for kind in WebhookKind:
        assert f"| `{kind}` |" in TEXT
