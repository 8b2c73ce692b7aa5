"""Other systems learn of every change of stage, of each office and of the application as a whole, in order and once."""

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.testing import WorkflowEnvironment

from models.tables import WebhookMessageRow, WebhookSubscriberRow
from models.webhooks.messages import WebhookKind
from models.yayoi.procedures import Stage
from tests.support.environment import OFFICE_C, Case, Environment, at_rest, environment_with_worker, form
from tests.support.recorded_paths import two_offices, withdrawn
from tests.support.smtp_inbox import SmtpInbox


async def subscribe(environment: Environment, *kinds: WebhookKind, active: bool = True) -> int:
    async with environment.sessions.begin() as session:
        row = WebhookSubscriberRow(url="https://books.example/hook", secrets=[], kinds=list(kinds), active=active)
        session.add(row)
        await session.flush()
        return row.subscriber_id


async def published(case: Case, subscriber: int) -> dict[int | None, list[tuple[int, str, str, str | None]]]:
    """What a subscriber receives, by office: sequence, type, stage and outcome."""
    rows: list[WebhookMessageRow] = await case.environment.rows(
        select(WebhookMessageRow).where(
            WebhookMessageRow.subscriber_id == subscriber, WebhookMessageRow.application_no == case.application_no
        )
    )
    found: dict[int | None, list[tuple[int, str, str, str | None]]] = {}
    for payload in sorted((row.payload for row in rows), key=lambda payload: payload["data"]["sequence"]):
        data = payload["data"]
        outcome = data["outcome"] and data["outcome"]["code"]
        change = (data["sequence"], payload["type"], data["stage"]["code"], outcome)
        found.setdefault(data["office_no"], []).append(change)
    return found


async def test_every_change_is_published_in_order_of_each_office_and_of_the_whole(environment: Environment) -> None:
    subscriber, stopped = await subscribe(environment), await subscribe(environment, active=False)
    case = await two_offices(environment)
    await case.application.result()
    of_an_office = [
        (1, "office.stage_changed", "check", None),
        (2, "office.stage_changed", "set_up", None),
        (3, "office.stage_changed", "relink", None),
        (4, "office.closed", "closed", "completed"),
    ]
    assert await published(case, subscriber) == {
        None: [
            (1, "application.stage_changed", "received", None),
            (2, "application.stage_changed", "in_progress", None),
            (3, "application.closed", "closed", None),
        ],
        1: of_an_office,
        2: of_an_office,
    }
    assert await published(case, stopped) == {}


async def test_an_early_exit_is_published_with_its_outcome(environment: Environment) -> None:
    subscriber = await subscribe(environment, WebhookKind.OFFICE_CLOSED)
    case = await withdrawn(environment)
    await case.application.result()
    assert await published(case, subscriber) == {1: [(3, "office.closed", "closed", "withdrawn")]}


async def test_a_message_holds_ids_and_facts_and_no_names(environment: Environment) -> None:
    subscriber = await subscribe(environment)
    case = await environment.apply(form([OFFICE_C]))
    await at_rest(case, Stage.SHARING)
    await case.settled()
    while len((await published(case, subscriber)).get(1, [])) < 2:
        await case.settled()
    rows: list[WebhookMessageRow] = await environment.rows(
        select(WebhookMessageRow).order_by(WebhookMessageRow.stored_at)
    )
    [sharing] = [row.payload for row in rows if row.payload["data"]["stage"]["code"] == "sharing"]
    assert sharing["type"] == "office.stage_changed"
    assert sharing["timestamp"].endswith("Z")
    assert sharing["data"] == {
        "application_no": case.application_no,
        "office_no": 1,
        "sequence": 2,
        "stage": {"code": "sharing", "label": "共有解除待ち"},
        "waiting_for": {"code": "applicant", "label": "申込者"},
        "outcome": None,
        "due_date": case.due_date.isoformat(),
    }
    everything = str([row.payload for row in rows])
    for personal in ("弥生 太郎", "太郎", OFFICE_C[0], OFFICE_C[1], "事業所C", "@"):
        assert personal not in everything


@pytest.mark.long
async def test_replayed_at_every_step_it_publishes_each_change_once(
    sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment, smtp_inbox: SmtpInbox
) -> None:
    async with environment_with_worker(sessions, temporal, smtp_inbox, max_cached_workflows=0) as environment:
        subscriber = await subscribe(environment)
        case = await withdrawn(environment)
        await case.application.result()
        assert await published(case, subscriber) == {
            None: [
                (1, "application.stage_changed", "received", None),
                (2, "application.stage_changed", "in_progress", None),
                (3, "application.closed", "closed", None),
            ],
            1: [
                (1, "office.stage_changed", "check", None),
                (2, "office.stage_changed", "sharing", None),
                (3, "office.closed", "closed", "withdrawn"),
            ],
        }
