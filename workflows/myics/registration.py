"""What every registration of MYICS has in common: what operators can do, what is shown, and how it ends (M8)."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import partial

from temporalio import workflow
from temporalio.exceptions import FailureError

with workflow.unsafe.imports_passed_through():
    from models.common.calendar import end_of, opening_of
    from models.common.messages import TimelineEntry
    from models.common.operator_actions import AddNote, HandOver
    from models.common.operator_message import ActionMessage
    from models.common.waiting_for import WaitingFor
    from models.myics.identifiers import RegistrationNo, registration_workflow_id
    from models.myics.mails import MyicsMail
    from models.myics.operations import (
        OPERATIONS,
        CorrectMailAddress,
        ExtendLink,
        RegistrationOperation,
    )
    from models.myics.registrations import (
        RegistrationCase,
        RegistrationChanged,
        RegistrationEnded,
        RegistrationOutcome,
        RegistrationProgress,
        RegistrationStage,
    )
    from models.myics.state import RegistrationState, Withdrawal
    from workflows.common.business_days import business_days_after_today
    from workflows.common.escalation import Escalation
    from workflows.common.failing_activities import FailureFlag
    from workflows.common.operator_updates import operator_action, refused
    from workflows.common.personal_link import LinkDeadline, wait_for_link
    from workflows.common.waiting import ScheduledAction
    from workflows.myics.registration_steps import RegistrationSteps
    from workflows.myics.registration_view import RegistrationView

REGISTRATION_CHANGED = "registration_changed"
"""The signal that says what the registrant has done."""
USER_ENDED = "user_ended"
"""The signal by which a user's registration reports to its client's how it ended."""
WITHDRAWN_WITH_CLIENT = "withdrawn_with_client"
"""The signal by which a client's registration ends those of its users."""


@dataclass(frozen=True)
class LinkSchedule:
    """When a registrant is reminded of a link, in business days after the first mail."""

    remind_after: tuple[int, ...]
    show_after: int | None = None
    """When the registration waits for an operator to call; None: never."""


class Registration(FailureFlag):
    """The base of each kind of registration; each has its own `run`."""

    @workflow.init
    def __init__(self, case: RegistrationCase) -> None:
        self._case = case
        self._state = RegistrationState.of(case)
        self._view = RegistrationView(self._state)
        self._steps = RegistrationSteps(self._state, self._view)
        self._escalation = Escalation(self._steps, self._view.refresh)

    # --- updates: what operators do -----------------------------------------------------------------------------------

    @operator_action(RegistrationOperation.RESEND)
    async def resend(self, message: ActionMessage) -> None:
        await self._steps.record(RegistrationOperation.RESEND, message)
        await self._send_link_again()

    @operator_action(RegistrationOperation.EXTEND_DEADLINE)
    async def extend_deadline(self, message: ExtendLink) -> None:
        self._state.expires_on = message.until
        await self._steps.record(RegistrationOperation.EXTEND_DEADLINE, message, f"：{message.until}まで")
        await self._send_link_again()

    @operator_action(RegistrationOperation.CORRECT_ADDRESS)
    async def correct_address(self, message: CorrectMailAddress) -> None:
        await self._steps.correct_address(message)
        await self._send_link_again()

    @operator_action(RegistrationOperation.UNLOCK)
    async def unlock(self, message: ActionMessage) -> None:
        await self._steps.unlock(message)
        await self._acknowledge()

    @operator_action(RegistrationOperation.ADD_NOTE)
    async def add_note(self, message: AddNote) -> None:
        await self._steps.record(RegistrationOperation.ADD_NOTE, message)
        if not self._state.locked:
            await self._acknowledge()

    @operator_action(RegistrationOperation.HAND_OVER)
    async def hand_over(self, message: HandOver) -> None:
        await self._steps.hand_over(message)
        await self._view.refresh()

    @operator_action(RegistrationOperation.WITHDRAW)
    async def withdraw(self, message: ActionMessage) -> None:
        self._state.withdrawal = Withdrawal(message.by, message.reason)
        await self._steps.record(RegistrationOperation.WITHDRAW, message)

    # --- signals and queries ------------------------------------------------------------------------------------------

    @workflow.signal(name=REGISTRATION_CHANGED, description="登録する方がしたことの報告（システム用）")
    async def registration_changed(self, changed: RegistrationChanged) -> None:
        before = self._state.stage, self._state.locked
        if not self._state.take(changed) or (self._state.stage, self._state.locked) == before:
            return
        if self._state.locked and not before[1]:
            self._view.note("入力の誤りが続いたため、ロックした")
            await self._steps.mail(MyicsMail.LOCKED)
            await self._begin_operator_turn()
            return
        self._view.note(f"{self._state.stage}になった")
        if self._state.undelivered:  # a link that went out before was used
            self._state.undelivered = False
            await self._acknowledge()

    @workflow.signal(name=WITHDRAWN_WITH_CLIENT, description="顧問先の登録が取り下げられたことの報告（システム用）")
    def withdrawn_with_client(self, reason: str) -> None:
        if not self._state.leaving:
            self._state.withdrawal = Withdrawal("system", reason)

    @workflow.query(description="この登録の状況")
    def progress(self) -> RegistrationProgress:
        return self._state.progress

    @workflow.query(description="この登録の経過（古い順）")
    def timeline(self) -> list[TimelineEntry]:
        return self._state.timeline

    async def cancellation_requested(self) -> None:
        """*Request Cancellation* in the Web UI is the same as withdrawing."""
        if not self._state.leaving:
            self._state.withdrawal = Withdrawal("Web UI", "Request Cancellation による取り下げ")

    def show_failing(self, activity: str) -> None:
        """Show it on the registration's page, too."""
        self._view.show_failing(activity)

    # --- the parts of `run` -------------------------------------------------------------------------------------------

    async def _mail_link_and_wait(
        self,
        schedule: LinkSchedule,
        stage: RegistrationStage,
        mails: tuple[MyicsMail, MyicsMail],
        until: Collection[RegistrationStage],
    ) -> bool:
        """Mail a link and wait until the registrant has come so far; False if that never happens."""
        state = self._state
        if state.stage in until or state.leaving:
            return state.stage in until
        self._view.move_to(stage, WaitingFor.APPLICANT)
        await self._steps.mailing(*mails).send_link()
        await self._call_if_undelivered()
        await wait_for_link(lambda: state.leaving or state.stage in until, await self._link_deadline(schedule))
        self._escalation.stop()
        return state.stage in until

    async def _link_deadline(self, schedule: LinkSchedule) -> LinkDeadline:
        shown_after = () if schedule.show_after is None else (schedule.show_after,)
        days = await business_days_after_today(*schedule.remind_after, *shown_after)
        reminded = len(schedule.remind_after)
        return LinkDeadline(
            expires_at=lambda: end_of(self._state.expires_on),
            remind_on=days[:reminded],
            remind=self._remind_of_link,
            also=[
                ScheduledAction(partial(opening_of, day), "担当者に知らせる", self._begin_operator_turn)
                for day in days[reminded:]
            ],
        )

    async def _send_link_again(self) -> None:
        await self._steps.send_link()
        await self._acknowledge()

    async def _remind_of_link(self, occurrence: int) -> None:  # noqa: ARG002 counted by the mail itself
        await self._steps.remind_of_link()
        await self._call_if_undelivered()

    async def _call_if_undelivered(self) -> None:
        """A mail that is refused for good waits for an operator, unless one is waited for already."""
        if self._state.undelivered and not self._state.operator_turn:
            await self._begin_operator_turn()

    async def _begin_operator_turn(self) -> None:
        self._view.note("担当者の対応を待っている")
        await self._steps.assign()
        self._view.move_to(self._state.stage, WaitingFor.OPERATOR)
        self._escalation.begin()

    async def _acknowledge(self) -> None:
        """An operator has acted: it waits for the registrant again, unless no mail reaches them."""
        self._escalation.stop()
        if self._state.undelivered:
            await self._begin_operator_turn()
            return
        if self._state.operator_turn and not self._state.locked:
            self._state.waiting_for = WaitingFor.APPLICANT
        await self._view.refresh()

    async def _close(self, outcome: RegistrationOutcome) -> RegistrationEnded:
        """Close it as withdrawn, with `outcome`, or as the registrant, who may have been faster, has ended it."""
        self._state.closing = True  # every operation is refused from now on
        self._escalation.stop()
        # What an update or a signal is still doing belongs to the registration.
        await workflow.wait_condition(workflow.all_handlers_finished)
        self._escalation.stop()
        wanted = RegistrationOutcome.WITHDRAWN if self._state.withdrawal else outcome
        ended = await self._steps.close(wanted, self._state.withdrawal)
        self._state.outcome = ended
        if mail := _LAST_MAILS.get((self._case.kind.makes_account, ended)):
            await self._steps.mail(mail)
        self._view.note(f"登録を終了した（{ended}）")
        self._view.move_to(RegistrationStage.CLOSED, WaitingFor.SYSTEM)
        await self._notify_client(ended)
        await workflow.wait_condition(workflow.all_handlers_finished)
        return RegistrationEnded(registration_no=self._case.registration_no, outcome=ended)

    async def _notify_client(self, outcome: RegistrationOutcome) -> None:
        if self._case.part_of:
            ended = RegistrationEnded(registration_no=self._case.registration_no, outcome=outcome)
            await self._signal(self._case.part_of, USER_ENDED, ended)

    @staticmethod
    async def _signal(other: RegistrationNo, signal: str, content: object) -> bool:
        """Signal another registration; False if it does not run."""
        handle = workflow.get_external_workflow_handle(registration_workflow_id(other))
        try:
            await handle.signal(signal, content)
        except FailureError:
            workflow.logger.info("%s does not run", other)
            return False
        return True

    def check_possible(self, operation: RegistrationOperation, message: ActionMessage) -> None:
        """Refuse an operation before it enters history, saying what is possible now."""
        if reason := OPERATIONS.refuse(operation, message, self._state):
            raise refused(reason)


_LAST_MAILS = {
    (True, RegistrationOutcome.REGISTERED): MyicsMail.REGISTERED,
    (True, RegistrationOutcome.EXPIRED): MyicsMail.EXPIRED,
    (True, RegistrationOutcome.WITHDRAWN): MyicsMail.WITHDRAWN,
    (False, RegistrationOutcome.UNLOCKED): MyicsMail.UNLOCKED,
    (False, RegistrationOutcome.RENEWED): MyicsMail.RENEWED,
}
"""The registrant's last mail, by whether an account was to be made and by the outcome."""
