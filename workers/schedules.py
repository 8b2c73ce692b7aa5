"""What runs by the clock: the operators' morning digest and the daily reconciliation, as Temporal Schedules."""

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
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleRange,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)

from models.common.calendar import JST
from workflows.backoffice.daily_reconciliation import DailyReconciliation
from workflows.backoffice.morning_digest import MorningDigest
from workflows.common.activity_options import LATER

DIGEST, RECONCILIATION = "morning-digest", "daily-reconciliation"
"""Ids of the schedules; each run's workflow id begins with its schedule's."""

_MONDAY_TO_FRIDAY = (ScheduleRange(1, 5),)
_EVERY_DAY = (ScheduleRange(0, 6),)


def schedules(task_queue: str) -> dict[str, Schedule]:
    """Return both, by id. The digest itself skips public holidays, which a schedule does not know."""
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
    }


async def install(client: Client, task_queue: str) -> None:
    """Create both schedules or bring them to what this build says; one that somebody has paused stays paused."""
    for schedule_id, schedule in schedules(task_queue).items():
        try:
            await client.create_schedule(schedule_id, schedule)
        except ScheduleAlreadyRunningError:
            await client.get_schedule_handle(schedule_id).update(_to(schedule))


def _to(schedule: Schedule) -> Callable[[ScheduleUpdateInput], ScheduleUpdate]:
    def bring(found: ScheduleUpdateInput) -> ScheduleUpdate:
        return ScheduleUpdate(schedule=replace(schedule, state=found.description.schedule.state))

    return bring


def _daily(action: ScheduleAction, at: ScheduleCalendarSpec, *, catch_up: timedelta) -> Schedule:
    return Schedule(
        action=action,
        spec=ScheduleSpec(calendars=[at], time_zone_name=str(JST)),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=catch_up),
    )
