"""Notifying other systems of every change of stage or outcome of an application and its offices, in order."""

import asyncio
from collections import Counter, deque
from collections.abc import Iterable

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.webhooks.publishing import WebhookPublishingActivities
    from models.common.waiting_for import WaitingFor
    from models.webhooks.messages import Coded, StageChange
    from models.yayoi.messages import ApplicationCase, OfficeProgress
    from models.yayoi.procedures import ApplicationStage
    from models.yayoi.stage_changes import application_stage_change, office_stage_change
    from workflows.common.activity_options import LOOK_UP


class StageChanges:
    """Queues the changes as they happen and publishes them one after the other, beside `run`."""

    def __init__(self, case: ApplicationCase) -> None:
        self._case = case
        self._latest: dict[int | None, tuple[Coded, Coded | None]] = {}
        self._sequence: Counter[int | None] = Counter()
        self._unpublished: deque[StageChange] = deque()
        self._publishing: asyncio.Task[None] | None = None

    def start_publishing(self) -> None:
        """Publish from now on."""
        self._publishing = asyncio.create_task(self._publish())

    def record(self, stage: ApplicationStage, waiting_for: WaitingFor, offices: Iterable[OfficeProgress]) -> None:
        """Queue what has changed since the last call: the offices before the whole."""
        number, at, due_date = self._case.application_no, workflow.now(), self._case.due_date
        for office in offices:
            self._queue(
                office_stage_change(
                    number,
                    office.office_no,
                    office.stage,
                    outcome=office.outcome,
                    sequence=self._sequence[office.office_no] + 1,
                    at=at,
                    waiting_for=Coded.of(office.waiting_for),
                    due_date=due_date,
                )
            )
        self._queue(
            application_stage_change(
                number,
                stage,
                sequence=self._sequence[None] + 1,
                at=at,
                waiting_for=Coded.of(waiting_for),
                due_date=due_date,
            )
        )

    async def wait_until_published(self) -> None:
        """Wait until everything queued is published."""
        if self._publishing:
            await workflow.wait_condition(lambda: not self._unpublished)
            self._publishing.cancel()

    def _queue(self, change: StageChange) -> None:
        latest = (change.stage, change.outcome)
        if self._latest.get(change.office_no) != latest:
            self._latest[change.office_no] = latest
            self._sequence[change.office_no] += 1
            self._unpublished.append(change)

    async def _publish(self) -> None:
        while True:
            await workflow.wait_condition(lambda: bool(self._unpublished))
            await workflow.execute_local_activity_method(
                WebhookPublishingActivities.publish_stage_change,
                self._unpublished[0],
                **LOOK_UP | {"summary": "段階の変化を他のシステムに知らせる準備をする"},
            )
            self._unpublished.popleft()
