"""The procedure for one pair of an application: one office data, one Yayoi ID, one new contract ID."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import date, datetime, timedelta
from functools import partial

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.failing import ACTIVITY_FAILING
    from models.actions import (
        AcceptPair,
        Action,
        ActionMessage,
        AddNote,
        Cancel,
        CorrectPair,
        ExtendDeadline,
        HandOver,
        Hold,
        Reject,
        ReleaseSharing,
        ResendMail,
        Resume,
        ServiceRelinked,
        SetUpStepDone,
        SharingReleased,
        Withdraw,
    )
    from models.calendar import day_in_japan, end_of, opening_of
    from models.mails import MailKind
    from models.messages import OfficeCase, OfficeOutcome, OfficeProgress, Outcome, TimelineEntry
    from models.office_state import OfficeState, WayOut
    from models.permissions import refuse
    from models.procedures import Stage, WaitingFor
    from workflows.cancellation import heeding_cancellation
    from workflows.office_steps import OfficeSteps
    from workflows.office_view import OfficeView
    from workflows.updates import update_described
    from workflows.waiting import Moment, wait_through

APPLICANT_REMINDERS = (3, 6, 9)
"""Business days after which the applicant is reminded to correct the pair or to release the sharing (Y13)."""
FOLLOW_UP_REMINDERS = (3, 7)
"""Business days after the notice on which the customer is reminded of what is open (Y25)."""
FOLLOW_UP_SHOWN_TO_OPERATORS = 10
"""Business days after the notice on which operators are shown what is open (Y25)."""
FOLLOW_UP_DAYS = 30
"""Days after the notice at which the case closes, complete or not (Y25)."""
OPERATOR_LADDER = (1, 2, 3)
"""Business days of waiting for an operator after which they are reminded, a supervisor is told, the case goes on to
a colleague."""

SHARING_STILL_ON = "会計事務所との共有が解除されていません。"


class LeftEarly(Exception):  # noqa: N818 a way out, not an error
    """Somebody or a deadline has ended the case before its end."""


@workflow.defn
class OfficeDataProcedure:
    """Leads one pair from the application to its closing."""

    @workflow.init
    def __init__(self, case: OfficeCase) -> None:
        self._case = case
        self._state = OfficeState.of(case)
        self._view = OfficeView(self._state)
        self._steps = OfficeSteps(self._state, self._view)
        self._due_date_keeper: asyncio.Task[None] | None = None
        self._ladder: asyncio.Task[None] | None = None

    @workflow.run
    @heeding_cancellation
    async def run(self, case: OfficeCase) -> OfficeOutcome:
        has = case.procedure.has
        self._due_date_keeper = asyncio.create_task(self._keep_due_date())
        try:
            await self._check_pair()
            if has(Stage.FREEZE):
                await self._next(self._steps.freeze_smart_import)
                await self._next(self._steps.remember_links)
                await self._wait_until_sharing_has_ended()
            if has(Stage.ISSUE):
                await self._next(self._steps.issue_contract_id)
            if has(Stage.ATTACH):
                await self._next(self._steps.attach_to_contract)
            await self._next(self._steps.send_completion_notice)
            self._due_date_keeper.cancel()
            if has(Stage.THAW):
                await self._next(self._steps.thaw_smart_import)
            await self._follow_set_up_and_relink()
        except LeftEarly:
            await self._undo()
        return await self._close()

    # --- updates: what operators and applicants do, and other systems report -----------------------------------------

    @update_described(CorrectPair.label)
    async def correct_pair(self, message: CorrectPair) -> None:
        await self._steps.correct_pair(message)
        await self._steps.check_pair()
        await self._acknowledge()

    @correct_pair.validator
    def _check_correct_pair(self, message: CorrectPair) -> None:
        self._check(Action.CORRECT_PAIR, message)

    @update_described(AcceptPair.label)
    async def accept_pair(self, message: AcceptPair) -> None:
        self._state.problems_accepted = True
        await self._steps.record(Action.ACCEPT_PAIR, message)

    @accept_pair.validator
    def _check_accept_pair(self, message: AcceptPair) -> None:
        self._check(Action.ACCEPT_PAIR, message)

    @update_described(Reject.label)
    async def reject(self, message: Reject) -> None:
        self._leave(Outcome.REJECTED, MailKind.REJECTED, message.reason)
        await self._steps.record(Action.REJECT, message)

    @reject.validator
    def _check_reject(self, message: Reject) -> None:
        self._check(Action.REJECT, message)

    @update_described(ReleaseSharing.label)
    async def release_sharing(self, message: ReleaseSharing) -> None:
        await self._steps.end_sharing(SharingReleased(by=message.by, reason=message.reason), delegated=True)

    @release_sharing.validator
    def _check_release_sharing(self, message: ReleaseSharing) -> None:
        self._check(Action.RELEASE_SHARING, message)

    @update_described(SharingReleased.label)
    async def report_sharing_released(self, message: SharingReleased) -> None:
        await self._steps.end_sharing(message, delegated=False)

    @report_sharing_released.validator
    def _check_sharing_released(self, message: SharingReleased) -> None:
        self._check(Action.REPORT_SHARING_RELEASED, message)

    @update_described(ExtendDeadline.label)
    async def extend_deadline(self, message: ExtendDeadline) -> None:
        self._state.expires_on = message.until
        self._state.waits_until = message.until
        await self._steps.record(Action.EXTEND_DEADLINE, message, f"：{message.until}まで")
        await self._acknowledge()

    @extend_deadline.validator
    def _check_extend_deadline(self, message: ExtendDeadline) -> None:
        self._check(Action.EXTEND_DEADLINE, message)

    @update_described(SetUpStepDone.label)
    async def report_set_up_step(self, message: SetUpStepDone) -> None:
        await self._steps.record_set_up_step(message)
        await self._show_follow_up()

    @report_set_up_step.validator
    def _check_set_up_step(self, message: SetUpStepDone) -> None:
        self._check(Action.REPORT_SET_UP_STEP, message)

    @update_described(ServiceRelinked.label)
    async def report_relink(self, message: ServiceRelinked) -> None:
        await self._steps.record_relink(message)
        await self._show_follow_up()

    @report_relink.validator
    def _check_relink(self, message: ServiceRelinked) -> None:
        self._check(Action.REPORT_RELINK, message)

    @update_described(AddNote.label)
    async def add_note(self, message: AddNote) -> None:
        await self._steps.record(Action.ADD_NOTE, message)
        await self._acknowledge()

    @add_note.validator
    def _check_add_note(self, message: AddNote) -> None:
        self._check(Action.ADD_NOTE, message)

    @update_described(ResendMail.label)
    async def resend_mail(self, message: ResendMail) -> None:
        await self._steps.resend(message.kind)
        await self._steps.record(Action.RESEND_MAIL, message, f"：{message.kind.subject}")

    @resend_mail.validator
    def _check_resend_mail(self, message: ResendMail) -> None:
        self._check(Action.RESEND_MAIL, message)

    @update_described(HandOver.label)
    async def hand_over(self, message: HandOver) -> None:
        await self._steps.hand_over(message)
        await self._acknowledge()

    @hand_over.validator
    def _check_hand_over(self, message: HandOver) -> None:
        self._check(Action.HAND_OVER, message)

    @update_described(Hold.label)
    async def hold(self, message: Hold) -> None:
        self._state.held = True
        await self._steps.record(Action.HOLD, message)
        await self._view.refresh()

    @hold.validator
    def _check_hold(self, message: Hold) -> None:
        self._check(Action.HOLD, message)

    @update_described(Resume.label)
    async def resume(self, message: Resume) -> None:
        self._state.held = False
        await self._steps.record(Action.RESUME, message)
        await self._view.refresh()

    @resume.validator
    def _check_resume(self, message: Resume) -> None:
        self._check(Action.RESUME, message)

    @update_described(Withdraw.label)
    async def withdraw(self, message: Withdraw) -> None:
        self._leave(Outcome.WITHDRAWN, MailKind.WITHDRAWN, message.reason)
        await self._steps.record(Action.WITHDRAW, message)

    @withdraw.validator
    def _check_withdraw(self, message: Withdraw) -> None:
        self._check(Action.WITHDRAW, message)

    @update_described(Cancel.label)
    async def cancel(self, message: Cancel) -> None:
        self._leave(Outcome.CANCELLED, MailKind.CANCELLED, message.reason)
        await self._steps.record(
            Action.CANCEL, message, f"（承認：{message.supervisor}）" if message.supervisor else ""
        )

    @cancel.validator
    def _check_cancel(self, message: Cancel) -> None:
        self._check(Action.CANCEL, message)

    # --- signals and queries ------------------------------------------------------------------------------------------

    @workflow.signal(description="申込全体の取り消し（システム用）")
    async def application_cancelled(self, message: Cancel) -> None:
        if reason := refuse(Action.CANCEL, message, self._state):
            self._view.note(f"申込全体の取り消しを受けたが、取り消さなかった：{reason}")
            return
        self._leave(Outcome.CANCELLED, MailKind.CANCELLED, message.reason)
        await self._steps.record(Action.CANCEL, message)

    @workflow.signal(name=ACTIVITY_FAILING, description="処理の失敗が続いていることの報告（システム用）")
    def activity_failing(self, activity: str) -> None:
        self._view.failing(activity)

    @workflow.query(description="この事業所データの手続きの状況")
    def progress(self) -> OfficeProgress:
        return self._state.progress

    @workflow.query(description="この手続きの経過（古い順）")
    def timeline(self) -> list[TimelineEntry]:
        return self._state.timeline

    async def cancellation_requested(self) -> None:
        """*Request Cancellation* in the Web UI is the same as cancelling the case."""
        await self.application_cancelled(Cancel(by="Web UI", reason="Request Cancellation による取り消し"))

    # --- the stages ---------------------------------------------------------------------------------------------------

    async def _check_pair(self) -> None:
        """Y2, Y3, Y5: what is wrong is mended by the applicant or an operator before anything is touched."""
        self._view.enter(Stage.CHECK)
        await self._steps.check_pair()
        if not self._state.problems:
            return
        await self._mail_problems(MailKind.CORRECTION_NEEDED)
        await self._wait_for_applicant(
            Stage.CORRECTION,
            lambda: self._state.problems_accepted or not self._state.problems,
            partial(self._mail_problems, MailKind.CORRECTION_REMINDER),
            self._steps.check_pair,
            lambda: [problem.message for problem in self._state.problems],
        )

    async def _wait_until_sharing_has_ended(self) -> None:
        """Y13: release it where the applicant has consented, else ask, remind, and expire at last (Y27)."""
        await self._next(partial(self._enter_and, Stage.SHARING, self._steps.look_at_sharing))
        if not self._state.sharing_ended and self._case.release_delegated:
            await self._steps.end_sharing(SharingReleased(by="system", reason="申込者の同意による"), delegated=True)
        if self._state.sharing_ended:
            return
        await self._steps.mail(MailKind.RELEASE_SHARING, until=self._state.expires_on)
        await self._wait_for_applicant(
            Stage.SHARING,
            lambda: self._state.sharing_ended,
            lambda occurrence: self._steps.mail(
                MailKind.RELEASE_SHARING_REMINDER, occurrence, until=self._state.expires_on
            ),
            self._steps.look_at_sharing,
            lambda: [SHARING_STILL_ON],
        )

    async def _follow_set_up_and_relink(self) -> None:
        """Y19 to Y21, Y25: remind, show to the operators, and end after 30 days, complete or not."""
        closes_on = day_in_japan(workflow.now()) + timedelta(days=FOLLOW_UP_DAYS)
        self._state.waiting_for, self._state.waits_until = WaitingFor.APPLICANT, closes_on
        await self._show_follow_up()
        *remind_on, show_on = await self._steps.business_days_after_today(
            *FOLLOW_UP_REMINDERS, FOLLOW_UP_SHOWN_TO_OPERATORS
        )
        moments = [
            *_reminders(remind_on, "残っている設定を催促する", self._remind_of_open_points),
            Moment(lambda: opening_of(show_on), "担当者に知らせる", self._wait_for_operator),
            Moment(lambda: end_of(closes_on), "手続きを終了する", self._end_follow_up),
        ]
        follow_up = self._state.follow_up
        await wait_through(lambda: follow_up.complete or self._state.leaving, moments, held=self._is_held)
        # A report that is still being recorded belongs to the case.
        await workflow.wait_condition(workflow.all_handlers_finished)
        self._leave_if_asked()
        self._state.open_points = follow_up.open_points
        self._state.outcome = Outcome.INCOMPLETE if follow_up.open_points else Outcome.COMPLETED

    async def _undo(self) -> None:
        """Leave things as they were before (Y27), in this order, and tell the applicant why."""
        way_out = self._state.way_out
        if way_out is None:
            raise ApplicationError("left early without a way out", non_retryable=True)
        self._stop_keepers()
        # What an update is still doing is undone after it, never before.
        await workflow.wait_condition(workflow.all_handlers_finished)
        if self._state.contract_id:
            await self._steps.revoke_contract_id()
        if self._case.procedure.linked and self._state.stage not in {Stage.CHECK, Stage.CORRECTION}:
            await self._steps.restore_sharing()
            await self._steps.thaw_smart_import()
        self._state.outcome, self._state.open_points = way_out.outcome, way_out.points
        await self._steps.mail(way_out.mail, points=way_out.points)

    async def _close(self) -> OfficeOutcome:
        self._stop_keepers()
        await workflow.wait_condition(workflow.all_handlers_finished)
        outcome, open_points = self._state.outcome or Outcome.COMPLETED, tuple(self._state.open_points)
        await self._steps.close(outcome, open_points)
        self._view.enter(Stage.CLOSED)
        self._view.note(f"手続きを終了した（{outcome}）")
        return OfficeOutcome(
            office_no=self._case.office_no,
            outcome=outcome,
            contract_id=self._state.contract_id,
            open_points=open_points,
        )

    # --- going on, waiting and leaving --------------------------------------------------------------------------------

    async def _next(self, step: Callable[[], Awaitable[None]]) -> None:
        """Take the next step, unless the case is held or somebody has ended it."""
        await workflow.wait_condition(lambda: not self._state.held or self._state.leaving)
        self._leave_if_asked()
        await step()

    async def _enter_and(self, stage: Stage, step: Callable[[], Awaitable[None]]) -> None:
        self._view.enter(stage)
        await step()

    async def _wait_for_applicant(
        self,
        stage: Stage,
        done: Callable[[], bool],
        remind: Callable[[int], Awaitable[None]],
        look_again: Callable[[], Awaitable[None]],
        points: Callable[[], Sequence[str]],
    ) -> None:
        """Rest until `done`: reminded on business days, expired in the end (Y27). Raises `LeftEarly`."""
        await self._view.rest(stage, WaitingFor.APPLICANT, self._state.expires_on)

        async def look_and_remind(occurrence: int) -> None:
            await look_again()
            if not done():
                await remind(occurrence)

        remind_on = await self._steps.business_days_after_today(*APPLICANT_REMINDERS)
        expiry = Moment(lambda: end_of(self._state.expires_on), "申し込みを期限切れにする", look_again)
        moments = [*_reminders(remind_on, "申込者に催促する", look_and_remind), expiry]
        if not await wait_through(lambda: done() or self._state.leaving, moments, held=self._is_held):
            self._leave(Outcome.EXPIRED, MailKind.EXPIRED, *points())
        self._stop_ladder()
        self._leave_if_asked()

    def _is_held(self) -> bool:
        return self._state.held

    def _leave(self, outcome: Outcome, mail: MailKind, *points: str) -> None:
        self._state.way_out = WayOut(outcome, mail, tuple(points))
        self._state.held = False

    def _leave_if_asked(self) -> None:
        if self._state.way_out:
            raise LeftEarly

    # --- deadlines and operators --------------------------------------------------------------------------------------

    async def _keep_due_date(self) -> None:
        """Y11: alert an operator before the due date, and tell the applicant of the delay once it has passed."""
        await workflow.sleep(_until(opening_of(self._case.alert_on)), summary="完了予定日が近いことを担当者に知らせる")
        await self._steps.mail(MailKind.DUE_DATE_IN_DANGER)
        await self._wait_for_operator()
        await workflow.sleep(_until(end_of(self._case.due_date)), summary="完了予定日を過ぎたことを申込者に知らせる")
        self._state.overdue = True
        await self._steps.mail(MailKind.DELAY, points=self._reasons_of_delay(), until=self._state.expires_on)
        await self._view.refresh()

    def _reasons_of_delay(self) -> tuple[str, ...]:
        match self._state.stage:
            case Stage.CORRECTION:
                return tuple(problem.message for problem in self._state.problems)
            case Stage.SHARING:
                return (SHARING_STILL_ON,)
            case _:
                return ("弊社での処理に時間がかかっています。",)

    async def _wait_for_operator(self) -> None:
        """Make it an operator's turn: remind, tell a supervisor, hand the case on (a ladder of business days)."""
        self._stop_ladder()
        self._view.note("担当者の対応を待っている")
        await self._view.rest(self._state.stage, WaitingFor.OPERATOR, self._state.waits_until)
        self._ladder = asyncio.create_task(self._climb_ladder())

    async def _climb_ladder(self) -> None:
        remind_on, escalate_on, reassign_on = await self._steps.business_days_after_today(*OPERATOR_LADDER)
        await workflow.sleep(_until(opening_of(remind_on)), summary="担当者に催促する")
        await self._steps.mail(MailKind.OPERATOR_REMINDER, remind_on.toordinal())
        await workflow.sleep(_until(opening_of(escalate_on)), summary="責任者に知らせる")
        await self._steps.mail(MailKind.OPERATOR_ESCALATION, escalate_on.toordinal())
        await workflow.sleep(_until(opening_of(reassign_on)), summary="別の担当者に替える")
        await self._steps.reassign()
        await self._view.refresh()

    def _stop_keepers(self) -> None:
        self._stop_ladder()
        if self._due_date_keeper:
            self._due_date_keeper.cancel()

    def _stop_ladder(self) -> None:
        if self._ladder:
            self._ladder.cancel()
            self._ladder = None

    async def _acknowledge(self) -> None:
        """An operator has acted: what is still missing is the applicant's again."""
        self._stop_ladder()
        if self._state.waiting_for is WaitingFor.OPERATOR:
            self._state.waiting_for = WaitingFor.APPLICANT
        await self._view.refresh()

    # --- helpers ------------------------------------------------------------------------------------------------------

    async def _mail_problems(self, kind: MailKind, occurrence: int = 1) -> None:
        points = tuple(problem.message for problem in self._state.problems)
        await self._steps.mail(kind, occurrence, points=points, until=self._state.expires_on)

    async def _remind_of_open_points(self, occurrence: int) -> None:
        points = self._state.follow_up.open_points
        await self._steps.mail(MailKind.FOLLOW_UP_REMINDER, occurrence, points=points)

    async def _end_follow_up(self) -> None:
        self._view.note(f"完了のお知らせから {FOLLOW_UP_DAYS} 日が過ぎた")

    async def _show_follow_up(self) -> None:
        follow_up = self._state.follow_up
        self._state.open_points = follow_up.open_points
        stage = Stage.SET_UP if follow_up.open_steps else Stage.RELINK
        await self._view.rest(stage, self._state.waiting_for, self._state.waits_until)

    def _check(self, action: Action, message: ActionMessage) -> None:
        """Refuse an action before it enters history, saying what is possible now."""
        if reason := refuse(action, message, self._state):
            raise ApplicationError(reason, type="Refused", non_retryable=True)


def _until(moment: datetime) -> timedelta:
    return max(moment - workflow.now(), timedelta(seconds=1))


def _reminders(days: Sequence[date], summary: str, act: Callable[[int], Awaitable[None]]) -> list[Moment]:
    """One moment for each day, at the opening hour."""
    return [
        Moment(partial(opening_of, day), f"{summary}（{occurrence} 回目）", partial(act, occurrence))
        for occurrence, day in enumerate(days, start=1)
    ]
