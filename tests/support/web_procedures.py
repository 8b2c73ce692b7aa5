"""Procedures that answer as the real ones do, without doing anything: the web is tested against them."""

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from models.common.acting import who_acts
    from models.common.messages import TRY_LATER
    from models.common.operator_actions import EndCase
    from models.common.operator_message import ActionMessage
    from models.yayoi.messages import ApplicationCase, OfficeCase
    from models.yayoi.operator_actions import CorrectPair, ServiceRelinked, SetUpStepDone, SharingReleased
    from models.yayoi.procedures import SetUpStep
    from workflows.common.operator_updates import refused

NOT_YET = "先に STEP5 サポート・サービスのパスワード設定を済ませてください。"
TOO_LATE = "STEP5 を始めた後は取り下げられません。責任者の承認を得て取り消し（cancel）を使ってください。"
AWAY = "いまはシステムの都合で処理できません。"
GROUP_TAKEN = "この弥生ID は別の事業グループに参加しています。"


@workflow.defn(name="MultiOfficeApplication")
class AnsweringApplication:
    """Only runs."""

    @workflow.run
    async def run(self, case: ApplicationCase) -> None:
        del case
        await workflow.wait_condition(lambda: False)


@workflow.defn(name="OfficeDataProcedure")
class AnsweringOffice:
    """Takes reports in order, STEP5 first, and remembers which."""

    def __init__(self) -> None:
        self._taken: list[str] = []
        self._texts: list[str] = []
        self._steps: list[SetUpStep] = []
        self._refusals_left = self._failures_left = 2
        self._ended = False

    @workflow.run
    async def run(self, case: OfficeCase) -> None:
        del case
        await workflow.wait_condition(lambda: self._ended)

    @workflow.update
    async def report_set_up_step(self, report: SetUpStepDone) -> None:
        if report.step is SetUpStep.BUSINESS_GROUP and who_acts() == "system:strict" and self._refusals_left:
            self._refusals_left -= 1
            raise refused(GROUP_TAKEN)
        if report.step is SetUpStep.PRODUCT and who_acts() == "system:strict" and self._failures_left:
            failure = (
                ApplicationError("deadlock detected"),
                ApplicationError(AWAY, type=TRY_LATER, non_retryable=True),
            )
            self._failures_left -= 1
            raise failure[self._failures_left]
        self._steps.append(report.step)
        self._taken.append(f"{who_acts()} {report.event_id} {report.step}")

    @report_set_up_step.validator
    def _check_set_up_step(self, report: SetUpStepDone) -> None:
        if report.step is not SetUpStep.SUPPORT_PASSWORD and SetUpStep.SUPPORT_PASSWORD not in self._steps:
            raise refused(NOT_YET)

    @workflow.update
    async def report_sharing_released(self, report: SharingReleased) -> None:
        self._taken.append(f"{who_acts()} {report.event_id} sharing_released")

    @workflow.update
    async def correct_pair(self, message: CorrectPair) -> None:
        self._taken.append(f"{who_acts()} {message.event_id} {message.yayoi_id} {message.office_token}")

    @workflow.update
    async def release_sharing(self, message: ActionMessage) -> None:
        self._taken.append(f"{who_acts()} {message.event_id} release_sharing")

    @workflow.update
    async def withdraw(self, message: EndCase) -> None:
        self._taken.append(f"{who_acts()} {message.event_id} withdraw")
        self._texts.append(f"{message.reason}／{message.text_for_customer}")

    @withdraw.validator
    def _check_withdraw(self, message: EndCase) -> None:
        del message
        if self._steps:
            raise refused(f"{TOO_LATE}いまできる操作：add_note")

    @workflow.update
    async def report_relink(self, report: ServiceRelinked) -> None:
        self._taken.append(f"{who_acts()} {report.event_id} link {report.link} {report.relinked_on}")

    @workflow.signal
    def end(self) -> None:
        self._ended = True

    @workflow.query
    def taken(self) -> list[str]:
        return self._taken

    @workflow.query
    def texts(self) -> list[str]:
        """The reason of each withdrawal, and what the customer is to read about it."""
        return self._texts
