"""MYICS: a file of firms, clients or users is worked off, page by page (M8)."""

from datetime import timedelta
from typing import NoReturn

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.failing import ACTIVITY_FAILING
    from activities.registration_batches import RegistrationBatchActivities
    from models.actions import ActionMessage
    from models.myics.batches import (
        PAGE,
        PAGES_PER_RUN,
        REFUSED_SHOWN,
        WAITING_TO_START,
        BatchCase,
        BatchNews,
        BatchPage,
        BatchProgress,
        BatchStep,
        PageDone,
        RefusedLine,
        ResumeBatch,
        StopBatch,
    )
    from models.procedures import WaitingFor
    from workflows.client_batch_details import batch_details
    from workflows.options import PAGE_OF_ROWS, REGISTRY
    from workflows.search_attributes import FAILING, STAGE, WAITING_FOR
    from workflows.updates import update_described

NEWS = "batch_news"
"""The signal that says what the firm asked for on its pages."""
LOOK_AGAIN_AFTER = timedelta(seconds=5)
"""How long to wait for invitations to be started before the next look."""


@workflow.defn
class ClientBatch:
    """Takes every row once. Each page is one activity, so that 10,000 rows stay within the limits of a history."""

    @workflow.init
    def __init__(self, case: BatchCase) -> None:
        self._case = case
        self._progress = case.progress
        self._next_row = case.next_row
        self._heard_at = case.heard_at
        self._operations = case.operations
        self._failing = False

    @workflow.run
    async def run(self, case: BatchCase) -> BatchProgress:
        pages = 0
        while self._next_row <= case.rows:
            if pages == PAGES_PER_RUN:
                await self._go_on_in_a_new_run()
            self._show()
            await workflow.wait_condition(lambda: not self._progress.stopped)
            await self._work_off(min(self._next_row + PAGE - 1, case.rows))
            pages += 1
        return await self._close()

    @update_described(StopBatch.label)
    async def stop(self, message: StopBatch) -> None:
        self._set_stopped(stopped=True)
        await self._record(message)

    @stop.validator
    def _check_stop(self, message: StopBatch) -> None:
        _refuse_misread(StopBatch.model_validate(message), "stop")
        if self._progress.stopped:
            raise _refused("すでに止まっています。いまできる操作：resume")

    @update_described(ResumeBatch.label)
    async def resume(self, message: ResumeBatch) -> None:
        self._set_stopped(stopped=False)
        await self._record(message)

    @resume.validator
    def _check_resume(self, message: ResumeBatch) -> None:
        _refuse_misread(ResumeBatch.model_validate(message), "resume")
        if not self._progress.stopped:
            raise _refused("止まっていません。いまできる操作：stop")

    @workflow.signal(name=NEWS, description="事務所の画面での操作の報告（システム用）")
    def hear(self, news: BatchNews) -> None:
        if self._heard_at is None or news.changed_at > self._heard_at:
            self._heard_at = news.changed_at
            self._set_stopped(stopped=news.stopped)

    @workflow.signal(name=ACTIVITY_FAILING, description="処理の失敗が続いていることの報告（システム用）")
    def activity_failing(self, activity: str) -> None:  # noqa: ARG002 Pending Activities say what
        self._failing = True
        workflow.upsert_search_attributes([FAILING.value_set(True), WAITING_FOR.value_set(WaitingFor.OPERATOR)])
        self._show()

    @workflow.query(description="一括登録の進み具合と、登録できなかった行")
    def progress(self) -> BatchProgress:
        return self._progress

    async def _go_on_in_a_new_run(self) -> NoReturn:
        await workflow.wait_condition(workflow.all_handlers_finished)
        left = {
            "next_row": self._next_row,
            "operations": self._operations,
            "heard_at": self._heard_at,
            "progress": self._progress,
        }
        workflow.continue_as_new(self._case.model_copy(update=left))

    async def _work_off(self, last: int) -> None:
        page = BatchPage(
            batch_no=self._case.batch_no,
            kind=self._case.kind,
            customer_no=self._case.customer_no,
            first=self._next_row,
            last=last,
            at=workflow.now(),
        )
        done: PageDone = await workflow.execute_activity_method(
            RegistrationBatchActivities.work_off_page,
            page,
            summary=f"{page.first}～{page.last} 件目を登録する",
            **PAGE_OF_ROWS,
        )
        self._recovered()
        self._count(page, done.refused)
        self._next_row = last + 1
        await self._let_invitations_start(done.waiting_to_start)

    async def _let_invitations_start(self, waiting: int) -> None:
        """Mails go out as fast as invitations start: the next page waits until most of this one's have."""
        while waiting > WAITING_TO_START:
            self._show()
            await workflow.sleep(LOOK_AGAIN_AFTER, summary="招待が始まるのを待つ")
            waiting = await workflow.execute_activity_method(
                RegistrationBatchActivities.count_waiting,
                BatchStep(batch_no=self._case.batch_no, at=workflow.now()),
                summary="始まっていない招待を数える",
                **REGISTRY,
            )

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
        await workflow.execute_activity_method(
            RegistrationBatchActivities.close_batch,
            BatchStep(batch_no=self._case.batch_no, at=workflow.now()),
            summary="一括登録を終了する",
            **REGISTRY,
        )
        self._progress = self._progress.model_copy(update={"finished": True})
        self._show()
        return self._progress

    async def _record(self, message: ActionMessage) -> None:
        self._operations += 1
        await workflow.execute_activity_method(
            RegistrationBatchActivities.record_batch_operation,
            BatchStep(
                batch_no=self._case.batch_no,
                at=workflow.now(),
                occurrence=self._operations,
                action=message.label,
                by=message.by,
                reason=message.reason,
            ),
            summary=f"操作を記録する：{message.label}",
            **REGISTRY,
        )

    def _set_stopped(self, *, stopped: bool) -> None:
        self._progress = self._progress.model_copy(update={"stopped": stopped})
        self._show()

    def _recovered(self) -> None:
        if self._failing:
            self._failing = False
            workflow.upsert_search_attributes([FAILING.value_set(False), WAITING_FOR.value_set(WaitingFor.SYSTEM)])

    def _show(self) -> None:
        progress = self._progress
        workflow.upsert_search_attributes(
            [STAGE.value_set("終了" if progress.finished else "停止中" if progress.stopped else "登録中")]
        )
        workflow.set_current_details(batch_details(self._case, progress, failing=self._failing))


def _refuse_misread(message: ActionMessage, name: str) -> None:
    if message.misread:
        example = f'{name}：{{"by": "あなたの名前", "reason": "理由"}}'
        raise _refused(f"JSON を読み取れません（{'、'.join(message.misread)}）。例：{example}")


def _refused(reason: str) -> ApplicationError:
    return ApplicationError(reason, type="Refused", non_retryable=True)
