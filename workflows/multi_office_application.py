"""The application as a whole: one submitted form, one procedure per pair."""

import asyncio

from temporalio import workflow
from temporalio.workflow import ChildWorkflowHandle, ParentClosePolicy

with workflow.unsafe.imports_passed_through():
    from activities.case_records import CaseRecordActivities
    from activities.mail import MailActivities
    from models.identifiers import office_workflow_id
    from models.mails import MailKind
    from models.messages import (
        ApplicationCase,
        ApplicationOutcome,
        ApplicationProgress,
        CloseApplication,
        OfficeCase,
        OfficeOutcome,
        OfficeProgress,
        SendMail,
    )
    from models.procedures import ApplicationStage, Stage, WaitingFor
    from workflows.office_data_procedure import OfficeDataProcedure
    from workflows.office_view import OFFICE_PROGRESSED
    from workflows.operator_view import application_details
    from workflows.options import MAIL, REGISTRY
    from workflows.search_attributes import OVERDUE, STAGE, WAITING_FOR, of_office

_MOST_URGENT = (WaitingFor.OPERATOR, WaitingFor.APPLICANT, WaitingFor.SYSTEM)
"""The application waits for whom its most urgent office waits for."""


@workflow.defn
class MultiOfficeApplication:
    """Leads one application: every pair goes its own way, none holds the others."""

    @workflow.init
    def __init__(self, case: ApplicationCase) -> None:
        self._case = case
        self._stage = ApplicationStage.RECEIVED
        self._offices = {
            office.office_no: OfficeProgress(
                office_no=office.office_no,
                office_name=office.office_name,
                stage=Stage.CHECK,
                waiting_for=WaitingFor.SYSTEM,
            )
            for office in case.offices
        }

    @workflow.run
    async def run(self, case: ApplicationCase) -> ApplicationOutcome:
        # The procedures first: each freezes its office at once (Y12), whatever becomes of the receipt.
        procedures = [await self._start(office) for office in case.offices]
        await self._mail(MailKind.RECEIPT)
        self._enter(ApplicationStage.IN_PROGRESS)
        outcomes = await asyncio.gather(*map(self._follow, procedures))
        await self._close()
        await self._mail(MailKind.FINISHED)
        return ApplicationOutcome(offices=tuple(outcomes))

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

    async def _start(self, office: OfficeCase) -> ChildWorkflowHandle[OfficeDataProcedure, OfficeOutcome]:
        return await workflow.start_child_workflow(
            OfficeDataProcedure.run,
            office,
            id=office_workflow_id(office.application_no, office.office_no),
            search_attributes=of_office(office),
            static_summary=f"{office.office_name}（{office.spoken}）",
            # An office goes on by itself if somebody ends the application by hand: nothing frozen is forgotten.
            parent_close_policy=ParentClosePolicy.ABANDON,
        )

    async def _follow(self, procedure: ChildWorkflowHandle[OfficeDataProcedure, OfficeOutcome]) -> OfficeOutcome:
        outcome = await procedure
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

    async def _close(self) -> None:
        await workflow.execute_activity_method(
            CaseRecordActivities.close_application,
            CloseApplication(application_no=self._case.application_no, at=workflow.now()),
            summary="申込の手続きを終了する",
            **REGISTRY,
        )
        self._enter(ApplicationStage.CLOSED)

    async def _mail(self, kind: MailKind) -> None:
        await workflow.execute_activity_method(
            MailActivities.send_mail,
            SendMail(application_no=self._case.application_no, kind=kind, at=workflow.now()),
            summary=f"メール：{kind.subject}",
            **MAIL,
        )

    def _enter(self, stage: ApplicationStage) -> None:
        self._stage = stage
        workflow.upsert_search_attributes([STAGE.value_set(stage)])
        self._show()

    def _show(self) -> None:
        offices = tuple(self._offices.values())
        waiting = {office.waiting_for for office in offices if office.outcome is None} or {WaitingFor.SYSTEM}
        workflow.upsert_search_attributes(
            [
                WAITING_FOR.value_set(next(who for who in _MOST_URGENT if who in waiting)),
                OVERDUE.value_set(any(office.overdue for office in offices)),
            ]
        )
        workflow.set_current_details(application_details(self._case, offices, workflow.info().namespace))
