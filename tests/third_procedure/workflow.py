"""The procedure (step 4)."""

from temporalio import workflow

from models.common.calendar import end_of
from models.common.case_status import CaseStatus
from models.common.operator_actions import EndCase
from models.common.operator_message import ActionMessage
from models.common.possible_operations import CASE_NOW, CaseNow, OperationToJudge
from models.common.waiting_for import WaitingFor
from tests.third_procedure.activities import ManualActivities
from tests.third_procedure.messages import CloseManual, ManualCase, ManualOutcome, ManualStage
from tests.third_procedure.operations import OPERATIONS, ManualOperation, ManualState
from workflows.common.business_days import business_days_after_today
from workflows.common.cancellation import shielded_from_cancellation
from workflows.common.case_query import CASE_NOW_DESCRIPTION, answer_case_now
from workflows.common.case_steps import CaseSteps
from workflows.common.case_view import CaseView
from workflows.common.details import also_possible, history, to_do_now
from workflows.common.operator_turn import CANCELLATION_ASKED
from workflows.common.operator_updates import operator_action, refused
from workflows.common.search_attributes import columns_of
from workflows.common.waiting import ScheduledAction, reminders, wait_until

REMIND_AFTER = (2,)
"""Business days."""


@workflow.defn
class ManualRequest:
    """An operator sends a printed manual, or nobody does in time."""

    @workflow.init
    def __init__(self, case: ManualCase) -> None:
        self._state = state = ManualState(case=case)
        self.view = CaseView(state, self._details, lambda: columns_of(state))
        self.view.begins_as(CaseStatus.first(state.stage, case.requested_at))
        self._steps = CaseSteps(case, state, self.view)

    @workflow.run
    @shielded_from_cancellation
    async def run(self, case: ManualCase) -> ManualOutcome:
        self.view.enter(ManualStage.REQUESTED, WaitingFor.OPERATOR, case.expires_on)
        await self._steps.rest()
        actions = [
            *reminders(await business_days_after_today(*REMIND_AFTER), "発送を催促する", self._remind),
            ScheduledAction(lambda: end_of(case.expires_on), "依頼を期限切れにする", self._expire),
        ]
        await wait_until(lambda: self._state.outcome is not None, actions)
        return await self._close(self._state.outcome or ManualOutcome.EXPIRED)

    @operator_action(ManualOperation.SENT)
    async def sent(self, message: ActionMessage) -> None:
        await self._end(ManualOperation.SENT, ManualOutcome.SENT, message)

    @operator_action(ManualOperation.WITHDRAW)
    async def withdraw(self, message: EndCase) -> None:
        self._state.text_for_customer = message.text_for_customer
        await self._end(ManualOperation.WITHDRAW, ManualOutcome.WITHDRAWN, message)

    async def cancellation_requested(self) -> None:
        self.view.note(CANCELLATION_ASKED)
        self.view.show()

    @workflow.query(name=CASE_NOW, description=CASE_NOW_DESCRIPTION)
    def case_now(self, asked: OperationToJudge | None = None) -> CaseNow:
        title, next_step = f"説明書の依頼 {self._state.case.case_no}", "説明書を送り、送ったことを記録してください。"
        return answer_case_now(self, OPERATIONS, self._state, self._state, asked, title=title, next_step=next_step)

    def check_possible(self, operation: ManualOperation, message: ActionMessage) -> None:
        if reason := OPERATIONS.refuse(operation, message, self._state):
            raise refused(reason)

    async def _end(self, operation: ManualOperation, outcome: ManualOutcome, message: ActionMessage) -> None:
        await self._steps.record(operation, message)
        self._state.outcome = self._state.outcome or outcome

    async def _close(self, outcome: ManualOutcome) -> ManualOutcome:
        await workflow.wait_condition(workflow.all_handlers_finished)
        self._state.outcome = outcome
        self.view.enter(ManualStage.CLOSED)
        step = self._steps.input(CloseManual, outcome=outcome)
        await self._steps.run(ManualActivities.close_manual, step, f"依頼を終了する（{outcome}）")
        self.view.show()
        return outcome

    async def _remind(self, occurrence: int) -> None:
        self.view.note(f"発送を催促した（{occurrence} 回目）")
        self.view.show()

    async def _expire(self) -> None:
        self.view.note("期限が過ぎた")

    def _details(self) -> str:
        state = self._state
        possible = OPERATIONS.available(state)
        parts = [f"### 説明書の依頼　{state.outcome or state.stage}", *to_do_now(OPERATIONS, possible[:1], state.case)]
        parts += [*also_possible(OPERATIONS, possible[1:], state.case), *history(state.timeline)]
        return "\n\n".join(parts)
