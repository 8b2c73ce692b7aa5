"""MYICS: a file of firms, clients or users is processed, page by page (M8)."""

from datetime import timedelta
from typing import NoReturn

from temporalio import workflow

from activities.myics.batches import RegistrationBatchActivities
from models.common.acting import signed_act, who_acts
from models.common.case_status import CaseStatus
from models.common.messages import ACTIVITY_FAILING, OPERATIONS_LOST, ROW_CHANGED, CaseStep
from models.common.operator_message import ActionMessage
from models.common.possible_operations import CASE_NOW, CaseNow, OperationToJudge
from models.common.waiting_for import WaitingFor
from models.myics.batch_operations import OPERATIONS, BatchOperation
from models.myics.batch_state import BatchState
from models.myics.batches import (
    PAGE,
    REFUSED_SHOWN,
    WAITING_TO_START,
    BatchCase,
    BatchFound,
    BatchOutcome,
    BatchPage,
    BatchProgress,
    BatchStage,
    RefusedLine,
    StopBatch,
)
from models.myics.deadlines import HELD_UP_AFTER
from workflows.common.activity_options import PAGE_OF_ROWS
from workflows.common.cancellation import shielded_from_cancellation
from workflows.common.case_query import CASE_NOW_DESCRIPTION, answer_case_now
from workflows.common.case_steps import CaseSteps
from workflows.common.case_view import CaseView
from workflows.common.lost_operations import LostOperationsLook
from workflows.common.operator_turn import CANCELLATION_ASKED
from workflows.common.operator_updates import current_update_id, operator_action, refused
from workflows.common.row_look import RowLook
from workflows.myics.client_batch_details import batch_details, next_for_operator
from workflows.myics.search_attributes import batch_columns

LOOK_AGAIN_AFTER = timedelta(seconds=5), timedelta(minutes=5)
"""The shortest and the longest wait for invitations to be started before the next look."""


@workflow.defn
class ClientBatch:
    """Takes every row once. Each page is one activity, so that 10,000 rows stay within the limits of a history."""

    @workflow.init
    def __init__(self, case: BatchCase) -> None:
        self._case = case
        self._state = state = BatchState.of(case)
        self.view = CaseView(state, lambda: batch_details(state), lambda: batch_columns(state))
        self.view.begins_as(case.status or CaseStatus.first(BatchStage.REGISTERING, case.requested_at))
        self._steps = CaseSteps(case, state, self.view, self._wait_for_retry)
        self._row = RowLook(self._take_what_the_row_says)
        self._lost = LostOperationsLook(case, state, self.view, self._steps, self._rest)

    @workflow.run
    @shielded_from_cancellation
    async def run(self, case: BatchCase) -> BatchProgress:
        state = self._state
        await self._row.look()
        await self._let_invitations_start(case.waiting_to_start)
        while state.next_row <= case.rows:
            await self._continue_as_new_if_suggested()
            await self._rest()
            await workflow.wait_condition(lambda: not state.progress.stopped)
            await self._process(min(state.next_row + PAGE - 1, case.rows))
        return await self._close()

    # --- updates: what operators do -----------------------------------------------------------------------------------

    @operator_action(BatchOperation.STOP)
    async def stop(self, message: ActionMessage) -> None:
        await self._stop_or_resume(BatchOperation.STOP, message)

    @operator_action(BatchOperation.RESUME)
    async def resume(self, message: ActionMessage) -> None:
        await self._stop_or_resume(BatchOperation.RESUME, message)

    @operator_action(BatchOperation.TRY_AGAIN)
    async def try_again(self, message: ActionMessage) -> None:
        await self._steps.record(BatchOperation.TRY_AGAIN, message)
        self._state.refused = None

    # --- signals and queries ------------------------------------------------------------------------------------------

    @workflow.signal(name=ROW_CHANGED, description="事務所の画面での操作を調べる依頼（システム用）")
    async def row_changed(self) -> None:
        await self._row.look()

    @workflow.signal(name=ACTIVITY_FAILING, description="処理の失敗を調べる依頼（システム用）")
    async def activity_failing(self) -> None:
        await self._steps.look_at_failures()

    @workflow.signal(name=OPERATIONS_LOST, description="やり直されていない操作を調べる依頼（システム用）")
    async def operations_lost(self) -> None:
        await self._lost.look()

    @workflow.query(description="一括登録の進み具合と、登録できなかった行")
    def progress(self) -> BatchProgress:
        return self._state.progress

    async def cancellation_requested(self) -> None:
        """*Request Cancellation* makes an operator's turn, who stops it or lets it go on: nobody knows who asks."""
        self.view.note(CANCELLATION_ASKED)
        if not self._state.leaving:
            self._state.cancellation_asked = True
            await self._rest()

    @workflow.query(name=CASE_NOW, description=CASE_NOW_DESCRIPTION)
    def case_now(self, asked: OperationToJudge | None = None) -> CaseNow:
        state, title = self._state, f"一括登録（{self._case.kind.label}、{self._case.case_no}）"
        first = OPERATIONS.available(state)
        next_step = next_for_operator(state)
        return answer_case_now(self, OPERATIONS, state, state, asked, title=title, next_step=next_step, first=first)

    def check_possible(self, operation: BatchOperation, message: ActionMessage) -> None:
        """Refuse an operation before it enters history, saying what is possible now."""
        if reason := OPERATIONS.refuse(operation, message, self._state):
            raise refused(reason)

    # --- the parts of `run` -------------------------------------------------------------------------------------------

    async def _process(self, last: int) -> None:
        state = self._state
        page = self._steps.input(
            BatchPage, kind=self._case.kind, customer_no=self._case.customer_no, first=state.next_row, last=last
        )
        summary = f"{page.first}～{page.last} 件目を登録する"
        done = await self._steps.look(
            RegistrationBatchActivities.process_page, page, summary, PAGE_OF_ROWS, quickly=False
        )
        self._count(page, done.refused)
        state.next_row = last + 1
        await self._let_invitations_start(done.waiting_to_start)

    async def _let_invitations_start(self, waiting: int) -> None:
        """Wait until most of this page's invitations have started: mails go out as fast as they start."""
        state = self._state
        while waiting > WAITING_TO_START:
            state.waiting_to_start, state.waiting_since = waiting, state.waiting_since or workflow.now()
            waited = workflow.now() - state.waiting_since
            state.held_up = waiting if waited >= HELD_UP_AFTER else 0
            await self._continue_as_new_if_suggested()
            await self._rest()
            # The longer it has waited, the longer it waits.
            shortest, longest = LOOK_AGAIN_AFTER
            await workflow.sleep(min(max(waited / 4, shortest), longest), summary="招待が始まるのを待つ")
            waiting = await self._steps.look(
                RegistrationBatchActivities.count_waiting, self._case, "始まっていない招待を数える"
            )
        state.waiting_to_start, state.waiting_since, state.held_up = 0, None, 0

    async def _continue_as_new_if_suggested(self) -> None:
        """Go on in a new run before the history becomes long."""
        if workflow.info().is_continue_as_new_suggested():
            await self._continue_as_new()

    async def _continue_as_new(self) -> NoReturn:
        await self._rest()
        await workflow.wait_condition(workflow.all_handlers_finished)
        workflow.continue_as_new(self._state.in_a_new_run().model_copy(update={"status": self.view.written}))

    def _count(self, page: BatchPage, refused_lines: tuple[RefusedLine, ...]) -> None:
        before = self._state.progress
        self._state.progress = before.model_copy(
            update={
                "done": before.done + page.last - page.first + 1,
                "refused": before.refused + len(refused_lines),
                "first_refused": (*before.first_refused, *refused_lines)[:REFUSED_SHOWN],
            }
        )

    async def _close(self) -> BatchProgress:
        await workflow.wait_condition(workflow.all_handlers_finished)
        state = self._state
        state.outcome = BatchOutcome.FINISHED
        self.view.enter(BatchStage.CLOSED)
        step = self._steps.input(CaseStep)
        await self._steps.run(RegistrationBatchActivities.close_batch, step, "一括登録を終了する")
        state.progress = state.progress.model_copy(update={"finished": True})
        self.view.show()
        await workflow.wait_condition(workflow.all_handlers_finished)
        return state.progress

    # --- stopped and resumed ------------------------------------------------------------------------------------------

    async def _stop_or_resume(self, operation: BatchOperation, message: ActionMessage) -> None:
        self._state.cancellation_asked, self._state.lost = False, ()
        step = self._steps.input(
            StopBatch,
            stopped=operation is BatchOperation.STOP,
            action=operation.label,
            by=who_acts(),
            act=signed_act(),
            reason=message.reason,
            asked_as=current_update_id(),
        )
        summary = f"操作を記録する：{operation.label}"
        await self._take(await self._steps.run(RegistrationBatchActivities.stop_batch, step, summary))

    async def _take_what_the_row_says(self) -> None:
        summary = "一括登録の記録を調べる"
        await self._take(await self._steps.look(RegistrationBatchActivities.look_at_batch, self._case, summary))

    async def _take(self, found: BatchFound) -> None:
        """Take what is newer than what is known: whether it is stopped; once it has ended, nothing is."""
        state = self._state
        newer = state.changed_at is None or found.changed_at > state.changed_at
        if newer and state.outcome is None:
            state.changed_at = found.changed_at
            state.progress = state.progress.model_copy(update={"stopped": found.stopped})
            await self._rest()

    async def _rest(self) -> None:
        stopped = self._state.progress.stopped
        asked = self._state.cancellation_asked or self._state.lost
        waiting_for = WaitingFor.OPERATOR if asked else WaitingFor.SYSTEM
        self.view.enter(BatchStage.STOPPED if stopped else BatchStage.REGISTERING, waiting_for)
        await self._steps.rest()

    async def _wait_for_retry(self) -> None:
        """Nobody is in charge of a file: operators find it in the list of what waits for them."""
        await self._steps.rest()
        await workflow.wait_condition(lambda: self._state.refused is None)
