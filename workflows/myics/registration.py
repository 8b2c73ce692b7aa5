"""What every registration of MYICS has in common: what operators can do, what is shown, and how it ends (M8)."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from functools import partial

from temporalio import workflow
from temporalio.exceptions import FailureError

from models.common.acting import who_acts, who_is_shown
from models.common.calendar import end_of, opening_of
from models.common.case_status import CaseStatus
from models.common.messages import ACTIVITY_FAILING, MAIL_RETURNED, OPERATIONS_LOST, BouncedMail, TimelineEntry
from models.common.operator_actions import EndCase, HandOver
from models.common.operator_message import ActionMessage
from models.common.possible_operations import CASE_NOW, CaseNow, OperationToJudge
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
    RegistrationEnded,
    RegistrationOutcome,
    RegistrationProgress,
    RegistrationStage,
)
from models.myics.state import RegistrationState, Withdrawal
from workflows.common.bounced_mails import BouncedMailLook
from workflows.common.business_days import business_days_after_today
from workflows.common.case_query import CASE_NOW_DESCRIPTION, answer_case_now
from workflows.common.case_steps import CaseSteps
from workflows.common.case_view import CaseView
from workflows.common.escalation import Escalation
from workflows.common.lost_operations import LostOperationsLook
from workflows.common.operator_turn import CANCELLATION_ASKED, OperatorTurn
from workflows.common.operator_updates import current_update_id, operator_action, refused
from workflows.common.personal_link import LinkDeadline, wait_for_link
from workflows.common.row_look import RowLook
from workflows.common.tasks_beside import EndsEarlyError, TasksBeside
from workflows.common.waiting import ScheduledAction
from workflows.myics.registration_details import first_for_operator, next_for_operator, registration_details
from workflows.myics.registration_steps import CLOSED_BEFORE, RegistrationSteps
from workflows.myics.search_attributes import registration_columns

REGISTRATION_CHANGED = "registration_changed"
"""The signal that asks a registration to look what the registrant has done."""
USER_ENDED = "user_ended"
"""The signal by which a user's registration asks its client's to look how it ended."""
WITHDRAWN_WITH_CLIENT = "withdrawn_with_client"
"""The signal by which a client's registration asks those of its users to look: it has closed them."""


@dataclass(frozen=True)
class LinkSchedule:
    """When a registrant is reminded of a link, in business days after the first mail."""

    remind_after: tuple[int, ...]
    show_after: int | None = None
    """When the registration waits for an operator to call; None: never."""


class Registration:
    """The base of each kind of registration; each has its own `run`."""

    @workflow.init
    def __init__(self, case: RegistrationCase) -> None:
        self._case = case
        self._state = state = RegistrationState.of(case)
        self.view = CaseView(state, lambda: registration_details(state), lambda: registration_columns(state))
        self.view.begins_as(CaseStatus.first(state.stage, case.requested_at))
        self._beside = TasksBeside()
        steps = CaseSteps(case, state, self.view, self._wait_for_retry)
        self._steps = RegistrationSteps(state, self.view, steps)
        escalation = Escalation(self._steps, self._beside)
        self._turn = OperatorTurn(state, self.view, steps, escalation, lambda: state.needs_operator)
        self._row = RowLook(self._take_what_the_row_says)
        self._bounces = BouncedMailLook(case, steps, self._take_bounce)
        self._lost = LostOperationsLook(case, state, self.view, steps, self._turn.begin_unless_begun)
        self._waited_for: Collection[RegistrationStage] = ()
        """To which stages the link leads that was sent last."""

    # --- updates: what operators do -----------------------------------------------------------------------------------

    @operator_action(RegistrationOperation.RESEND)
    async def resend(self, message: ActionMessage) -> None:
        await self._steps.record(RegistrationOperation.RESEND, message)
        await self._send_link_again()

    @operator_action(RegistrationOperation.EXTEND_DEADLINE)
    async def extend_deadline(self, message: ExtendLink) -> None:
        await self._steps.record(RegistrationOperation.EXTEND_DEADLINE, message, f"：{message.until}まで")
        self._state.expires_on = self._state.waits_until = message.until
        await self._send_link_again()

    @operator_action(RegistrationOperation.CORRECT_ADDRESS)
    async def correct_address(self, message: CorrectMailAddress) -> None:
        await self._steps.correct_address(message)
        await self._row.look()  # a user begins anew
        await self._send_link_again()

    @operator_action(RegistrationOperation.UNLOCK)
    async def unlock(self, message: ActionMessage) -> None:
        await self._steps.unlock(message)
        await self._turn.acknowledge()

    @operator_action(RegistrationOperation.ADD_NOTE)
    async def add_note(self, message: ActionMessage) -> None:
        await self._steps.record(RegistrationOperation.ADD_NOTE, message)
        await self._turn.acknowledge()

    @operator_action(RegistrationOperation.HAND_OVER)
    async def hand_over(self, message: HandOver) -> None:
        if await self._steps.hand_over(message):
            # Beside the update: who hands over does not wait for a mail.
            because = f"{who_is_shown()}：{message.reason}"
            self._beside.begin(self._steps.notify_new_owner(because, current_update_id()))
        await self._steps.rest()

    @operator_action(RegistrationOperation.TRY_AGAIN)
    async def try_again(self, message: ActionMessage) -> None:
        await self._steps.record(RegistrationOperation.TRY_AGAIN, message)
        self._state.refused = None

    @operator_action(RegistrationOperation.WITHDRAW)
    async def withdraw(self, message: EndCase) -> None:
        await self._steps.record(RegistrationOperation.WITHDRAW, message)
        self._state.withdrawal = Withdrawal(who_acts(), message.reason, message.text_for_customer)

    # --- signals and queries ------------------------------------------------------------------------------------------

    @workflow.signal(name=REGISTRATION_CHANGED, description="登録する方がしたことを調べる依頼（システム用）")
    async def registration_changed(self) -> None:
        await self._row.look()

    @workflow.signal(name=WITHDRAWN_WITH_CLIENT, description="顧問先の登録の取り下げを調べる依頼（システム用）")
    async def withdrawn_with_client(self) -> None:
        await self._row.look()

    @workflow.signal(name=ACTIVITY_FAILING, description="処理の失敗を調べる依頼（システム用）")
    async def activity_failing(self) -> None:
        await self._steps.look_at_failures()

    @workflow.signal(name=MAIL_RETURNED, description="届かずに戻ったメールを調べる依頼（システム用）")
    async def mail_returned(self) -> None:
        await self._bounces.look()

    @workflow.signal(name=OPERATIONS_LOST, description="やり直されていない操作を調べる依頼（システム用）")
    async def operations_lost(self) -> None:
        await self._lost.look()

    @workflow.query(description="この登録の状況")
    def progress(self) -> RegistrationProgress:
        return self._state.progress

    @workflow.query(description="この登録の経過（古い順）")
    def timeline(self) -> list[TimelineEntry]:
        return self._state.timeline

    @workflow.query(name=CASE_NOW, description=CASE_NOW_DESCRIPTION)
    def case_now(self, asked: OperationToJudge | None = None) -> CaseNow:
        state = self._state
        title = f"{self._case.kind.label}（{self._case.case_no}）"
        next_step, first = next_for_operator(state), first_for_operator(state)
        return answer_case_now(self, OPERATIONS, state, state, asked, title=title, next_step=next_step, first=first)

    async def cancellation_requested(self) -> None:
        """*Request Cancellation* makes an operator's turn: nobody knows who asks."""
        if self._state.leaving:
            self.view.note(CANCELLATION_ASKED)
        else:
            await self._turn.cancellation_asked()

    # --- the parts of `run` -------------------------------------------------------------------------------------------

    async def _lead(self, story: Callable[[], Awaitable[RegistrationOutcome]]) -> RegistrationEnded:
        """Lead the registration through its story, which returns how it ends unless somebody has ended it before."""
        return await self._beside.lead(self._to_its_end(story))

    async def _to_its_end(self, story: Callable[[], Awaitable[RegistrationOutcome]]) -> RegistrationEnded:
        try:
            await self._row.look()
            outcome = await story()
        except EndsEarlyError:
            outcome = RegistrationOutcome.WITHDRAWN
        return await self._close(outcome)

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
        self.view.enter(stage, WaitingFor.APPLICANT, state.expires_on)
        self._steps.mailing(*mails)
        self._waited_for = until
        await self._steps.send_link()
        await self._rest_or_begin_turn()
        await wait_for_link(lambda: state.leaving or state.stage in until, await self._link_deadline(schedule))
        self._turn.stop()
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
                ScheduledAction(partial(opening_of, day), "担当者に知らせる", self._turn.begin)
                for day in days[reminded:]
            ],
        )

    async def _send_link_again(self) -> None:
        await self._steps.send_link()
        await self._turn.acknowledge()

    async def _remind_of_link(self, occurrence: int) -> None:  # noqa: ARG002 counted by the mail itself
        await self._steps.remind_of_link()
        await self._rest_or_begin_turn()

    async def _rest_or_begin_turn(self) -> None:
        """Show where it is; a mail that is refused for good waits for an operator."""
        if self._state.undelivered:
            await self._turn.begin_unless_begun()
        await self._steps.rest()

    async def _take_what_the_row_says(self) -> None:
        """Take what is newer than what is known: what the registrant has done, or that the client was withdrawn."""
        state = self._state
        if state.closing:
            return
        found = await self._steps.look_at_row()
        if found.closed and not state.leaving:
            state.withdrawal = CLOSED_BEFORE
        if state.changed_at is not None and found.changed_at <= state.changed_at:
            return
        was_locked, before = state.locked, state.stage
        state.changed_at, state.locked = found.changed_at, found.locked
        if found.stage != before:
            self.view.enter(found.stage, state.waiting_for, state.waits_until)
            self.view.note(f"{found.stage}になった")
        if found.locked and not was_locked:
            self.view.note("入力の誤りが続いたため、ロックした")
            await self._steps.mail(MyicsMail.LOCKED)
            await self._turn.begin()
        elif found.stage != before and state.undelivered:  # a link that went out before was used
            state.undelivered = False
            await self._turn.acknowledge()
        if found.corrections > state.corrections:
            await self._take_correction(found.corrections)
        await self._steps.rest()

    async def _take_bounce(self, mail: BouncedMail) -> None:
        """M8. A link that is waited for and has come back waits for an operator, as one that was refused at once."""
        kind = MyicsMail(mail.kind)
        self.view.note(f"メールが届かずに戻った：{kind.subject}　{mail.because}")
        awaited = self._waited_for and self._state.stage not in self._waited_for
        if awaited and self._steps.brings_link(kind) and not self._state.leaving:
            self._state.undelivered = True
        await self._rest_or_begin_turn()

    async def _take_correction(self, corrections: int) -> None:
        """Mail another link; where the next one has not been sent yet, it goes to the corrected address itself."""
        self._state.corrections = corrections
        self.view.note("メールアドレスが訂正された")
        if self._waited_for and self._state.stage not in self._waited_for:
            await self._send_link_again()

    async def _close(self, outcome: RegistrationOutcome) -> RegistrationEnded:
        """Close it as withdrawn, with `outcome`, or as the registrant, who may have been faster, has ended it."""
        self._state.closing = True  # every operation is refused from now on
        self._turn.stop()
        # What an update or a signal is still doing belongs to the registration.
        await workflow.wait_condition(workflow.all_handlers_finished)
        self._turn.stop()
        wanted = RegistrationOutcome.WITHDRAWN if self._state.withdrawal else outcome
        ended = await self._steps.close(wanted, self._state.withdrawal)
        self._state.outcome = ended
        self.view.enter(RegistrationStage.CLOSED)
        if mail := _LAST_MAILS.get((self._case.kind.makes_account, ended)):
            await self._steps.mail(mail)
        self.view.note(f"登録を終了した（{ended}）")
        await self._steps.rest()
        await self._ask_others_to_look()
        await workflow.wait_condition(workflow.all_handlers_finished)
        return RegistrationEnded(registration_no=self._case.case_no, outcome=ended)

    async def _ask_others_to_look(self) -> None:
        """Its end is in the rows: ask its client's registration to look."""
        if self._case.part_of:
            await self._ask_to_look(self._case.part_of, USER_ENDED)

    @staticmethod
    async def _ask_to_look(other: RegistrationNo, signal: str) -> None:
        """Signal another registration; one that does not run has nothing to look at."""
        handle = workflow.get_external_workflow_handle(registration_workflow_id(other))
        try:
            await handle.signal(signal)
        except FailureError:
            workflow.logger.info("%s does not run", other)

    async def _wait_for_retry(self) -> None:
        await self._turn.wait_for_retry()

    def check_possible(self, operation: RegistrationOperation, message: ActionMessage) -> None:
        """Refuse an operation before it enters history, saying what is possible now."""
        if reason := OPERATIONS.refuse(operation, message, self._state):
            raise refused(reason)


_LAST_MAILS = {
    (True, RegistrationOutcome.REGISTERED): MyicsMail.REGISTERED,
    (True, RegistrationOutcome.EXPIRED): MyicsMail.EXPIRED,
    (True, RegistrationOutcome.WITHDRAWN): MyicsMail.WITHDRAWN,
    (False, RegistrationOutcome.RENEWED): MyicsMail.RENEWED,
    (False, RegistrationOutcome.CHANGED): MyicsMail.ADDRESS_CHANGED,
}
"""The registrant's last mail, by whether an account was to be made and by the outcome."""
