"""Notification other systems how an application and its offices get on: every change of stage or outcome, in order."""

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
    """Notes the changes as they happen and publishes them one after the other, beside the story."""

    def __init__(self, case: ApplicationCase) -> None:
        self._case = case
        self._told: dict[int | None, tuple[Coded, Coded | None]] = {}
        self._counted: Counter[int | None] = Counter()
        self._waiting: deque[StageChange] = deque()
        self._publishing: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Publish from now on."""
        self._publishing = asyncio.create_task(self._publish())

    def note(self, stage: ApplicationStage, waiting_for: WaitingFor, offices: Iterable[OfficeProgress]) -> None:
        """Note what has changed since the last time: the offices before the whole."""
        number, at, due_date = self._case.application_no, workflow.now(), self._case.due_date
        for office in offices:
            self._note(
                office_stage_change(
                    number,
                    office.office_no,
                    office.stage,
                    outcome=office.outcome,
                    sequence=self._counted[office.office_no] + 1,
                    at=at,
                    waiting_for=Coded.of(office.waiting_for),
                    due_date=due_date,
                )
            )
        self._note(
            application_stage_change(
                number,
                stage,
                sequence=self._counted[None] + 1,
                at=at,
                waiting_for=Coded.of(waiting_for),
                due_date=due_date,
            )
        )

    async def published(self) -> None:
        """Wait until everything noted is published."""
        if self._publishing:
            await workflow.wait_condition(lambda: not self._waiting)
            self._publishing.cancel()

    def _note(self, change: StageChange) -> None:
        standing = (change.stage, change.outcome)
        if self._told.get(change.office_no) != standing:
            self._told[change.office_no] = standing
            self._counted[change.office_no] += 1
            self._waiting.append(change)

    async def _publish(self) -> None:
        while True:
            await workflow.wait_condition(lambda: bool(self._waiting))
            await workflow.execute_local_activity_method(
                WebhookPublishingActivities.publish_stage_change,
                self._waiting[0],
                summary="段階の変化を他のシステムに知らせる準備をする",
                **LOOK_UP,
            )
            self._waiting.popleft()
