"""The procedure for one pair of an application: one office data, one Yayoi ID, one new contract ID."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from typing import NoReturn

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.calendar import CalendarActivities
    from activities.case_records import CaseRecordActivities
    from activities.contracts import ContractActivities
    from activities.customer_steps import CustomerStepActivities
    from activities.links import LinkActivities
    from activities.mail import MailActivities
    from activities.pair_check import PairCheckActivities
    from activities.sharing import SharingActivities
    from activities.smart_import import SmartImportActivities
    from models.calendar import day_in_japan, end_of, opening_of
    from models.follow_up import FollowUp
    from models.mails import MailKind
    from models.messages import (
        BusinessDays,
        CloseOffice,
        EndSharing,
        OfficeCase,
        OfficeOutcome,
        OfficeProgress,
        OfficeStep,
        Outcome,
        RecordRelink,
        RecordSetUpStep,
        SendMail,
        ServiceRelinked,
        SetUpStepDone,
        SharingReleased,
    )
    from models.procedures import Stage, WaitingFor
    from workflows.office_view import OfficeView
    from workflows.options import LOOK_UP, MAIL, REGISTRY
    from workflows.updates import update_described
    from workflows.waiting import Moment, wait_through

SHARING_REMINDERS = (3, 6, 9)
"""Business days after which the applicant is reminded to release the sharing (Y13)."""
FOLLOW_UP_REMINDERS = (3, 7)
"""Business days after the notice on which the customer is reminded of what is open (Y25)."""
FOLLOW_UP_SHOWN_TO_OPERATORS = 10
"""Business days after the notice on which operators are shown what is open (Y25)."""
FOLLOW_UP_DAYS = 30
"""Days after the notice at which the case closes, complete or not (Y25)."""

SHARING_STILL_ON = "会計事務所との共有が解除されていません。"


class LeftEarly(Exception):  # noqa: N818 a way out, not an error
    """The procedure ends before its end: how, and for these reasons."""

    def __init__(self, outcome: Outcome, mail: MailKind, points: Sequence[str]) -> None:
        super().__init__(outcome)
        self.outcome = outcome
        self.mail = mail
        self.points = tuple(points)


@workflow.defn
class OfficeDataProcedure:
    """Leads one pair from the application to its closing."""

    @workflow.init
    def __init__(self, case: OfficeCase) -> None:
        self._case = case
        self._follow_up = FollowUp(steps=case.procedure.set_up_steps)
        self._view = OfficeView(case, self._follow_up)
        self._frozen = False
        self._sharing_ended = False
        self._notified_at: datetime | None = None

    @workflow.run
    async def run(self, case: OfficeCase) -> OfficeOutcome:
        try:
            await self._check_pair()
            if case.procedure.linked:
                await self._freeze_smart_import()
                await self._remember_links()
                await self._wait_until_sharing_has_ended()
            await self._issue_contract_id()
            await self._send_completion_notice()
            if case.procedure.linked:
                await self._thaw_smart_import()
            await self._follow_set_up_and_relink()
        except LeftEarly as way_out:
            await self._undo(way_out)
        return await self._close()

    # --- what the outside reports -------------------------------------------------------------------------------------

    @update_described("会計事務所との共有が解除されたことを記録します")
    async def report_sharing_released(self, report: SharingReleased) -> None:
        await self._end_sharing(report)

    @report_sharing_released.validator
    def _check_sharing_released(self, report: SharingReleased) -> None:  # noqa: ARG002
        if not self._case.procedure.linked:
            _refuse("会計連携を利用しない申し込みのため、共有の解除は不要です。")
        if self._sharing_ended:
            _refuse("共有の解除は、すでに記録されています。")

    @update_described("お客様が STEP5・STEP6 の手順を 1 つ終えたことを記録します")
    async def report_set_up_step(self, report: SetUpStepDone) -> None:
        await workflow.execute_activity_method(
            CustomerStepActivities.record_set_up_step,
            RecordSetUpStep.of(self._case, workflow.now(), report=report),
            summary=f"{report.step.label}を記録する",
            **REGISTRY,
        )
        self._follow_up.record_step(report.step)
        await self._show_follow_up(f"{report.step.label}が完了した")

    @report_set_up_step.validator
    def _check_set_up_step(self, report: SetUpStepDone) -> None:
        self._check_notified()
        if reason := self._follow_up.refuse_step(report.step):
            _refuse(reason)

    @update_described("お客様がサービスを 1 つ再連携したことを記録します")
    async def report_relink(self, report: ServiceRelinked) -> None:
        service = f"{report.kind.label}「{report.service}」"
        relinked = await workflow.execute_activity_method(
            LinkActivities.record_relink,
            RecordRelink.of(self._case, workflow.now(), report=report),
            summary=f"{service}の再連携を記録する",
            **REGISTRY,
        )
        self._follow_up.record_relink(relinked)
        await self._show_follow_up(f"{service}を再連携した")

    @report_relink.validator
    def _check_relink(self, report: ServiceRelinked) -> None:
        self._check_notified()
        if reason := self._follow_up.refuse_relink(report.kind, report.service):
            _refuse(reason)

    @workflow.query(description="この事業所データの手続きの状況")
    def progress(self) -> OfficeProgress:
        return self._view.progress

    # --- the stages ---------------------------------------------------------------------------------------------------

    async def _check_pair(self) -> None:
        """Y2, Y3, Y5: a pair that cannot be processed is rejected before anything is touched."""
        self._view.enter(Stage.CHECK)
        result = await workflow.execute_activity_method(
            PairCheckActivities.check_pair, self._step, summary="弥生ID と事業所トークンを確認する", **REGISTRY
        )
        if result.problems:
            raise LeftEarly(Outcome.REJECTED, MailKind.REJECTED, [problem.message for problem in result.problems])

    async def _freeze_smart_import(self) -> None:
        """Y12."""
        self._view.enter(Stage.FREEZE)
        self._frozen = True
        await workflow.execute_activity_method(
            SmartImportActivities.freeze_smart_import, self._step, summary="スマート取引取込を凍結する", **REGISTRY
        )
        self._view.note("スマート取引取込を凍結した")

    async def _remember_links(self) -> None:
        """Y14: after the freeze, so that the last imported day no longer moves."""
        self._view.enter(Stage.REMEMBER_LINKS)
        remembered = await workflow.execute_activity_method(
            LinkActivities.remember_links, self._step, summary="連携しているサービスを記録する", **REGISTRY
        )
        self._follow_up.links = remembered.links
        self._view.note(f"連携 {len(remembered.links)} 件を記録した")

    async def _wait_until_sharing_has_ended(self) -> None:
        """Y13: release it where the applicant has consented, else ask, remind, and expire at last (Y27)."""
        self._view.enter(Stage.SHARING)
        await self._look_at_sharing()
        if not self._sharing_ended and self._case.release_delegated:
            await self._end_sharing(SharingReleased(by="system", reason="申込者の同意による"), delegated=True)
        if self._sharing_ended:
            return
        await self._mail(MailKind.RELEASE_SHARING, until=self._case.expires_on)
        await self._view.rest(Stage.SHARING, WaitingFor.APPLICANT, self._case.expires_on)
        moments = [
            *await self._reminders(SHARING_REMINDERS, "共有の解除を催促する", self._remind_of_sharing),
            Moment(end_of(self._case.due_date), "完了予定日を過ぎたことを知らせる", self._tell_of_delay),
            Moment(end_of(self._case.expires_on), "申し込みを期限切れにする", self._look_at_sharing),
        ]
        if not await wait_through(lambda: self._sharing_ended, moments):
            raise LeftEarly(Outcome.EXPIRED, MailKind.EXPIRED, [SHARING_STILL_ON])

    async def _issue_contract_id(self) -> None:
        """Y15."""
        self._view.enter(Stage.ISSUE)
        issued = await workflow.execute_activity_method(
            ContractActivities.issue_contract_id, self._step, summary="サービス契約ID を発行する", **REGISTRY
        )
        self._view.contract_id = issued.contract_id
        self._view.note(f"サービス契約ID {issued.contract_id} を発行した（この契約の {issued.number} 番目）")

    async def _send_completion_notice(self) -> None:
        """Y18."""
        self._view.enter(Stage.NOTIFY)
        await self._mail(MailKind.COMPLETION_NOTICE)
        self._notified_at = workflow.now()

    async def _thaw_smart_import(self) -> None:
        """Y12: with the notice, and on every other way out."""
        self._view.enter(Stage.THAW)
        await workflow.execute_activity_method(
            SmartImportActivities.thaw_smart_import, self._step, summary="スマート取引取込の凍結を解除する", **REGISTRY
        )
        self._frozen = False
        self._view.note("スマート取引取込の凍結を解除した")

    async def _follow_set_up_and_relink(self) -> None:
        """Y19 to Y21, Y25: remind, show to the operators, and end after 30 days, complete or not."""
        closes_on = self._today + timedelta(days=FOLLOW_UP_DAYS)
        self._view.waiting_for, self._view.waits_until = WaitingFor.APPLICANT, closes_on
        await self._show_follow_up("お客様の設定を待っている")
        moments = [
            *await self._reminders(FOLLOW_UP_REMINDERS, "残っている設定を催促する", self._remind_of_open_points),
            *await self._reminders((FOLLOW_UP_SHOWN_TO_OPERATORS,), "担当者に知らせる", self._show_to_operators),
            Moment(end_of(closes_on), "手続きを終了する", self._end_follow_up),
        ]
        await wait_through(lambda: self._follow_up.complete, moments)
        # A report that is still being recorded belongs to the case.
        await workflow.wait_condition(workflow.all_handlers_finished)
        self._view.open_points = self._follow_up.open_points
        self._view.outcome = Outcome.INCOMPLETE if self._follow_up.open_points else Outcome.COMPLETED

    async def _undo(self, way_out: LeftEarly) -> None:
        """Leave things as they were before (Y27), and tell the applicant why."""
        if self._frozen:
            await self._thaw_smart_import()
        self._view.outcome, self._view.open_points = way_out.outcome, way_out.points
        await self._mail(way_out.mail, points=way_out.points)

    async def _close(self) -> OfficeOutcome:
        await workflow.wait_condition(workflow.all_handlers_finished)
        outcome, open_points = self._view.outcome or Outcome.COMPLETED, tuple(self._view.open_points)
        await workflow.execute_activity_method(
            CaseRecordActivities.close_office,
            CloseOffice.of(self._case, workflow.now(), outcome=outcome, open_points=open_points),
            summary=f"この事業所データの手続きを終了する（{outcome}）",
            **REGISTRY,
        )
        self._view.enter(Stage.CLOSED)
        self._view.note(f"手続きを終了した（{outcome}）")
        return OfficeOutcome(
            office_no=self._case.office_no,
            outcome=outcome,
            contract_id=self._view.contract_id,
            open_points=open_points,
        )

    # --- at given moments ---------------------------------------------------------------------------------------------

    async def _remind_of_sharing(self, occurrence: int) -> None:
        await self._look_at_sharing()
        if not self._sharing_ended:
            await self._mail(MailKind.RELEASE_SHARING_REMINDER, occurrence, until=self._case.expires_on)

    async def _tell_of_delay(self) -> None:
        await self._look_at_sharing()
        if not self._sharing_ended:
            self._view.overdue = True
            await self._mail(MailKind.DELAY, points=(SHARING_STILL_ON,), until=self._case.expires_on)
            await self._view.rest(Stage.SHARING, WaitingFor.APPLICANT, self._case.expires_on)

    async def _remind_of_open_points(self, occurrence: int) -> None:
        await self._mail(MailKind.FOLLOW_UP_REMINDER, occurrence, points=self._follow_up.open_points)

    async def _show_to_operators(self, occurrence: int) -> None:  # noqa: ARG002 it happens once
        self._view.waiting_for = WaitingFor.OPERATOR
        await self._show_follow_up("設定が終わっていないため、担当者に知らせた")

    async def _end_follow_up(self) -> None:
        self._view.note(f"完了のお知らせから {FOLLOW_UP_DAYS} 日が過ぎた")

    # --- helpers ------------------------------------------------------------------------------------------------------

    @property
    def _step(self) -> OfficeStep:
        return OfficeStep.of(self._case, workflow.now())

    @property
    def _today(self) -> date:
        return day_in_japan(workflow.now())

    async def _look_at_sharing(self) -> None:
        """Read it again: it may have ended without anybody reporting it."""
        state = await workflow.execute_activity_method(
            SharingActivities.sharing_state, self._step, summary="会計事務所との共有を確認する", **REGISTRY
        )
        self._view.shared_with = state.shared_with
        self._sharing_ended = not state.shared_with

    async def _end_sharing(self, report: SharingReleased, *, delegated: bool = False) -> None:
        ended = await workflow.execute_activity_method(
            SharingActivities.end_sharing,
            EndSharing.of(self._case, workflow.now(), report=report, delegated=delegated),
            summary="申込者に代わって共有を解除する" if delegated else "共有の解除を記録する",
            **REGISTRY,
        )
        self._view.shared_with = ()
        self._sharing_ended = True
        firms = "、".join(ended.shared_with) or "なし"
        self._view.note(f"会計事務所との共有が終わった（{firms}）")

    async def _show_follow_up(self, what: str) -> None:
        self._view.open_points = self._follow_up.open_points
        self._view.note(what)
        stage = Stage.SET_UP if self._follow_up.open_steps else Stage.RELINK
        await self._view.rest(stage, self._view.waiting_for, self._view.waits_until)

    async def _reminders(
        self, counts: Sequence[int], summary: str, act: Callable[[int], Awaitable[None]]
    ) -> list[Moment]:
        """One moment for each count of business days from today, at the opening hour."""
        found = await workflow.execute_local_activity_method(
            CalendarActivities.business_days,
            BusinessDays(day=self._today, counts=tuple(counts)),
            summary="営業日を調べる",
            **LOOK_UP,
        )
        return [
            Moment(opening_of(day), f"{summary}（{occurrence} 回目）", partial(act, occurrence))
            for occurrence, day in enumerate(found.days, start=1)
        ]

    async def _mail(
        self, kind: MailKind, occurrence: int = 1, *, points: tuple[str, ...] = (), until: date | None = None
    ) -> None:
        await workflow.execute_activity_method(
            MailActivities.send_mail,
            SendMail(
                application_no=self._case.application_no,
                office_no=self._case.office_no,
                kind=kind,
                at=workflow.now(),
                occurrence=occurrence,
                points=points,
                until=until,
            ),
            summary=f"メール：{kind.subject}",
            **MAIL,
        )
        self._view.note(f"メールを送った：{kind.subject}")

    def _check_notified(self) -> None:
        if self._notified_at is None:
            _refuse("順番が違います。新しいサービス契約ID のお知らせは、まだ送られていません。")
        if self._view.outcome:
            _refuse("この手続きは、すでに終了しています。")


def _refuse(reason: str) -> NoReturn:
    raise ApplicationError(reason, type="Refused", non_retryable=True)
