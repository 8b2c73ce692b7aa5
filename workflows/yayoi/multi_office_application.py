"""The application as a whole: one submitted form, one procedure per pair."""

import asyncio
from collections.abc import Sequence

from temporalio import workflow
from temporalio.exceptions import ActivityError, ChildWorkflowError, FailureError
from temporalio.workflow import ChildWorkflowHandle, ParentClosePolicy

with workflow.unsafe.imports_passed_through():
    from activities.yayoi.assignment import AssignmentActivities
    from activities.yayoi.case_records import CaseRecordActivities
    from activities.yayoi.mail import MailActivities
    from models.common.messages import ACTIVITY_FAILING
    from models.common.operator_message import ActionMessage
    from models.common.waiting_for import WaitingFor
    from models.yayoi.identifiers import office_workflow_id
    from models.yayoi.mails import MailKind
    from models.yayoi.messages import (
        ApplicationCase,
        ApplicationOutcome,
        ApplicationProgress,
        Assign,
        CloseApplication,
        OfficeCase,
        OfficeOutcome,
        OfficeProgress,
        Outcome,
        SendMail,
    )
    from models.yayoi.operator_actions import Action, Cancel
    from models.yayoi.procedures import ApplicationStage, Stage
    from workflows.common.activity_options import MAIL, REGISTRY
    from workflows.common.cancellation import shielded_from_cancellation
    from workflows.common.failing_activities import why_refused
    from workflows.common.operator_updates import operator_action, refused
    from workflows.common.search_attributes import ASSIGNEE, FAILING, ON_HOLD, OVERDUE, STAGE, WAITING_FOR
    from workflows.yayoi.office_data_procedure import OfficeDataProcedure
    from workflows.yayoi.office_details import application_details, cancel_json, office_static_details
    from workflows.yayoi.office_view import OFFICE_PROGRESSED
    from workflows.yayoi.search_attributes import of_office
    from workflows.yayoi.stage_changes import StageChanges

_MOST_URGENT = (WaitingFor.OPERATOR, WaitingFor.APPLICANT, WaitingFor.SYSTEM)
"""The application waits for whom its most urgent office waits for."""


@workflow.defn
class MultiOfficeApplication:
    """Leads one application: a procedure for each pair, none waits for another."""

    @workflow.init
    def __init__(self, case: ApplicationCase) -> None:
        self._case = case
        self._stage = ApplicationStage.RECEIVED
        self._assignee: str | None = None
        self._procedures: dict[int, ChildWorkflowHandle[OfficeDataProcedure, OfficeOutcome]] = {}
        self._offices = {
            office.office_no: OfficeProgress(
                office_no=office.office_no,
                office_name=office.office_name,
                stage=Stage.CHECK,
                waiting_for=WaitingFor.SYSTEM,
            )
            for office in case.offices
        }
        self._undelivered: dict[MailKind, str] = {}
        self._changes = StageChanges(case)

    @workflow.run
    @shielded_from_cancellation
    async def run(self, case: ApplicationCase) -> ApplicationOutcome:
        self._changes.start_publishing()
        self._record_changes()
        await self._assign()
        # Before the receipt: each freezes its office at once (Y12), also if the mail cannot be sent.
        for office in case.offices:
            self._procedures[office.office_no] = await self._start(office)
        await self._mail(MailKind.RECEIPT)
        self._enter(ApplicationStage.IN_PROGRESS)
        outcomes = await asyncio.gather(*map(self._follow, self._procedures))
        await self._finish(outcomes)
        await self._changes.wait_until_published()
        await workflow.wait_condition(workflow.all_handlers_finished)
        return ApplicationOutcome(offices=tuple(outcomes))

    @operator_action(Action.CANCEL, "申込全体を取り消す")
    async def cancel(self, message: Cancel) -> None:
        await self._cancel_offices(message)

    async def cancellation_requested(self) -> None:
        """*Request Cancellation* in the Web UI is the same as cancelling the application."""
        await self._cancel_offices(Cancel(by="Web UI", reason="Request Cancellation による取り消し"))

    @workflow.signal(name=ACTIVITY_FAILING, description="処理の失敗が続いていることの報告（システム用）")
    def activity_failing(self, activity: str) -> None:  # noqa: ARG002 the list shows that, Pending Activities what
        workflow.upsert_search_attributes([FAILING.value_set(True), WAITING_FOR.value_set(WaitingFor.OPERATOR)])

    @workflow.signal(name=OFFICE_PROGRESSED, description="事業所データの手続きからの報告（システム用）")
    def office_progressed(self, progress: OfficeProgress) -> None:
        if self._offices[progress.office_no].outcome is None:
            self._offices[progress.office_no] = progress
            self._show()

    @workflow.query(description="申込全体の状況")
    def progress(self) -> ApplicationProgress:
        return ApplicationProgress(
            application_no=self._case.application_no,
            due_date=self._case.due_date,
            offices=tuple(self._offices.values()),
            closed=self._stage is ApplicationStage.CLOSED,
        )

    def check_possible(self, action: Action, message: ActionMessage) -> None:  # noqa: ARG002 there is only one
        """Refuse a cancellation that cannot be read, or that would find nothing to cancel."""
        if message.misread:
            example = cancel_json(tuple(self._offices.values()))
            raise refused(f"JSON を読み取れません（{'、'.join(message.misread)}）。例：{example}")
        if all(office.outcome for office in self._offices.values()):
            raise refused("すべての事業所データの手続きが、すでに終了しています。取り消すものはありません。")

    async def _assign(self) -> None:
        assigned = await workflow.execute_activity_method(
            AssignmentActivities.assign_operator,
            Assign(application_no=self._case.application_no, at=workflow.now(), occurrence=1),
            **REGISTRY | {"summary": "担当者を決める"},
        )
        self._assignee = assigned.operator
        if assigned.operator:
            workflow.upsert_search_attributes([ASSIGNEE.value_set(assigned.operator)])

    async def _cancel_offices(self, message: Cancel) -> None:
        """Cancel every office that has not ended; each undoes what was done for it (Y27)."""
        # A procedure that has not been started cannot be signalled: without this, an early cancellation would be lost.
        await workflow.wait_condition(lambda: len(self._procedures) == len(self._offices))
        for office_no, office in self._offices.items():
            if office.outcome is None:
                await self._cancel_office(office_no, message)

    async def _cancel_office(self, office_no: int, message: Cancel) -> None:
        try:
            await self._procedures[office_no].signal(OfficeDataProcedure.application_cancelled, message)
        except FailureError:
            workflow.logger.info("office %d has ended meanwhile", office_no)

    async def _start(self, office: OfficeCase) -> ChildWorkflowHandle[OfficeDataProcedure, OfficeOutcome]:
        case = office.model_copy(update={"assignee": self._assignee})
        return await workflow.start_child_workflow(
            OfficeDataProcedure.run,
            case,
            id=office_workflow_id(office.application_no, office.office_no),
            search_attributes=of_office(case),
            static_summary=f"{office.office_name}（{office.spoken}）",
            static_details=office_static_details(case, workflow.info().namespace),
            # If somebody ends the application by hand, its offices go on: otherwise they would stay frozen.
            parent_close_policy=ParentClosePolicy.ABANDON,
        )

    async def _follow(self, office_no: int) -> OfficeOutcome:
        try:
            outcome = await self._procedures[office_no]
        except ChildWorkflowError:
            # Ended by hand: the daily reconciliation undoes what was done for it. The other offices go on.
            outcome = OfficeOutcome(office_no=office_no, outcome=Outcome.TERMINATED)
        ended = self._offices[outcome.office_no].model_copy(
            update={
                "stage": Stage.CLOSED,
                "outcome": outcome.outcome,
                "contract_id": outcome.contract_id,
                "open_points": outcome.open_points,
                "waiting_for": WaitingFor.SYSTEM,
                "waits_until": None,
            }
        )
        self._offices[outcome.office_no] = ended
        self._show()
        return outcome

    async def _finish(self, outcomes: Sequence[OfficeOutcome]) -> None:
        """Close the application, unless the daily reconciliation does it after undoing an office ended by hand."""
        if any(each.outcome is Outcome.TERMINATED for each in outcomes):
            self._enter(ApplicationStage.CLOSED)
            return
        await workflow.execute_activity_method(
            CaseRecordActivities.close_application,
            CloseApplication(application_no=self._case.application_no, at=workflow.now()),
            **REGISTRY | {"summary": "申込の手続きを終了する"},
        )
        self._enter(ApplicationStage.CLOSED)
        await self._mail(MailKind.FINISHED)

    async def _mail(self, kind: MailKind) -> None:
        """Y18. One that is refused for good stops nothing: the page says so, and the daily report."""
        try:
            await workflow.execute_activity_method(
                MailActivities.send_mail,
                SendMail(application_no=self._case.application_no, kind=kind, at=workflow.now()),
                **MAIL | {"summary": f"メール：{kind.subject}"},
            )
        except ActivityError as failed:
            self._undelivered[kind] = why_refused(failed)
            self._show()

    def _enter(self, stage: ApplicationStage) -> None:
        self._stage = stage
        workflow.upsert_search_attributes([STAGE.value_set(stage), FAILING.value_set(False)])
        self._show()

    def _show(self) -> None:
        offices = tuple(self._offices.values())
        workflow.upsert_search_attributes(
            [
                WAITING_FOR.value_set(self._waiting_for),
                OVERDUE.value_set(any(office.overdue for office in offices)),
                ON_HOLD.value_set(any(office.held for office in offices)),
            ]
        )
        details = application_details(self._case, offices, self._undelivered, workflow.info().namespace)
        workflow.set_current_details(details)
        self._record_changes()

    def _record_changes(self) -> None:
        self._changes.record(self._stage, self._waiting_for, self._offices.values())

    @property
    def _waiting_for(self) -> WaitingFor:
        waiting = {office.waiting_for for office in self._offices.values() if office.outcome is None}
        return next(who for who in _MOST_URGENT if who in (waiting or {WaitingFor.SYSTEM}))
