"""Digest, reconciliation and retention run by the clock, in Japan's time, and can be run by hand."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from sqlalchemy import update
from temporalio.client import Client, Schedule, ScheduleActionStartWorkflow, ScheduleOverlapPolicy
from temporalio.service import RPCError

from models.common.calendar import JAPAN
from models.common.task_queues import erasing_queue
from models.tables import OfficeRow
from tests.support.environment import OFFICE_C, Environment
from workers import schedules
from workers.commands.reconcile import reconcile_now
from workers.settings import Settings
from workers.temporal import prepare
from workflows.common.activity_options import LATER


@pytest_asyncio.fixture
async def installed(environment: Environment) -> AsyncIterator[Environment]:
    """The schedules on this test's task queue; removed afterwards, since other tests share the server."""
    await schedules.install(environment.client, environment.settings.temporal_task_queue)
    yield environment
    for schedule_id in (schedules.DIGEST, schedules.RECONCILIATION, schedules.RETENTION):
        await environment.client.get_schedule_handle(schedule_id).delete()


async def described(environment: Environment, schedule_id: str) -> Schedule:
    return (await environment.client.get_schedule_handle(schedule_id).describe()).schedule


async def next_runs(environment: Environment, schedule_id: str) -> list[datetime]:
    described = await environment.client.get_schedule_handle(schedule_id).describe()
    return [at.astimezone(ZoneInfo(JAPAN)) for at in described.info.next_action_times]


async def test_the_digest_is_due_at_half_past_eight_from_monday_to_friday(installed: Environment) -> None:
    runs = await next_runs(installed, schedules.DIGEST)
    assert {(at.hour, at.minute) for at in runs} == {(8, 30)}
    assert {at.weekday() for at in runs} == {0, 1, 2, 3, 4}


async def test_the_reconciliation_is_due_at_six_every_day(installed: Environment) -> None:
    runs = await next_runs(installed, schedules.RECONCILIATION)
    assert {(at.hour, at.minute) for at in runs} == {(6, 0)}
    assert {at.weekday() for at in runs} == set(range(7))


async def test_retention_is_due_at_three_every_day_on_the_task_queue_of_who_may_delete(installed: Environment) -> None:
    runs = await next_runs(installed, schedules.RETENTION)
    assert {(at.hour, at.minute) for at in runs} == {(3, 0)}
    assert {at.weekday() for at in runs} == set(range(7))
    action = (await described(installed, schedules.RETENTION)).action
    assert isinstance(action, ScheduleActionStartWorkflow)
    assert action.task_queue == erasing_queue(installed.settings.temporal_task_queue)


async def test_cases_come_before_what_runs_by_the_clock(installed: Environment) -> None:
    for schedule_id in (schedules.DIGEST, schedules.RECONCILIATION, schedules.RETENTION):
        action = (await described(installed, schedule_id)).action
        assert isinstance(action, ScheduleActionStartWorkflow)
        assert action.priority.priority_key == LATER.priority_key == 4


async def test_runs_never_overlap_and_are_caught_up_with_on_the_same_day_only(installed: Environment) -> None:
    for schedule_id in (schedules.DIGEST, schedules.RECONCILIATION):
        policy = (await described(installed, schedule_id)).policy
        assert policy.overlap is ScheduleOverlapPolicy.SKIP
        assert policy.catchup_window
        assert timedelta(hours=1) < policy.catchup_window < timedelta(days=1)


async def test_installing_again_keeps_one_of_each_and_a_pause(installed: Environment) -> None:
    await installed.client.get_schedule_handle(schedules.DIGEST).pause(note="棚卸しのため")
    await schedules.install(installed.client, "another-queue")
    found = await described(installed, schedules.DIGEST)
    assert (found.state.paused, found.state.note) == (True, "棚卸しのため")
    assert getattr(found.action, "task_queue", None) == "another-queue"
    assert not (await described(installed, schedules.RECONCILIATION)).state.paused
    listed = [each.id async for each in await installed.client.list_schedules()]
    assert sorted(listed) == sorted({schedules.DIGEST, schedules.RECONCILIATION, schedules.RETENTION})


async def test_returned_mails_are_read_as_often_as_is_set_and_no_longer_once_no_mailbox_is(
    installed: Environment,
) -> None:
    queue = installed.settings.temporal_task_queue
    for minutes in (10, 30):
        await schedules.install(installed.client, queue, timedelta(minutes=minutes))
        found = await described(installed, schedules.BOUNCES)
        assert [each.every for each in found.spec.intervals] == [timedelta(minutes=minutes)]
        assert found.policy.overlap is ScheduleOverlapPolicy.SKIP
    for _ in range(2):
        await schedules.install(installed.client, queue)
        with pytest.raises(RPCError, match="not found"):
            await described(installed, schedules.BOUNCES)


@pytest.mark.parametrize(
    ("set_to", "every"),
    [
        ({}, None),
        ({"bounce_imap_host": "imap.example.co.jp"}, timedelta(minutes=10)),
        ({"bounce_maildir": "/var/mail/bounces", "bounce_every": "PT1H"}, timedelta(hours=1)),
    ],
)
async def test_the_mailbox_that_is_set_decides_whether_it_is_read(
    environment: Environment, monkeypatch: pytest.MonkeyPatch, set_to: dict[str, str], every: timedelta | None
) -> None:
    installed = []

    async def install(_client: Client, _queue: str, bounces_every: timedelta | None) -> None:
        installed.append(bounces_every)

    monkeypatch.setattr(schedules, "install", install)
    settings = Settings.model_validate(environment.settings.model_dump() | set_to)
    await prepare(environment.client, settings)
    assert installed == [every]


@pytest.mark.parametrize(
    ("frozen_by", "code", "printed"),
    [(None, 0, "食い違いはありませんでした。"), ("YS-999999:1", 0, "修復済み\t"), ("棚卸し", 1, "要対応\t")],
    ids=["nothing", "repaired", "needs a person"],
)
@pytest.mark.usefixtures("commands_on_the_tests_server")
async def test_reconcile_prints_what_it_found_and_fails_if_it_needs_a_person(
    environment: Environment, capsys: pytest.CaptureFixture[str], frozen_by: str | None, code: int, printed: str
) -> None:
    async with environment.sessions.begin() as session:
        office = update(OfficeRow).where(OfficeRow.office_token == OFFICE_C[1])
        await session.execute(office.values(frozen_by=frozen_by, frozen_at=frozen_by and datetime.now(UTC)))
    address = environment.client.service_client.config.target_host
    assert await reconcile_now(environment.settings.model_copy(update={"temporal_address": address})) == code
    assert capsys.readouterr().out.startswith(printed)


def test_every_schedule_says_in_japanese_what_it_does() -> None:
    for schedule in schedules.schedules(f"queue-{uuid4()}").values():
        [calendar] = schedule.spec.calendars
        assert calendar.comment
        assert schedule.spec.time_zone_name == "Asia/Tokyo"
