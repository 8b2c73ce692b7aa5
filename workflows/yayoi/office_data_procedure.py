"""The procedure for one pair of an application: one office data, one Yayoi ID, one new contract ID."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import date, datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import FailureError

from models.common.acting import acting, who_is_shown
from models.common.approvals import Decision
from models.common.calendar import day_in_japan, end_of, opening_of
from models.common.case_status import CaseStatus
from models.common.messages import (
    ACTIVITY_FAILING,
    MAIL_RETURNED,
    OPERATIONS_LOST,
    BouncedMail,
    TimelineEntry,
)
from models.common.operator_actions import EndCase, HandOver
from models.common.operator_message import ActionMessage
from models.common.possible_operations import CASE_NOW, CaseNow, OperationToJudge
from models.common.waiting_for import WaitingFor
from models.yayoi.deadlines import (
    AFTER_CLOSING_DAYS,
    APPLICANT_REMINDER_DAYS,
    FOLLOW_UP_DAYS,
    FOLLOW_UP_OPERATOR_DAYS,
    FOLLOW_UP_REMINDER_DAYS,
    MOVED_TOGETHER,
)
from models.yayoi.delays import SHARING_STILL_ON
from models.yayoi.early_exits import EXPIRING
from models.yayoi.holder_confirmation import HOLDER_ANSWERED, NOT_CONFIRMED, REFUSED_BY_HOLDER
from models.yayoi.identifiers import application_workflow_id
from models.yayoi.mails import MailKind
from models.yayoi.messages import OFFICE_CLOSED, OfficeCase, OfficeOutcome, OfficeProgress, Outcome
from models.yayoi.office_state import OfficeState
from models.yayoi.operator_actions import (
    Action,
    AskCancel,
    Cancel,
    CorrectNames,
    CorrectPair,
    CorrectRelink,
    ExtendDeadline,
    RenewLink,
    ResendMail,
    RetractRelink,
    RetractSetUpStep,
    ServiceRelinked,
    SetUpStepDone,
    SharingReleased,
)
from models.yayoi.operator_rules import OPERATIONS, refuse_answer, refuse_days
from models.yayoi.procedures import Stage
from workflows.common.bounced_mails import BouncedMailLook
from workflows.common.business_days import business_days_after_today
from workflows.common.cancellation import shielded_from_cancellation
from workflows.common.case_query import CASE_NOW_DESCRIPTION, answer_case_now
from workflows.common.case_steps import CaseSteps
from workflows.common.case_view import CaseView
from workflows.common.escalation import Escalation
from workflows.common.lost_operations import LostOperationsLook
from workflows.common.operator_turn import CANCELLATION_ASKED, OperatorTurn
from workflows.common.operator_updates import current_update_id, operator_action, refused
from workflows.common.row_look import RowLook
from workflows.common.tasks_beside import EndsEarlyError, TasksBeside
from workflows.common.waiting import ScheduledAction, every_morning, reminders, until, wait_until
from workflows.yayoi.due_date import DueDate
from workflows.yayoi.office_details import first_for_operator, next_for_operator, office_details, problems_in_words
from workflows.yayoi.office_exits import OfficeExits
from workflows.yayoi.office_steps import OfficeSteps
from workflows.yayoi.search_attributes import office_columns

LOOK_AT_SHARING = "共有が解除されたかを確認する"


@workflow.defn
class OfficeDataProcedure:
    """Leads one pair from the application to its closing."""

    @workflow.init
    def __init__(self, case: OfficeCase) -> None:
        self._case = case
        self._state = state = OfficeState.of(case)
        self.view = CaseView(state, self._details, lambda: office_columns(state))
        self.view.begins_as(CaseStatus.first(Stage.CHECK, case.applied_at, due_on=case.due_date))
        self._beside = TasksBeside()
        steps = CaseSteps(case, state, self.view, self._wait_for_retry)
        self._steps = OfficeSteps(state, self.view, steps)
        escalation = Escalation(self._steps, self._beside)
        self._turn = OperatorTurn(state, self.view, steps, escalation, self._notice_waits)
        self._exits = OfficeExits(
            state,
            self.view,
            self._steps,
            self._turn,
            self._beside,
            cancellation_requested=self.cancellation_requested,
        )
        self._due_date = DueDate(state, self._steps, self._turn, self._beside)
        self._answers = RowLook(self._look_at_answer)
        self._bounces = BouncedMailLook(case, steps, self._take_bounce)
        self._lost = LostOperationsLook(case, state, self.view, steps, self._ask_operator)
        # Two of a kind at once would contradict each other: checks of the pair, of its sharing, closing and reopening.
        self._pair, self._sharing, self._closing = asyncio.Lock(), asyncio.Lock(), asyncio.Lock()

    @workflow.run
    @shielded_from_cancellation
    async def run(self, case: OfficeCase) -> OfficeOutcome:
        return await self._beside.lead(self._lead(case.procedure.has))

    async def _lead(self, has: Callable[[Stage], bool]) -> OfficeOutcome:
        self._due_date.watch()
        try:
            await self._settle_pair()
            if has(Stage.REMEMBER_LINKS):
                await self._next(self._steps.remember_links)
                await self._wait_until_sharing_has_ended()
            if has(Stage.ISSUE):
                await self._next(self._steps.issue_contract_id)
            if has(Stage.ATTACH):
                await self._next(self._steps.attach_to_contract)
            await self._next(self._notify)
            if has(Stage.THAW):
                await self._next(self._steps.thaw_smart_import)
            if self._state.closed_before:
                self._end_as_followed_up()
            else:
                await self._follow_set_up_and_relink()
            while await self._reopened_after_closing():
                await self._follow_set_up_and_relink()
        except EndsEarlyError:
            return await self._undo()
        return await self._close()

    # --- updates: what operators and applicants do, and other systems report ------------------------------------------

    @operator_action(Action.CORRECT_PAIR)
    async def correct_pair(self, message: CorrectPair) -> None:
        waited = self._pair.locked()
        async with self._pair:
            if waited:
                self.check_possible(Action.CORRECT_PAIR, message)
            with self._worked_on(lambda: not self._state.problems and not self._state.waits_for_holder):
                await self._steps.correct_pair(message)
        await self._turn.acknowledge()

    @operator_action(Action.CORRECT_NAMES)
    async def correct_names(self, message: CorrectNames) -> None:
        await self._steps.correct_names(message)

    @operator_action(Action.REPORT_CONFIRMED)
    async def report_confirmed(self, message: ActionMessage) -> None:
        await self._answer_for_holder(Action.REPORT_CONFIRMED, message)

    @operator_action(Action.REPORT_NOT_CONFIRMED)
    async def report_not_confirmed(self, message: ActionMessage) -> None:
        await self._answer_for_holder(Action.REPORT_NOT_CONFIRMED, message)

    @operator_action(Action.REJECT)
    async def reject(self, message: EndCase) -> None:
        await self._exits.end(Action.REJECT, message, Outcome.REJECTED)

    @operator_action(Action.RELEASE_SHARING)
    async def release_sharing(self, message: ActionMessage) -> None:
        waited = self._sharing.locked()
        async with self._sharing:
            if waited:
                self.check_possible(Action.RELEASE_SHARING, message)
            with self._worked_on(lambda: self._state.sharing_ended):
                report = SharingReleased(reason=message.reason)
                await self._steps.end_sharing(report, delegated=True)

    @operator_action(Action.REPORT_SHARING_RELEASED)
    async def report_sharing_released(self, message: SharingReleased) -> None:
        # Before the pair has been checked, nobody knows whose sharing it is.
        if unchecked := not self._state.checked:
            await workflow.wait_condition(lambda: self._state.checked)
        waited = unchecked or self._sharing.locked()
        async with self._sharing:
            if waited:
                self.check_possible(Action.REPORT_SHARING_RELEASED, message)
            with self._worked_on(lambda: self._state.sharing_ended):
                await self._steps.end_sharing(message, delegated=False)

    @operator_action(Action.EXTEND_DEADLINE)
    async def extend_deadline(self, message: ExtendDeadline) -> None:
        await self._steps.record(Action.EXTEND_DEADLINE, message, f"：{message.until}まで")
        self._state.expires_on = self._state.waits_until = message.until
        self._beside.begin(self._mail_new_deadline(current_update_id()))
        await self._turn.acknowledge()

    @operator_action(Action.REPORT_SET_UP_STEP)
    async def report_set_up_step(self, message: SetUpStepDone) -> None:
        await self._steps.record_set_up_step(message)
        await self._show_follow_up()

    @operator_action(Action.REPORT_RELINK)
    async def report_relink(self, message: ServiceRelinked) -> None:
        await self._steps.record_relink(message)
        await self._show_follow_up()

    @operator_action(Action.CORRECT_RELINK)
    async def correct_relink(self, message: CorrectRelink) -> None:
        await self._steps.correct_relink(message)
        await self._show_follow_up()

    @operator_action(Action.RETRACT_SET_UP_STEP)
    async def retract_set_up_step(self, message: RetractSetUpStep) -> None:
        await self._steps.retract_set_up_step(message)
        await self._show_follow_up()

    @operator_action(Action.RETRACT_RELINK)
    async def retract_relink(self, message: RetractRelink) -> None:
        await self._steps.retract_relink(message)
        await self._show_follow_up()

    @operator_action(Action.REOPEN)
    async def reopen(self, message: ActionMessage) -> None:
        waited = self._closing.locked()
        async with self._closing:
            if waited:
                self.check_possible(Action.REOPEN, message)
            await self._steps.reopen(message)
            self._state.outcome = None

    @operator_action(Action.ADD_NOTE)
    async def add_note(self, message: ActionMessage) -> None:
        await self._steps.record(Action.ADD_NOTE, message)
        await self._turn.acknowledge()

    @operator_action(Action.RESEND_MAIL)
    async def resend_mail(self, message: ResendMail) -> None:
        undelivered = message.kind in self._state.undelivered
        if because := await self._steps.resend(message.kind):
            raise refused(because)
        await self._steps.record(Action.RESEND_MAIL, message, f"：{message.kind.subject}")
        if undelivered and self._state.stage is not Stage.NOTIFY:  # there the procedure itself waits for it
            await self._turn.acknowledge()

    @operator_action(Action.RENEW_LINK)
    async def renew_link(self, message: RenewLink) -> None:
        await self._steps.renew_link(message)

    @operator_action(Action.HAND_OVER)
    async def hand_over(self, message: HandOver) -> None:
        if await self._steps.hand_over(message):
            # Beside the update: who hands over does not wait for a mail.
            because = f"{who_is_shown()}：{message.reason}"
            self._beside.begin(self._steps.notify_new_owner(because, current_update_id()))
        await self._turn.acknowledge()

    @operator_action(Action.HOLD)
    async def hold(self, message: ActionMessage) -> None:
        # At once: after a Reset the server sends what was asked for later in the same task, such as *resume*.
        self._state.held = True
        try:
            await self._steps.record(Action.HOLD, message)
        except FailureError:
            self._state.held = False
            raise
        await self._steps.rest()

    @operator_action(Action.RESUME)
    async def resume(self, message: ActionMessage) -> None:
        await self._steps.record(Action.RESUME, message)
        self._state.held = False
        await self._turn.resumed()

    @operator_action(Action.TRY_AGAIN)
    async def try_again(self, message: ActionMessage) -> None:
        await self._steps.record(Action.TRY_AGAIN, message)
        self._state.refused = None

    @operator_action(Action.WITHDRAW)
    async def withdraw(self, message: EndCase) -> None:
        await self._exits.end(Action.WITHDRAW, message, Outcome.WITHDRAWN)

    @operator_action(Action.CANCEL)
    async def cancel(self, message: Cancel) -> None:
        await self._exits.cancel(message)

    @operator_action(Action.ASK_CANCEL)
    async def ask_cancel(self, message: AskCancel) -> None:
        await self._exits.ask(message)

    @operator_action(Action.RETRACT_REQUEST)
    async def retract_request(self, message: Decision) -> None:
        await self._exits.retract(message)

    @operator_action(Action.APPROVE)
    async def approve(self, message: Decision) -> None:
        await self._exits.approve(message)

    @operator_action(Action.DECLINE)
    async def decline(self, message: Decision) -> None:
        await self._exits.decline(message)

    # --- signals and queries ------------------------------------------------------------------------------------------

    @workflow.signal(description="申込全体の取り消しを調べる依頼（システム用）")
    async def application_cancelled(self) -> None:
        await self._exits.look_at_requests()

    @workflow.signal(name=HOLDER_ANSWERED, description="契約者の回答を調べる依頼（システム用）")
    async def holder_answered(self) -> None:
        await self._answers.look()

    @workflow.signal(name=ACTIVITY_FAILING, description="処理の失敗を調べる依頼（システム用）")
    async def activity_failing(self) -> None:
        await self._steps.look_at_failures()

    @workflow.signal(name=MAIL_RETURNED, description="届かずに戻ったメールを調べる依頼（システム用）")
    async def mail_returned(self) -> None:
        await self._bounces.look()

    @workflow.signal(name=OPERATIONS_LOST, description="やり直されていない操作を調べる依頼（システム用）")
    async def operations_lost(self) -> None:
        await self._lost.look()

    @workflow.query(description="この事業所データの手続きの状況")
    def progress(self) -> OfficeProgress:
        return self._state.progress

    @workflow.query(description="この手続きの経過（古い順）")
    def timeline(self) -> list[TimelineEntry]:
        return self._state.timeline

    @workflow.query(name=CASE_NOW, description=CASE_NOW_DESCRIPTION)
    def case_now(self, asked: OperationToJudge | None = None) -> CaseNow:
        state = self._state
        return answer_case_now(
            self,
            OPERATIONS,
            state,
            state,
            asked,
            title=f"{state.office_name}（{self._case.spoken}）",
            next_step=next_for_operator(state),
            first=first_for_operator(state),
            problems=problems_in_words(state),
            asked_by=state.asked.by.handle if state.asked else "",
        )

    async def cancellation_requested(self) -> None:
        """*Request Cancellation* makes an operator's turn: nobody knows who asks."""
        if self._state.leaving or self._state.after_closing:
            self.view.note(CANCELLATION_ASKED)
            self.view.show()
        else:
            await self._turn.cancellation_asked()

    # --- the stages ---------------------------------------------------------------------------------------------------

    async def _settle_pair(self) -> None:
        """Y2, Y3, Y5, Y5a: what is right is held (Y1, Y12); what is not is confirmed or corrected before anything else.

        A correction may need the holder's confirmation anew.
        """
        await self._check_again()
        state = self._state
        while state.waits_for_holder or state.problems:
            await self._pause_or_leave()
            await (self._wait_for_holder() if state.waits_for_holder else self._wait_for_correction())

    async def _wait_for_holder(self) -> None:
        """Y5a: mail the contract's holder, remind them, and expire at last (Y27); a right token does as well.

        Of a pair that is corrected meanwhile they are asked anew, and once the links in what they have were ended.
        """
        self._state.holder_unasked = False
        self.view.enter(Stage.CONFIRMATION, WaitingFor.HOLDER, self._state.expires_on)
        await self._steps.rest()
        await self._ask_holder()
        await self._wait_at(
            Stage.CONFIRMATION,
            lambda: self._is_answered() or (self._state.holder_unasked and not self._pair.locked()),
            lambda _: self._ask_holder(),
            self._check_again,
            lambda: [NOT_CONFIRMED],
        )

    async def _ask_holder(self, asked_as: str | None = None, unless_since: datetime | None = None) -> None:
        """At most one mail an hour goes to the holder: what comes within the hour waits for the next."""
        while not self._is_answered():
            await self._pause_or_leave()
            not_before = await self._steps.ask_holder(asked_as, unless_since)
            if not_before is None:
                return
            with suppress(TimeoutError):
                await workflow.wait_condition(
                    lambda: self._is_answered() or self._state.leaving,
                    timeout=until(not_before),
                    timeout_summary="契約者に、次のメールで確認を依頼する",
                )

    def _is_answered(self) -> bool:
        return not self._state.waits_for_holder and not self._pair.locked()

    async def _wait_for_correction(self) -> None:
        self._state.corrections += 1
        await self._mail_problems(MailKind.CORRECTION_NEEDED, self._state.corrections)
        reminders_before = (self._state.corrections - 1) * len(APPLICANT_REMINDER_DAYS)
        await self._wait_at(
            Stage.CORRECTION,
            lambda: (not self._state.problems or self._state.waits_for_holder) and not self._pair.locked(),
            lambda occurrence: self._mail_problems(MailKind.CORRECTION_REMINDER, reminders_before + occurrence),
            self._check_again,
            lambda: [problem.message for problem in self._state.problems],
        )

    async def _wait_until_sharing_has_ended(self) -> None:
        """Y13: release it where the applicant has consented, else request it, remind, and expire at last (Y27)."""
        await self._pause_or_leave()
        self.view.enter(Stage.SHARING)
        await self._look_at_sharing()
        await self._pause_or_leave()
        if not self._state.sharing_ended and self._case.release_delegated:
            await self._steps.end_sharing(SharingReleased(reason="申込者の同意による"), delegated=True)
        if self._state.sharing_ended:
            return
        await self._steps.mail(MailKind.RELEASE_SHARING, until=self._state.expires_on)
        with every_morning(self._beside, self._look_at_sharing, LOOK_AT_SHARING):
            await self._wait_at(
                Stage.SHARING,
                lambda: self._state.sharing_ended,
                lambda occurrence: self._steps.mail(
                    MailKind.RELEASE_SHARING_REMINDER, occurrence, until=self._state.expires_on
                ),
                self._look_at_sharing,
                lambda: [SHARING_STILL_ON],
            )

    async def _notify(self) -> None:
        """Y18. One that cannot be delivered waits for an operator, and the case with it."""
        await self._steps.send_completion_notice()
        if self._state.notice_undelivered:
            await self._turn.begin()
            await workflow.wait_condition(lambda: not self._state.notice_undelivered or self._state.leaving)
            self._raise_if_leaving()
        self._state.notified_at = workflow.now()
        self._turn.stop()
        self._due_date.end()

    async def _follow_set_up_and_relink(self) -> None:
        """Y19 to Y21, Y25: remind, show to the operators, and end after `FOLLOW_UP_DAYS`, complete or not."""
        begun_at = self._state.notified_at if not self._state.closings else None
        closes_on = self._state.closes_on or day_in_japan(begun_at or workflow.now()) + timedelta(days=FOLLOW_UP_DAYS)
        self._state.closes_on = None  # once it is reopened, it is another day
        self._state.forget_undelivered_but_the_notice()
        self._state.waiting_for, self._state.waits_until = WaitingFor.APPLICANT, closes_on
        await self._show_follow_up()
        await self._rest_or_begin_turn()  # the notice may have come back already
        *remind_on, show_on = await business_days_after_today(*FOLLOW_UP_REMINDER_DAYS, FOLLOW_UP_OPERATOR_DAYS)
        actions = [
            *reminders(remind_on, "残っている設定を催促する", self._remind_of_open_points),
            ScheduledAction(lambda: opening_of(show_on), "担当者に知らせる", self._turn.begin),
            ScheduledAction(lambda: end_of(closes_on), "手続きを終了する", self._end_follow_up),
        ]
        follow_up = self._state.follow_up
        await wait_until(lambda: follow_up.complete or self._state.leaving, actions, held=self._is_held)
        # A report that is still being recorded belongs to the case.
        await workflow.wait_condition(workflow.all_handlers_finished)
        self._raise_if_leaving()
        self._end_as_followed_up()

    async def _reopened_after_closing(self) -> bool:
        """Y25: what is open when the case closes can still be done, unreminded; return whether it was reopened."""
        state = self._state
        if state.over or not state.open_points:
            return False
        until = day_in_japan(workflow.now()) + timedelta(days=AFTER_CLOSING_DAYS)
        await self._close_with_open_points(until)
        over = ScheduledAction(lambda: end_of(until), "終了後の受け付けを終える", self._end_after_closing)
        await wait_until(lambda: state.follow_up.complete or state.outcome is None, [over])
        await workflow.wait_condition(workflow.all_handlers_finished)
        if state.outcome is None:
            return True
        self._end_as_followed_up()
        return False

    async def _close_with_open_points(self, until: date) -> None:
        """Close, and let the application and whoever can still do the rest know."""
        self._turn.stop()
        self.view.enter(Stage.AFTER_CLOSING, until=until)
        async with self._closing:
            closed = await self._steps.close()
        if not closed.last:  # else they are mailed with the closing mail of the application
            points = tuple(self._state.open_points)
            await self._steps.mail(MailKind.FOLLOW_UP_ENDED, self._state.closings, points=points, until=until)
        if self._state.closings == 1:
            await self._ask_application_to_look()
        self.view.show()

    async def _ask_application_to_look(self) -> None:
        application = workflow.get_external_workflow_handle(application_workflow_id(self._case.case_no))
        try:
            await application.signal(OFFICE_CLOSED)
        except FailureError:
            workflow.logger.info("%s has ended before", application.id)

    def _end_as_followed_up(self) -> None:
        self._state.open_points = self._state.follow_up.open_points
        self._state.outcome = Outcome.INCOMPLETE if self._state.open_points else Outcome.COMPLETED

    async def _undo(self) -> OfficeOutcome:
        """Leave things as they were before (Y27), close, and notify the applicant why."""
        early_exit = self._state.early_exit
        if early_exit is None:
            raise RuntimeError("ended early without an early exit")
        self._turn.stop()
        self._due_date.end()
        # An update that is still running would otherwise change what has just been undone.
        await workflow.wait_condition(workflow.all_handlers_finished)
        if not early_exit.was_closed:
            await self._give_back()
        self._state.outcome, self._state.open_points = early_exit.outcome, early_exit.points
        closed = await self._close()
        await self._steps.mail(early_exit.mail, points=early_exit.points, ends_application=closed.last)
        self.view.show()
        return closed

    async def _give_back(self) -> None:
        """Undo what was done for the pair, in this order."""
        if self._state.contract_id:
            await self._steps.revoke_contract_id()
        if self._case.procedure.linked:
            await self._steps.restore_sharing()
            await self._steps.thaw_smart_import()

    async def _close(self) -> OfficeOutcome:
        self._turn.stop()
        await self._exits.settled()
        await workflow.wait_condition(workflow.all_handlers_finished)
        self.view.enter(Stage.CLOSED)
        closed = await self._steps.close()
        self.view.show()
        return closed

    # --- going on, waiting and ending early ---------------------------------------------------------------------------

    async def _next(self, step: Callable[[], Awaitable[None]]) -> None:
        """Take the next step, unless the case is held or somebody has ended it."""
        await self._pause_or_leave()
        await step()

    async def _pause_or_leave(self) -> None:
        """Wait while the case is held; raise `EndsEarlyError` if somebody has ended it.

        Without this, the applicant would get a mail after a hold or an end during a look-up.
        """
        await workflow.wait_condition(lambda: not self._state.held or self._state.leaving)
        self._raise_if_leaving()

    async def _wait_at(
        self,
        stage: Stage,
        done: Callable[[], bool],
        remind: Callable[[int], Awaitable[None]],
        look_again: Callable[[], Awaitable[None]],
        points: Callable[[], Sequence[str]],
    ) -> None:
        """Wait until `done`: reminded on business days, expired in the end (Y27). Raises `EndsEarlyError`."""
        who = WaitingFor.HOLDER if stage is Stage.CONFIRMATION else WaitingFor.APPLICANT
        self.view.enter(stage, who, self._state.expires_on)
        await self._rest_or_begin_turn()

        async def look_and_remind(occurrence: int) -> None:
            await look_again()
            if not done():
                await remind(occurrence)
                await self._rest_or_begin_turn()

        remind_on = await business_days_after_today(*APPLICANT_REMINDER_DAYS)
        expiry = ScheduledAction(lambda: end_of(self._state.expires_on), "申し込みを期限切れにする", look_again)
        actions = [*reminders(remind_on, "申込者に催促する", look_and_remind), expiry]
        if not await wait_until(lambda: done() or self._state.leaving, actions, held=self._is_held):
            self._exits.leave(Outcome.EXPIRED, *points())
        self._turn.stop()
        self._state.undelivered.clear()
        self._raise_if_leaving()

    def _is_held(self) -> bool:
        return self._state.held

    @contextmanager
    def _worked_on(self, goes_on: Callable[[], bool]) -> Iterator[None]:
        """Have the row say that the system works on what the applicant was waited for, and on if the case goes on."""
        waited_for = self._state.waiting_for
        if self._state.stage in EXPIRING:
            self._state.waiting_for = WaitingFor.SYSTEM
        try:
            yield
        finally:
            if not goes_on():
                self._state.waiting_for = waited_for

    def _raise_if_leaving(self) -> None:
        if self._state.early_exit:
            raise EndsEarlyError

    # --- helpers ------------------------------------------------------------------------------------------------------

    def _details(self) -> str:
        return office_details(self._state)

    async def _wait_for_retry(self) -> None:
        await self._turn.wait_for_retry()

    async def _rest_or_begin_turn(self) -> None:
        """Show where the case is; if a mail has not reached the customer, an operator does, by phone."""
        if self._state.undelivered:
            await self._turn.begin_unless_begun()
        await self._steps.rest()

    async def _ask_operator(self) -> None:
        if not self._state.after_closing:  # a closed case is nobody's turn: there the report says it
            await self._turn.begin_unless_begun()

    async def _take_bounce(self, mail: BouncedMail) -> None:
        """Y18. One to the customer that still matters waits for an operator, as if it had been refused at once."""
        kind = MailKind(mail.kind)
        self.view.note(f"メールが届かずに戻った：{kind.subject}　{mail.because}")
        if self._state.matters_still(kind):
            self._state.undelivered[kind] = f"メールが届かずに戻りました。{mail.because}"
            await self._ask_operator()
        await self._steps.rest()

    def _notice_waits(self) -> bool:
        waits = self._state.notice_undelivered or self._state.asked is not None
        return waits and not self._state.after_closing

    async def _check_again(self) -> None:
        async with self._pair:
            await self._check()

    async def _look_at_answer(self) -> None:
        async with self._pair:
            if self._state.waits_for_holder:
                await self._check()

    async def _answer_for_holder(self, action: Action, message: ActionMessage) -> None:
        waited = self._pair.locked()
        async with self._pair:
            if waited:
                self.check_possible(action, message)
            await self._steps.record_holder_answer(message, confirmed=action is Action.REPORT_CONFIRMED)
            await self._check()
        await self._turn.acknowledge()

    async def _check(self) -> None:
        await self._steps.check_pair()
        if self._state.refused_by_holder and not self._state.leaving:
            self._exits.leave(Outcome.REJECTED, REFUSED_BY_HOLDER)

    async def _look_at_sharing(self) -> None:
        async with self._sharing:
            await self._steps.look_at_sharing()

    async def _mail_problems(self, kind: MailKind, occurrence: int = 1) -> None:
        points = tuple(problem.message for problem in self._state.problems)
        await self._steps.mail(kind, occurrence, points=points, until=self._state.expires_on)

    async def _mail_new_deadline(self, asked_as: str | None) -> None:
        """Mail the new deadline with what is asked for; if the contract's holder is waited for, to them alone (Y5a)."""
        state, moved_at = self._state, workflow.now()
        await workflow.sleep(MOVED_TOGETHER, summary="新しい期限を知らせる")
        if state.waits_for_holder:
            await self._ask_holder(asked_as, moved_at)
            if state.waits_for_holder:
                await self._rest_or_begin_turn()
            return
        points = tuple(problem.message for problem in state.problems)
        if not (state.stage is Stage.SHARING or (state.stage is Stage.CORRECTION and points)):
            return
        await self._steps.mail(MailKind.DEADLINE_EXTENDED, points=points, until=state.expires_on, asked_as=asked_as)
        await self._rest_or_begin_turn()

    async def _remind_of_open_points(self, occurrence: int) -> None:
        points, until = self._state.follow_up.open_points, self._state.waits_until
        occurrence += self._state.closings * len(FOLLOW_UP_REMINDER_DAYS)  # of a reopened case, they are others
        await self._steps.mail(MailKind.FOLLOW_UP_REMINDER, occurrence, points=points, until=until)
        await self._rest_or_begin_turn()

    async def _end_follow_up(self) -> None:
        self.view.note(f"完了のお知らせから {FOLLOW_UP_DAYS} 日が過ぎた")

    async def _end_after_closing(self) -> None:
        self.view.note(f"終了から {AFTER_CLOSING_DAYS} 日が過ぎた")

    async def _show_follow_up(self) -> None:
        follow_up = self._state.follow_up
        self._state.open_points = follow_up.open_points
        if not self._state.after_closing:
            stage = Stage.SET_UP if follow_up.open_steps else Stage.RELINK
            self.view.enter(stage, self._state.waiting_for, self._state.waits_until)
        await self._steps.rest()

    def check_possible(self, action: Action, message: ActionMessage) -> None:
        """Refuse an action before it enters history, saying what is possible now."""
        today = day_in_japan(workflow.now())
        reason = OPERATIONS.refuse(action, message, self._state) or refuse_days(message, self._state, today)
        if reason is None and self._state.asked:
            reason = refuse_answer(action, self._state.asked, acting())
        if reason:
            raise refused(reason)
