"""MYICS: a file of firms, clients or users is processed, page by page (M8)."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, NoReturn, TypeVar

from temporalio import workflow
from temporalio.common import SearchAttributeUpdate

with workflow.unsafe.imports_passed_through():
    from activities.myics.batches import RegistrationBatchActivities
    from models.common.messages import ROW_CHANGED
    from models.common.operator_message import ActionMessage
    from models.common.waiting_for import WaitingFor
    from models.myics.batch_operations import OPERATIONS, BatchOperation
    from models.myics.batches import (
        PAGE,
        PAGES_PER_RUN,
        REFUSED_SHOWN,
        WAITING_TO_START,
        BatchCase,
        BatchChanged,
        BatchPage,
        BatchProgress,
        BatchStep,
        PageDone,
        RefusedLine,
    )
    from models.myics.deadlines import HELD_UP_AFTER
    from workflows.common.activity_options import PAGE_OF_ROWS, REGISTRY
    from workflows.common.cancellation import shielded_from_cancellation
    from workflows.common.failing_activities import FailureFlag, no_longer_failing
    from workflows.common.operator_updates import current_update_id, operator_action, refused
    from workflows.common.search_attributes import FAILING, STAGE, WAITING_FOR
    from workflows.myics.client_batch_details import batch_details

Input = TypeVar("Input")
Output = TypeVar("Output")

LOOK_AGAIN_AFTER = timedelta(seconds=5), timedelta(minutes=5)
"""The shortest and the longest wait for invitations to be started before the next look."""
LOOKS_PER_RUN = 30
"""Looks after which the workflow continues as new: about 350 events."""


@workflow.defn
class ClientBatch(FailureFlag):
    """Takes every row once. Each page is one activity, so that 10,000 rows stay within the limits of a history."""

    @workflow.init
    def __init__(self, case: BatchCase) -> None:
        self._case = case
        self._progress = case.progress
        self._next_row = case.next_row
        self._changed_at = case.changed_at
        self._operations = case.operations
        self._waiting = case.waiting_to_start
        self._waiting_since = case.waiting_since
        self._looks = 0
        self._failing: set[str] = set()

    @workflow.run
    @shielded_from_cancellation
    async def run(self, case: BatchCase) -> BatchProgress:
        if case.waiting_to_start:
            await self._let_invitations_start(case.waiting_to_start)
        pages = 0
        while self._next_row <= case.rows:
            if pages == PAGES_PER_RUN:
                await self._go_on_in_a_new_run()
            self._show()
            await workflow.wait_condition(lambda: not self._progress.stopped)
            await self._process(min(self._next_row + PAGE - 1, case.rows))
            pages += 1
        return await self._close()

    @operator_action(BatchOperation.STOP)
    async def stop(self, message: ActionMessage) -> None:
        self._set_stopped(stopped=True)
        await self._record(BatchOperation.STOP, message)

    @operator_action(BatchOperation.RESUME)
    async def resume(self, message: ActionMessage) -> None:
        self._set_stopped(stopped=False)
        await self._record(BatchOperation.RESUME, message)

    @workflow.signal(name=ROW_CHANGED, description="事務所の画面での操作の報告（システム用）")
    def row_changed(self, changed: BatchChanged) -> None:
        if self._changed_at is None or changed.changed_at > self._changed_at:
            self._changed_at = changed.changed_at
            self._set_stopped(stopped=changed.stopped)

    @workflow.query(description="一括登録の進み具合と、登録できなかった行")
    def progress(self) -> BatchProgress:
        return self._progress

    async def cancellation_requested(self) -> None:
        """*Request Cancellation* in the Web UI is the same as stopping it: it can be resumed."""
        if OPERATIONS.refusal(BatchOperation.STOP, self._progress) is None:
            self._set_stopped(stopped=True)
            stop = ActionMessage(by="Web UI", reason="Request Cancellation による停止")
            await self._record(BatchOperation.STOP, stop)

    def check_possible(self, operation: BatchOperation, message: ActionMessage) -> None:
        """Refuse an operation before it enters history, saying what is possible now."""
        if reason := OPERATIONS.refuse(operation, message, self._progress):
            raise refused(reason)

    def show_failing(self, activity: str) -> None:
        """Show it in Current Details, too."""
        self._failing.add(activity)
        self._show_failures()
        self._show()

    async def _go_on_in_a_new_run(self) -> NoReturn:
        await workflow.wait_condition(workflow.all_handlers_finished)
        state = {
            "next_row": self._next_row,
            "operations": self._operations,
            "changed_at": self._changed_at,
            "progress": self._progress,
            "waiting_to_start": self._waiting,
            "waiting_since": self._waiting_since,
        }
        workflow.continue_as_new(self._case.model_copy(update=state))

    async def _process(self, last: int) -> None:
        page = BatchPage(
            batch_no=self._case.batch_no,
            kind=self._case.kind,
            customer_no=self._case.customer_no,
            first=self._next_row,
            last=last,
            at=workflow.now(),
        )
        summary = f"{page.first}～{page.last} 件目を登録する"
        done: PageDone = await self._run(RegistrationBatchActivities.process_page, page, summary, PAGE_OF_ROWS)
        self._count(page, done.refused)
        self._next_row = last + 1
        await self._let_invitations_start(done.waiting_to_start)

    async def _let_invitations_start(self, waiting: int) -> None:
        """Wait until most of this page's invitations have started: mails go out as fast as they start."""
        while waiting > WAITING_TO_START:
            self._waiting, self._waiting_since = waiting, self._waiting_since or workflow.now()
            if self._looks == LOOKS_PER_RUN:
                await self._go_on_in_a_new_run()
            self._show()
            await workflow.sleep(self._look_again_after(), summary="招待が始まるのを待つ")
            waiting = await self._run(
                RegistrationBatchActivities.count_waiting, self._step(), "始まっていない招待を数える"
            )
            self._looks += 1
        self._waiting, self._waiting_since = 0, None

    def _look_again_after(self) -> timedelta:
        """The longer it has waited, the longer it waits."""
        shortest, longest = LOOK_AGAIN_AFTER
        return min(max(self._waited / 4, shortest), longest)

    @property
    def _waited(self) -> timedelta:
        return workflow.now() - self._waiting_since if self._waiting_since else timedelta()

    def _count(self, page: BatchPage, refused: tuple[RefusedLine, ...]) -> None:
        before = self._progress
        self._progress = before.model_copy(
            update={
                "done": before.done + page.last - page.first + 1,
                "refused": before.refused + len(refused),
                "first_refused": (*before.first_refused, *refused)[:REFUSED_SHOWN],
            }
        )

    async def _close(self) -> BatchProgress:
        await workflow.wait_condition(workflow.all_handlers_finished)
        await self._run(RegistrationBatchActivities.close_batch, self._step(), "一括登録を終了する")
        self._progress = self._progress.model_copy(update={"finished": True})
        self._show()
        await workflow.wait_condition(workflow.all_handlers_finished)
        return self._progress

    async def _record(self, operation: BatchOperation, message: ActionMessage) -> None:
        self._operations += 1
        step = self._step(
            occurrence=self._operations,
            asked_as=current_update_id(),
            action=operation.label,
            by=message.by,
            reason=message.reason,
        )
        summary = f"操作を記録する：{operation.label}"
        await self._run(RegistrationBatchActivities.record_batch_operation, step, summary)

    def _step(self, **facts: Any) -> BatchStep:
        return BatchStep(batch_no=self._case.batch_no, at=workflow.now(), **facts)

    def _set_stopped(self, *, stopped: bool) -> None:
        self._progress = self._progress.model_copy(update={"stopped": stopped})
        self._show()

    async def _run(
        self,
        activity: Callable[[Any, Input], Awaitable[Output]],
        input_: Input,
        summary: str,
        options: workflow.ActivityConfig = REGISTRY,
    ) -> Output:
        output = await workflow.execute_activity_method(activity, input_, **options | {"summary": summary})
        if no_longer_failing(self._failing, activity.__name__):
            self._show_failures()
        return output

    @property
    def _held_up(self) -> int:
        """How many registrations have waited so long for their start that operators are shown it."""
        return self._waiting if self._waited >= HELD_UP_AFTER else 0

    def _show_failures(self) -> None:
        workflow.upsert_search_attributes(self._failures())

    def _failures(self) -> list[SearchAttributeUpdate[Any]]:
        failing = bool(self._failing or self._held_up)
        who = WaitingFor.OPERATOR if failing else WaitingFor.SYSTEM
        return [FAILING.value_set(failing), WAITING_FOR.value_set(who)]

    def _show(self) -> None:
        progress = self._progress
        stage = "終了" if progress.finished else "停止中" if progress.stopped else "登録中"
        workflow.upsert_search_attributes([STAGE.value_set(stage), *self._failures()])
        failing, held_up = bool(self._failing), self._held_up
        workflow.set_current_details(batch_details(self._case, progress, failing=failing, held_up=held_up))
