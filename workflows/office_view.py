"""Where an office's procedure stands, kept visible: search attributes, Current Details, and the application's table."""

from collections.abc import Sequence
from datetime import date, datetime

from temporalio import workflow
from temporalio.exceptions import FailureError

with workflow.unsafe.imports_passed_through():
    from models.follow_up import FollowUp
    from models.identifiers import ContractId
    from models.messages import OfficeCase, OfficeProgress, Outcome
    from models.procedures import Stage, WaitingFor
    from workflows.operator_view import office_details
    from workflows.search_attributes import OVERDUE, STAGE, WAITING_FOR

OFFICE_PROGRESSED = "office_progressed"
"""The signal by which an office's procedure tells its application where it stands."""

_NEXT = {
    (Stage.SHARING, WaitingFor.APPLICANT): "申込者が会計事務所との共有を解除するのを待っています。操作は不要です。"
    "申込者から解除したと連絡があったときは、更新 `report_sharing_released` で記録してください。",
    (Stage.SET_UP, WaitingFor.APPLICANT): "お客様の STEP5・STEP6 の設定を待っています。操作は不要です。"
    "お客様から終えたと連絡があったときは、更新 `report_set_up_step` で記録してください。",
    (Stage.RELINK, WaitingFor.APPLICANT): "お客様がサービスを再連携するのを待っています。操作は不要です。"
    "お客様から終えたと連絡があったときは、更新 `report_relink` で記録してください。",
    (
        Stage.SET_UP,
        WaitingFor.OPERATOR,
    ): "お客様の設定が終わっていません。お客様に連絡して、残っている設定を案内してください。",
    (
        Stage.RELINK,
        WaitingFor.OPERATOR,
    ): "お客様の再連携が終わっていません。お客様に連絡して、残っている再連携を案内してください。",
}
_SYSTEM_WORKS = (
    "システムが処理しています。操作は不要です。失敗が続くときは「保留中のアクティビティ」でエラーを確認してください。"
)
_ENDED = "この手続きは終了しました。操作は不要です。"


class OfficeView:
    """What the procedure shows of itself."""

    def __init__(self, case: OfficeCase, follow_up: FollowUp) -> None:
        self._case = case
        self._follow_up = follow_up
        self.stage = Stage.CHECK
        self.waiting_for = WaitingFor.SYSTEM
        self.waits_until: date | None = None
        self.overdue = False
        self.contract_id: ContractId | None = None
        self.shared_with: Sequence[str] = ()
        self.outcome: Outcome | None = None
        self.open_points: Sequence[str] = ()
        self._timeline: list[tuple[datetime, str]] = [(case.applied_at, "申し込みを受け付けた")]

    @property
    def progress(self) -> OfficeProgress:
        return OfficeProgress(
            office_no=self._case.office_no,
            office_name=self._case.office_name,
            stage=self.stage,
            waiting_for=self.waiting_for,
            waits_until=self.waits_until,
            contract_id=self.contract_id,
            open_points=tuple(self.open_points),
            outcome=self.outcome,
            overdue=self.overdue,
        )

    def enter(self, stage: Stage) -> None:
        """Begin a stage in which the system works."""
        self.stage, self.waiting_for, self.waits_until = stage, WaitingFor.SYSTEM, None
        workflow.upsert_search_attributes([STAGE.value_set(stage), WAITING_FOR.value_set(self.waiting_for)])
        self.show()

    async def rest(self, stage: Stage, waiting_for: WaitingFor, until: date | None) -> None:
        """Rest at a stage until a person has acted, and tell the application."""
        self.stage, self.waiting_for, self.waits_until = stage, waiting_for, until
        workflow.upsert_search_attributes(
            [STAGE.value_set(stage), WAITING_FOR.value_set(waiting_for), OVERDUE.value_set(self.overdue)]
        )
        self.show()
        await self._tell_application()

    def note(self, text: str) -> None:
        """Add an entry to the timeline."""
        self._timeline.append((workflow.now(), text))
        self.show()

    def show(self) -> None:
        workflow.set_current_details(
            office_details(
                self._case,
                self.progress,
                self._follow_up,
                to_do=self._to_do(),
                shared_with=self.shared_with,
                timeline=self._timeline,
            )
        )

    def _to_do(self) -> str:
        if self.outcome:
            return _ENDED
        return _NEXT.get((self.stage, self.waiting_for), _SYSTEM_WORKS)

    async def _tell_application(self) -> None:
        application = workflow.info().parent
        if application is None:
            return
        handle = workflow.get_external_workflow_handle(application.workflow_id)
        try:
            await handle.signal(OFFICE_PROGRESSED, self.progress)
        except FailureError:
            # The application was ended by hand; this office's procedure goes on all the same.
            workflow.logger.warning("the application no longer runs; its table is not kept up to date")
