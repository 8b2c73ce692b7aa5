"""What runs by the clock, as Temporal Schedules: digest, reconciliation, retention, reading returned mails."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from temporalio.client import (
    Client,
    Schedule,
    ScheduleAction,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleCalendarSpec,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleRange,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.service import RPCError, RPCStatusCode

from models.common.calendar import JAPAN
from models.common.task_queues import erasing_queue
from workflows.backoffice.bounce_reading import BounceReading
from workflows.backoffice.daily_reconciliation import DailyReconciliation
from workflows.backoffice.morning_digest import MorningDigest
from workflows.backoffice.retention import Retention
from workflows.common.activity_options import LATER

DIGEST, RECONCILIATION, BOUNCES = "morning-digest", "daily-reconciliation", "bounce-reading"
RETENTION = "retention"
"""Ids of the schedules; each run's workflow id begins with its schedule's."""

_MONDAY_TO_FRIDAY = (ScheduleRange(1, 5),)
_EVERY_DAY = (ScheduleRange(0, 6),)


def schedules(task_queue: str, bounces_every: timedelta | None = None) -> dict[str, Schedule]:
    """Return all, by id. The digest itself skips public holidays, which a schedule does not know.

    `bounces_every`: how often returned mails are read; None: they are not.
    """
    return _daily_schedules(task_queue) | (_bounces(task_queue, bounces_every) if bounces_every else {})


def _bounces(task_queue: str, every: timedelta) -> dict[str, Schedule]:
    action = ScheduleActionStartWorkflow(
        BounceReading.run,
        id=BOUNCES,
        task_queue=task_queue,
        priority=LATER,
        static_summary="届かずに戻ったメールを読む",
    )
    # A missed one is made up for by the next.
    policy = SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=every)
    return {BOUNCES: Schedule(action=action, spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every)]), policy=policy)}


def _daily_schedules(task_queue: str) -> dict[str, Schedule]:
    return {
        DIGEST: _daily(
            ScheduleActionStartWorkflow(
                MorningDigest.run,
                id=DIGEST,
                task_queue=task_queue,
                priority=LATER,
                static_summary="担当者への朝のお知らせ",
            ),
            ScheduleCalendarSpec(
                hour=(ScheduleRange(8),),
                minute=(ScheduleRange(30),),
                day_of_week=_MONDAY_TO_FRIDAY,
                comment="平日 8:30（祝日と休業日は送りません）",
            ),
            # Later in the day the digest is out of date.
            catch_up=timedelta(hours=3),
        ),
        RECONCILIATION: _daily(
            ScheduleActionStartWorkflow(
                DailyReconciliation.run,
                id=RECONCILIATION,
                task_queue=task_queue,
                priority=LATER,
                static_summary="登録内容と手続きの照合",
            ),
            ScheduleCalendarSpec(hour=(ScheduleRange(6),), day_of_week=_EVERY_DAY, comment="毎日 6:00"),
            # A missed one is made up for, but one a day is enough.
            catch_up=timedelta(hours=18),
        ),
        RETENTION: _daily(
            ScheduleActionStartWorkflow(
                Retention.run,
                id=RETENTION,
                task_queue=erasing_queue(task_queue),
                priority=LATER,
                static_summary="保存期間を過ぎた情報の消去",
            ),
            ScheduleCalendarSpec(hour=(ScheduleRange(3),), day_of_week=_EVERY_DAY, comment="毎日 3:00"),
            catch_up=timedelta(hours=18),
        ),
    }


async def install(client: Client, task_queue: str, bounces_every: timedelta | None = None) -> None:
    """Create the schedules or bring them to what this build says; one that somebody has paused stays paused.

    That of returned mails is removed where they are no longer read.
    """
    if bounces_every is None:
        await _remove(client, BOUNCES)
    for schedule_id, schedule in schedules(task_queue, bounces_every).items():
        try:
            await client.create_schedule(schedule_id, schedule)
        except ScheduleAlreadyRunningError:
            await client.get_schedule_handle(schedule_id).update(_to(schedule))


async def _remove(client: Client, schedule_id: str) -> None:
    try:
        await client.get_schedule_handle(schedule_id).delete()
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise


def _to(schedule: Schedule) -> Callable[[ScheduleUpdateInput], ScheduleUpdate]:
    def bring(found: ScheduleUpdateInput) -> ScheduleUpdate:
        return ScheduleUpdate(schedule=replace(schedule, state=found.description.schedule.state))

    return bring


def _daily(action: ScheduleAction, at: ScheduleCalendarSpec, *, catch_up: timedelta) -> Schedule:
    return Schedule(
        action=action,
        spec=ScheduleSpec(calendars=[at], time_zone_name=JAPAN),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=catch_up),
    )
