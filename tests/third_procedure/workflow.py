"""The procedure (step 4)."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.common.calendar import end_of
    from models.common.messages import TimelineEntry
    from models.common.operator_message import ActionMessage
    from models.common.waiting_for import WaitingFor
    from tests.third_procedure.activities import ManualActivities
    from tests.third_procedure.messages import CloseManual, ManualCase, ManualOutcome, ManualStage
    from tests.third_procedure.operations import OPERATIONS, ManualOperation, ManualState
    from workflows.common.activity_options import REGISTRY
    from workflows.common.business_days import business_days_after_today
    from workflows.common.cancellation import shielded_from_cancellation
    from workflows.common.details import also_possible, history, to_do_now
    from workflows.common.operator_updates import operator_action, refused
    from workflows.common.search_attributes import STAGE, WAITING_FOR
    from workflows.common.waiting import ScheduledAction, reminders, wait_until

REMIND_AFTER = (2,)
"""Business days."""


@workflow.defn
class ManualRequest:
    """An operator sends a printed manual, or nobody does in time."""

    @workflow.init
    def __init__(self, case: ManualCase) -> None:
        self._state = ManualState(case)

    @workflow.run
    @shielded_from_cancellation
    async def run(self, case: ManualCase) -> ManualOutcome:
        self._move_to(ManualStage.REQUESTED, WaitingFor.OPERATOR)
        actions = [
            *reminders(await business_days_after_today(*REMIND_AFTER), "発送を催促する", self._remind),
            ScheduledAction(lambda: end_of(case.expires_on), "依頼を期限切れにする", self._expire),
        ]
        await wait_until(lambda: self._state.outcome is not None, actions)
        return await self._close(self._state.outcome or ManualOutcome.EXPIRED)

    @operator_action(ManualOperation.SENT)
    async def sent(self, message: ActionMessage) -> None:
        self._end(ManualOutcome.SENT, message)

    @operator_action(ManualOperation.WITHDRAW)
    async def withdraw(self, message: ActionMessage) -> None:
        self._end(ManualOutcome.WITHDRAWN, message)

    async def cancellation_requested(self) -> None:
        self._end(ManualOutcome.WITHDRAWN, ActionMessage(by="Web UI", reason="Request Cancellation"))

    def check_possible(self, operation: ManualOperation, message: ActionMessage) -> None:
        if reason := OPERATIONS.refuse(operation, message, self._state):
            raise refused(reason)

    async def _close(self, outcome: ManualOutcome) -> ManualOutcome:
        await workflow.execute_activity_method(
            ManualActivities.close_manual,
            CloseManual(request_no=self._state.case.request_no, at=workflow.now(), outcome=outcome),
            **REGISTRY | {"summary": f"依頼を終了する（{outcome}）"},
        )
        self._move_to(ManualStage.CLOSED, WaitingFor.SYSTEM)
        return outcome

    async def _remind(self, occurrence: int) -> None:
        self._note(f"発送を催促した（{occurrence} 回目）")

    async def _expire(self) -> None:
        self._note("期限が過ぎた")

    def _end(self, outcome: ManualOutcome, message: ActionMessage) -> None:
        self._state.outcome = self._state.outcome or outcome
        self._note(f"{outcome}（{message.by}：{message.reason}）")

    def _note(self, text: str) -> None:
        self._state.timeline.append(TimelineEntry(at=workflow.now(), text=text))
        self._show()

    def _move_to(self, stage: ManualStage, waiting_for: WaitingFor) -> None:
        self._state.stage = stage
        workflow.upsert_search_attributes([STAGE.value_set(stage), WAITING_FOR.value_set(waiting_for)])
        self._show()

    def _show(self) -> None:
        state = self._state
        possible = OPERATIONS.available(state)
        parts = [f"### 説明書の依頼　{state.outcome or state.stage}", *to_do_now(OPERATIONS, possible[:1], state)]
        parts += [*also_possible(OPERATIONS, possible[1:], state), *history(state.timeline)]
        workflow.set_current_details("\n\n".join(parts))
