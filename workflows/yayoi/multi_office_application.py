"""The application as a whole: one submitted form, one procedure per pair."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ChildWorkflowError, FailureError, WorkflowAlreadyStartedError
from temporalio.workflow import ChildWorkflowHandle, ExternalWorkflowHandle, ParentClosePolicy

from activities.common.assignment import AssignmentActivities
from activities.common.case_requests import CaseRequestActivities
from activities.yayoi.case_records import CaseRecordActivities
from activities.yayoi.mail import MailActivities
from activities.yayoi.strangers import StrangerActivities
from models.common.acting import SYSTEM, acting_commitment
from models.common.calendar import day_in_japan, opening_of
from models.common.case_status import CaseStatus
from models.common.messages import (
    ACTIVITY_FAILING,
    MAIL_RETURNED,
    OPERATIONS_LOST,
    REQUEST_CANCELLATION,
    AssignCase,
    BouncedMail,
    CaseStep,
    RequestOperation,
)
from models.common.operator_message import ActionMessage
from models.common.possible_operations import CASE_NOW, CaseNow, OperationToJudge
from models.common.waiting_for import WaitingFor
from models.yayoi.application_state import ApplicationState
from models.yayoi.holder_confirmation import HOLDER_ANSWERED
from models.yayoi.identifiers import office_workflow_id
from models.yayoi.mails import MailKind
from models.yayoi.messages import (
    OFFICE_CLOSED,
    ApplicationCase,
    ApplicationOutcome,
    ApplicationProgress,
    OfficeCase,
    OfficeOutcome,
    OfficeStep,
    Outcome,
    SendMail,
)
from models.yayoi.operator_actions import Action, Cancel
from models.yayoi.operator_rules import CANCEL_ALL, OF_APPLICATIONS
from models.yayoi.procedures import ApplicationStage
from workflows.common.bounced_mails import BouncedMailLook
from workflows.common.cancellation import shielded_from_cancellation
from workflows.common.case_query import CASE_NOW_DESCRIPTION, answer_case_now
from workflows.common.case_steps import CaseSteps
from workflows.common.case_view import CaseView
from workflows.common.lost_operations import LostOperationsLook
from workflows.common.operator_turn import CANCELLATION_ASKED
from workflows.common.operator_updates import operator_action, refused
from workflows.common.row_look import RowLook
from workflows.common.waiting import until
from workflows.yayoi.application_details import application_details, next_for_operator
from workflows.yayoi.office_data_procedure import OfficeDataProcedure
from workflows.yayoi.office_details import office_static_details
from workflows.yayoi.search_attributes import application_columns, of_office

_Procedure = ChildWorkflowHandle[OfficeDataProcedure, OfficeOutcome] | ExternalWorkflowHandle[OfficeDataProcedure]


@workflow.defn
class MultiOfficeApplication:
    """Leads one application: a procedure for each pair, none waits for another."""

    @workflow.init
    def __init__(self, case: ApplicationCase) -> None:
        self._case = case
        self._state = state = ApplicationState.of(case)
        self.view = CaseView(state, self._details, lambda: application_columns(state))
        self.view.begins_as(CaseStatus.first(state.stage, case.offices[0].applied_at))
        self._steps = CaseSteps(case, state, self.view)
        self._bounces = BouncedMailLook(case, self._steps, self._take_bounce)
        self._lost = LostOperationsLook(case, state, self.view, self._steps, self._ask_nobody)
        self._procedures: dict[int, _Procedure] = {}
        self._closings = RowLook(self._look_at_closed_offices)
        self._answers = 0

    @workflow.run
    @shielded_from_cancellation
    async def run(self, case: ApplicationCase) -> ApplicationOutcome:
        await self._assign()
        # Before the receipt: none waits for a mail that cannot be sent.
        for office in case.offices:
            self._procedures[office.part] = await self._start(office)
        following = asyncio.gather(*map(self._follow, self._procedures))
        await self._send_receipt(following.done)
        self.view.enter(ApplicationStage.IN_PROGRESS)
        await self._steps.rest()
        outcomes = await following
        await self._finish(outcomes)
        await workflow.wait_condition(workflow.all_handlers_finished)
        return ApplicationOutcome(offices=tuple(outcomes))

    @operator_action(Action.CANCEL, CANCEL_ALL)
    async def cancel(self, message: Cancel) -> None:
        await self._cancel_offices(message)

    async def cancellation_requested(self) -> None:
        """*Request Cancellation* makes an operator's turn of every office that goes on: nobody knows who asks."""
        self.view.note(CANCELLATION_ASKED)
        self.view.show()
        if not self._state.all_ended:
            facts = self._steps.next_occurrence("request") | {"by": SYSTEM, "reason": CANCELLATION_ASKED}
            await self._request(REQUEST_CANCELLATION, CANCELLATION_ASKED, {}, facts)

    @workflow.signal(name=OFFICE_CLOSED, description="事業所データの手続きが終わったかを調べる依頼（システム用）")
    async def closed(self) -> None:
        await self._closings.look()

    @workflow.signal(name=ACTIVITY_FAILING, description="処理の失敗を調べる依頼（システム用）")
    async def activity_failing(self) -> None:
        await self._steps.look_at_failures()

    @workflow.signal(name=MAIL_RETURNED, description="届かずに戻ったメールを調べる依頼（システム用）")
    async def mail_returned(self) -> None:
        await self._bounces.look()

    @workflow.signal(name=OPERATIONS_LOST, description="やり直されていない操作を調べる依頼（システム用）")
    async def operations_lost(self) -> None:
        await self._lost.look()

    @workflow.signal(name=HOLDER_ANSWERED, description="契約者の回答を調べる依頼（システム用）")
    async def holder_answered(self) -> None:
        self._answers += 1

    @workflow.query(description="申込全体の状況")
    def progress(self) -> ApplicationProgress:
        return self._state.progress

    @workflow.query(name=CASE_NOW, description=CASE_NOW_DESCRIPTION)
    def case_now(self, asked: OperationToJudge | None = None) -> CaseNow:
        title, next_step = f"申込 {self._case.case_no} の全体", next_for_operator(self._state)
        return answer_case_now(self, OF_APPLICATIONS, self._state, self._state, asked, title=title, next_step=next_step)

    def check_possible(self, action: Action, message: ActionMessage) -> None:
        """Refuse a cancellation that cannot be read, or that would find nothing to cancel."""
        if reason := OF_APPLICATIONS.refuse(action, message, self._state):
            raise refused(reason)

    async def _assign(self) -> None:
        step = self._steps.input(AssignCase, all_parts=True)
        assigned = await self._steps.run(AssignmentActivities.assign_operator, step, "担当者を決める")
        self._state.in_charge = assigned.operator

    async def _cancel_offices(self, message: Cancel) -> None:
        """Cancel every office that has not ended; each undoes what was done for it (Y27)."""
        facts = self._steps.next_occurrence("request", message) | {"commitment": acting_commitment()}
        await self._request(Action.CANCEL, CANCEL_ALL, message.model_dump(mode="json"), facts)

    async def _request(self, operation: str, label: str, message: dict[str, Any], facts: dict[str, Any]) -> None:
        # A procedure that has not been started cannot be signalled: without this, an early cancellation would be lost.
        await workflow.wait_condition(lambda: len(self._procedures) == len(self._case.offices))
        request = self._steps.input(RequestOperation, operation=str(operation), label=label, message=message, **facts)
        await self._steps.run(CaseRequestActivities.request_operation, request, "申込全体の取り消しを記録する")
        await self._ask_offices_to_look(OfficeDataProcedure.application_cancelled)

    async def _ask_offices_to_look(self, signal: Callable[[OfficeDataProcedure], Awaitable[None]]) -> None:
        for office_no, procedure in self._procedures.items():
            if office_no not in self._state.outcomes:
                try:
                    await procedure.signal(signal)
                except FailureError:
                    workflow.logger.info("%s has ended meanwhile", procedure.id)

    async def _start(self, office: OfficeCase) -> _Procedure:
        case = office.model_copy(update={"assignee": self._state.in_charge})
        procedure_id = office_workflow_id(office.case_no, office.part)
        while True:
            with suppress(WorkflowAlreadyStartedError):
                return await workflow.start_child_workflow(
                    OfficeDataProcedure.run,
                    case,
                    id=procedure_id,
                    search_attributes=of_office(case),
                    static_summary=f"{office.office_name}（{office.spoken}）",
                    static_details=office_static_details(case, workflow.info().namespace),
                    # If somebody ends the application by hand, its offices go on: otherwise they would stay frozen.
                    parent_close_policy=ParentClosePolicy.ABANDON,
                )
            step = OfficeStep.of(office, workflow.now())
            end_stranger = StrangerActivities.end_strangers_office
            if (await self._steps.look(end_stranger, step, "すでに始まっている手続きを確認する")).ours:
                # It was started before a Reset of the application, and goes on.
                return workflow.get_external_workflow_handle_for(OfficeDataProcedure.run, procedure_id)

    async def _follow(self, office_no: int) -> OfficeOutcome:
        """Wait until the office has closed; with something open, its procedure goes on by itself (Y25)."""
        procedure = self._procedures[office_no]
        if isinstance(procedure, ExternalWorkflowHandle):
            return await self._follow_by_its_row(office_no)
        await workflow.wait_condition(lambda: procedure.done() or office_no in self._state.outcomes)
        if office_no not in self._state.outcomes:
            try:
                self._take(await procedure)
            except ChildWorkflowError:
                # Ended by hand: the daily reconciliation undoes what was done for it. The other offices go on.
                self._take(OfficeOutcome(office_no=office_no, outcome=Outcome.TERMINATED))
        return self._state.outcomes[office_no]

    async def _follow_by_its_row(self, office_no: int) -> OfficeOutcome:
        """Wait for an office that is no child of this run: its end is in its row, and nobody else says so."""
        await self._closings.look()
        while office_no not in self._state.outcomes:
            tomorrow = day_in_japan(workflow.now()) + timedelta(days=1)
            with suppress(TimeoutError):
                await workflow.wait_condition(
                    lambda: office_no in self._state.outcomes,
                    timeout=until(opening_of(tomorrow)),
                    timeout_summary="事業所データの手続きが終わったかを調べる",
                )
            await self._closings.look()
        return self._state.outcomes[office_no]

    async def _look_at_closed_offices(self) -> None:
        step = self._steps.input(CaseStep)
        found = await self._steps.look(CaseRecordActivities.closed_offices, step, "終了した事業所データを調べる")
        for outcome in found.offices:
            if outcome.office_no not in self._state.outcomes:
                self._take(outcome)

    def _take(self, outcome: OfficeOutcome) -> None:
        self._state.outcomes[outcome.office_no] = outcome
        self.view.note(f"{outcome.office_no} 件目の手続きが終了した（{outcome.outcome}）")
        self.view.show()

    async def _finish(self, outcomes: Sequence[OfficeOutcome]) -> None:
        """Close the application, unless the daily reconciliation does it after undoing an office ended by hand."""
        self.view.enter(ApplicationStage.CLOSED)
        if any(each.outcome is Outcome.TERMINATED for each in outcomes):
            await self._steps.rest()
            return
        step = self._steps.input(CaseStep)
        closed = await self._steps.run(CaseRecordActivities.close_application, step, "申込の手続きを終了する")
        if not closed.mailed:
            await self._mail(MailKind.FINISHED)
        self.view.show()

    async def _send_receipt(self, all_ended: Callable[[], bool]) -> None:
        """Y18; where the contract's holder has to confirm the application, once they have (Y5a)."""
        while not all_ended():
            answers = self._answers
            if await self._mail(MailKind.RECEIPT):
                return
            self.view.enter(ApplicationStage.CONFIRMATION, WaitingFor.HOLDER)
            await self._steps.rest()
            await self._wait_for_answer(answers, all_ended)

    async def _wait_for_answer(self, seen: int, all_ended: Callable[[], bool]) -> None:
        await workflow.wait_condition(lambda: self._answers > seen or all_ended())

    async def _mail(self, kind: MailKind) -> bool:
        """Y18. One that is refused for good stops nothing: the page says so, and the daily report.

        False: there was nothing to send, since the contract's holder has not confirmed the application.
        """
        mailed = await self._steps.mail(MailActivities.send_mail, self._steps.input(SendMail, kind=kind), kind.subject)
        if mailed.refused_because:
            self._state.undelivered[kind] = mailed.refused_because
        return mailed.sent or mailed.refused_because is not None

    async def _ask_nobody(self) -> None:
        """The offices have taken what was requested of them from its row, or still do."""

    async def _take_bounce(self, mail: BouncedMail) -> None:
        kind = MailKind(mail.kind)
        self.view.note(f"メールが届かずに戻った：{kind.subject}　{mail.because}")
        if kind is MailKind.CONFIRM_APPLICATIONS:  # it is the offices that wait for the answer
            await self._ask_offices_to_look(OfficeDataProcedure.mail_returned)
        else:
            self._state.undelivered[kind] = mail.because
        self.view.show()

    def _details(self) -> str:
        return application_details(self._state, workflow.info().namespace)
