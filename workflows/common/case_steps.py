"""The steps that every case has, and how each step is taken: quickly first, then patiently, and never in vain."""

from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from temporalio import workflow
from temporalio.exceptions import ApplicationError, FailureError

from activities.common.assignment import AssignmentActivities
from activities.common.case_status import CaseStatusActivities
from models.common.acting import signed_act, who_acts, who_is_shown
from models.common.case_state import CaseState
from models.common.case_status import CaseStatus
from models.common.messages import TRY_LATER, AssignCase, CaseRef, CaseStep, RecordAction, SentMail
from models.common.operations import Operation
from models.common.operator_actions import HandOver
from models.common.operator_message import ActionMessage
from workflows.common.activity_options import AGAIN_AFTER, MAIL, QUICK, REGISTRY, WHILE_SOMEBODY_WAITS, by_mail
from workflows.common.case_view import CaseView
from workflows.common.failing_activities import failing_activities, is_final, mail_refusal, refusal
from workflows.common.operator_updates import current_update_id, refused
from workflows.common.tasks_beside import EndsEarlyError

NOT_ACTED_ON = "期限までに対応されなかったため"
"""Why a case goes to a colleague by itself."""
_ASSIGN = "assign"
_TRY_LATER = "いまはシステムの都合で処理できません。しばらくしてから、もう一度お試しください。"


StepInput = TypeVar("StepInput", bound=CaseStep)
Input = TypeVar("Input")
Output = TypeVar("Output")
MailOutput = TypeVar("MailOutput", bound=SentMail)


@dataclass(frozen=True)
class Mailed(Generic[MailOutput]):
    """What became of a mail: sent, refused, or neither, since there was nothing to send."""

    answer: MailOutput | None
    refused_because: str | None = None
    """Why its recipient is refused for good."""

    @property
    def sent(self) -> bool:
        return self.answer is not None and self.answer.message_id is not None


class CaseSteps:
    """Takes the steps of one case and keeps its status row up to date with them.

    `wait_for_operator` is called when a system has refused a step for good: it returns when the step is to be tried
    again, or the case ends instead. Without it nobody is reminded, and the step is tried again after `AGAIN_AFTER`.
    """

    def __init__(
        self,
        case: CaseRef,
        state: CaseState,
        view: CaseView,
        wait_for_operator: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._case = case
        self._state = state
        self._view = view
        self._wait_for_operator = wait_for_operator or self._wait_until_tried_again
        self._occurrences = Counter[tuple[str | None, str]]()

    # --- any step -----------------------------------------------------------------------------------------------------

    def input(self, kind: type[StepInput], /, **facts: Any) -> StepInput:
        """Build an activity's input for this case, at the workflow's own time."""
        return kind.of(self._case, workflow.now(), **facts)

    def next_occurrence(
        self, name: str, message: ActionMessage | None = None, *, of_the_procedure: bool = False
    ) -> dict[str, Any]:
        """Return what distinguishes a step from others of its name; with a message, also who acts, and why.

        Those of each update are counted apart, and so are those of the procedure itself: after a Reset, which forgets
        some of them, the others are the same as before. `of_the_procedure`: it belongs to no update, even if one is
        being handled.
        """
        update, handled = (None, None) if of_the_procedure else (current_update_id(), workflow.current_update_info())
        counts = (handled.id if handled and update else None, name)
        self._occurrences[counts] += 1
        by = {"by": who_acts(), "act": signed_act(), "reason": message.reason} if message else {}
        return {"occurrence": self._occurrences[counts], "asked_as": update, **by}

    async def run(
        self, activity: Callable[[Any, StepInput], Awaitable[Output]], input_: StepInput, summary: str
    ) -> Output:
        """Take a step that takes effect once; where the case is meanwhile is written with it, if that has changed."""
        return await self._run_with(self._view.unwritten_status(), activity, input_, summary)

    async def _run_with(
        self,
        status: CaseStatus | None,
        activity: Callable[[Any, StepInput], Awaitable[Output]],
        input_: StepInput,
        summary: str,
    ) -> Output:
        output = await self.look(activity, input_.model_copy(update={"status": status}), summary)
        if status:
            self._view.status_written(status)
        return output

    async def look(
        self,
        activity: Callable[[Any, Input], Awaitable[Output]],
        input_: Input,
        summary: str,
        options: workflow.ActivityConfig = REGISTRY,
        *,
        quickly: bool = True,
    ) -> Output:
        """Take a step that writes no status, such as one that only reads; `quickly`: whether a quick try may do.

        What a system refuses for good waits for an operator, unless an update waits for the step.
        """
        take = self._take if quickly else self._take_patiently
        while True:
            try:
                return await take(activity, input_, summary, options)
            except FailureError as failed:
                if not is_final(failed) or mail_refusal(failed) is not None:
                    raise
                if current_update_id() is not None:
                    raise refused(refusal(failed)) from failed
                self._state.refused = refusal(failed)
                self._view.note(f"「{summary}」が受け付けられなかった：{self._state.refused}")
                leaving = self._state.leaving
                await self._wait_for_operator()
                if self._state.leaving and not leaving:
                    raise EndsEarlyError from failed

    async def _wait_until_tried_again(self) -> None:
        leaving = self._state.leaving
        await self.rest()
        with suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: self._state.refused is None or (self._state.leaving and not leaving),
                timeout=AGAIN_AFTER,
                timeout_summary="断られた処理をもう一度試す",
            )
        self._state.refused = None

    async def _take(
        self,
        activity: Callable[[Any, Input], Awaitable[Output]],
        input_: Input,
        summary: str,
        options: workflow.ActivityConfig,
    ) -> Output:
        try:
            return await workflow.execute_local_activity_method(activity, input_, **QUICK | {"summary": summary})
        except FailureError as failed:
            if is_final(failed):
                raise
        self._view.show()  # so that operators find where the case is while the step is tried again
        if current_update_id() is None:
            return await self._take_patiently(activity, input_, summary, options)
        in_time = options | {"schedule_to_close_timeout": WHILE_SOMEBODY_WAITS}
        try:
            return await self._take_patiently(activity, input_, summary, in_time)
        except FailureError as failed:
            if is_final(failed):
                raise
            raise ApplicationError(_TRY_LATER, type=TRY_LATER, non_retryable=True) from failed

    async def _take_patiently(
        self,
        activity: Callable[[Any, Input], Awaitable[Output]],
        input_: Input,
        summary: str,
        options: workflow.ActivityConfig,
    ) -> Output:
        try:
            output = await workflow.execute_activity_method(activity, input_, **options | {"summary": summary})
        except FailureError:
            self._fails_no_longer(activity.__name__)
            raise
        self._fails_no_longer(activity.__name__)
        return output

    def _fails_no_longer(self, activity: str) -> None:
        if activity in self._state.failing:
            self._state.failing -= {activity}
            if not self._state.failing:
                self._view.note("失敗が続いていた処理が終わった")
            self._view.show()

    # --- the steps of every case --------------------------------------------------------------------------------------

    async def rest(self) -> None:
        """Show what has changed, on the case's page and in its row, where no further step follows at once."""
        self._view.show()
        if status := self._view.unwritten_status():
            await self._run_with(
                status, CaseStatusActivities.write_status, self.input(CaseStep), "いまの状況を記録する"
            )

    async def record(self, operation: Operation, message: ActionMessage, detail: str = "") -> None:
        """Put what somebody did into the audit trail and the timeline."""
        await self.audit(operation.label, message, detail)
        self._view.note(f"{operation.label}{detail}", message)

    async def audit(self, action: str, message: ActionMessage, detail: str = "") -> None:
        """Put what somebody did into the audit trail."""
        step = self.input(RecordAction, action=action, detail=detail, **self.next_occurrence("action", message))
        await self.run(CaseStatusActivities.record_action, step, f"操作を記録する：{action}")

    async def hand_over(self, message: HandOver) -> bool:
        """Give the case to a named operator; a final error says why that is not possible.

        Return whether they have to be notified: somebody else has done it.
        """
        return await self._assign(**self.next_occurrence(_ASSIGN, message), to=message.to)

    async def reassign(self) -> bool:
        """Give the case to whoever has the fewest cases, but not to whom it was with; return as `hand_over`."""
        # The escalation may have been begun while an update was handled.
        who = self.next_occurrence(_ASSIGN, of_the_procedure=True)
        return await self._assign(**who, but_not=self._state.assignee, reason=NOT_ACTED_ON)

    async def assign(self, reason: str) -> None:
        """Find an operator, if there is none yet."""
        if self._state.assignee is None:
            await self._assign(**self.next_occurrence(_ASSIGN), reason=reason)

    async def _assign(self, **facts: Any) -> bool:
        step = self.input(AssignCase, **facts)
        assigned = await self.run(AssignmentActivities.assign_operator, step, "担当者を決める")
        if assigned.operator:
            self._state.assignee = assigned.operator
            who = who_is_shown() if step.asked_as else step.by
            self._view.note(f"担当者は {assigned.operator}（{who}：{step.reason}）")
        return assigned.by_another

    async def mail(
        self, activity: Callable[[Any, Input], Awaitable[MailOutput]], mail: Input, subject: str
    ) -> Mailed[MailOutput]:
        """Send a mail, unless there is nothing to send."""
        try:
            answer = await self.look(activity, mail, f"メール：{subject}", by_mail(MAIL))
        except FailureError as failed:
            if (because := mail_refusal(failed)) is None:
                raise
            self._view.note(f"メールを届けられなかった：{subject}　{because}")
            return Mailed(None, because)
        if answer.message_id is not None:
            self._view.note(f"メールを送った：{subject}")
        return Mailed(answer)

    async def look_at_failures(self) -> None:
        """Show which of the workflow's activities keep failing, as Temporal itself says."""
        failing = await failing_activities()
        if new := failing - self._state.failing:
            self._view.note(f"処理の失敗が続いている（{'、'.join(sorted(new))}）")
        if self._state.failing != failing:
            self._state.failing = failing
            await self.rest()
