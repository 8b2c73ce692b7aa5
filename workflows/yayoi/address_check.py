"""The procedure of every mailed code: mailed, mailed again on request, and at last closed or deleted."""

from temporalio import workflow
from temporalio.exceptions import FailureError

from activities.yayoi.address_checks import AddressCheckActivities
from models.common.case_status import CaseStatus
from models.common.messages import ACTIVITY_FAILING, MAIL_RETURNED, OPERATIONS_LOST, ROW_CHANGED, BouncedMail
from models.common.operator_actions import EndCase
from models.common.operator_message import ActionMessage
from models.common.possible_operations import CASE_NOW, CaseNow, OperationToJudge
from models.common.waiting_for import WaitingFor
from models.yayoi.address_checks import (
    OPERATIONS,
    AddressCheck,
    CheckOperation,
    CheckOutcome,
    CheckStage,
    CheckState,
    CheckStep,
    SendCode,
)
from workflows.common.activity_options import MAIL, by_mail
from workflows.common.bounced_mails import BouncedMailLook
from workflows.common.case_query import CASE_NOW_DESCRIPTION, answer_case_now
from workflows.common.case_steps import CaseSteps
from workflows.common.case_view import CaseView
from workflows.common.failing_activities import refusal
from workflows.common.lost_operations import LostOperationsLook
from workflows.common.operator_turn import CANCELLATION_ASKED
from workflows.common.operator_updates import operator_action, refused
from workflows.common.row_look import RowLook
from workflows.common.search_attributes import columns_of
from workflows.common.tasks_beside import EndsEarlyError
from workflows.common.waiting import until
from workflows.yayoi.address_check_details import details, next_for_operator, summary

_AGAIN = "お客様は、最初の画面から、正しいメールアドレスでやり直せます"


class AddressCheckProcedure:
    """What the procedures of mailed codes have in common."""

    @workflow.init
    def __init__(self, check: AddressCheck) -> None:
        self._check = check
        self._state = state = CheckState()
        self.view = CaseView(state, lambda: details(check, state), lambda: columns_of(state))
        self.view.begins_as(CaseStatus.first(state.stage, check.begun_at, state.waiting_for))
        self.steps = CaseSteps(check, state, self.view)
        self._row = RowLook(self._look_at_row)
        self._bounces = BouncedMailLook(check, self.steps, self._take_bounce)
        self._lost = LostOperationsLook(check, state, self.view, self.steps, self._ask_operator)

    @operator_action(CheckOperation.END)
    async def end_check(self, message: EndCase) -> None:
        await self.steps.audit(CheckOperation.END.label, message)
        self.view.note("取り消した", message)
        self._state.text_for_customer = message.text_for_customer
        self._state.ended_by_operator = True

    async def cancellation_requested(self) -> None:
        """*Request Cancellation* makes an operator's turn: nobody knows who asks."""
        self.view.note(CANCELLATION_ASKED)
        await self._ask_operator()

    async def _ask_operator(self) -> None:
        if not self._state.over:
            self.view.enter(self._state.stage, WaitingFor.OPERATOR)
            await self.steps.rest()

    @workflow.signal(name=ROW_CHANGED, description="画面での操作を調べる依頼（システム用）")
    async def row_changed(self) -> None:
        await self._row.look()

    @workflow.signal(name=ACTIVITY_FAILING, description="処理の失敗を調べる依頼（システム用）")
    async def activity_failing(self) -> None:
        await self.steps.look_at_failures()

    @workflow.signal(name=MAIL_RETURNED, description="届かずに戻ったメールを調べる依頼（システム用）")
    async def mail_returned(self) -> None:
        await self._bounces.look()

    @workflow.signal(name=OPERATIONS_LOST, description="やり直されていない操作を調べる依頼（システム用）")
    async def operations_lost(self) -> None:
        await self._lost.look()

    @workflow.query(name=CASE_NOW, description=CASE_NOW_DESCRIPTION)
    def case_now(self, asked: OperationToJudge | None = None) -> CaseNow:
        next_step = next_for_operator(self._state)
        title = summary(self._check)
        return answer_case_now(self, OPERATIONS, self._stage, self._state, asked, title=title, next_step=next_step)

    @property
    def _stage(self) -> CheckStage:
        """Where it is, for what is possible: a check that is over is ended by nobody."""
        return CheckStage.CLOSED if self._state.over else self._state.stage

    def check_possible(self, operation: CheckOperation, message: ActionMessage) -> None:
        """Raise `ApplicationError` with the reason if it is not possible now."""
        if reason := OPERATIONS.refuse(operation, message, self._stage):
            raise refused(reason)

    async def mail_codes(self) -> None:
        """Mail each code that is requested, until the right one was typed in or the time is over.

        The signal that comes with the start has the row looked at, which requests the first code.
        """
        try:
            while await self._code_requested():
                await self._mail_code(self._state.code_no)
        except EndsEarlyError:
            return

    async def close(self) -> CheckOutcome:
        """Close what was finished, delete what was not; whichever came first counts."""
        await workflow.wait_condition(workflow.all_handlers_finished)
        what = "手続きを終了する（未完了の場合は、入力された内容を削除する）"
        closed = await self.steps.run(AddressCheckActivities.close_check, self.steps.input(CheckStep), what)
        outcome = CheckOutcome.FINISHED if closed.finished else self._state.ending or CheckOutcome.EXPIRED
        self._state.outcome = outcome
        self.view.enter(CheckStage.CLOSED)
        self.view.note(f"終了した（{outcome}）")
        await self.steps.rest()
        return outcome

    async def _take_bounce(self, mail: BouncedMail) -> None:
        self.view.note(f"メールが届かずに戻った：{mail.because}{_AGAIN}")
        self.view.show()

    async def _look_at_row(self) -> None:
        found = await self.steps.look(AddressCheckActivities.look_at_check, self._check, "画面での操作を調べる")
        self._state.code_no = max(found.code_no, self._state.code_no)
        self._state.finished = found.finished or self._state.finished

    async def _code_requested(self) -> bool:
        """Wait for the next code to be requested; False when none is needed any longer."""
        state = self._state
        await self.steps.rest()
        try:
            await workflow.wait_condition(
                lambda: state.over or state.code_no > state.codes_sent,
                timeout=until(self._check.ends_at),
                timeout_summary="期限が過ぎたら、入力された内容を削除する",
            )
        except TimeoutError:
            self.view.note("期限が過ぎた")
            return False
        return not state.over

    async def _mail_code(self, code_no: int) -> None:
        self._state.codes_sent = code_no
        try:
            mail = await self.steps.look(
                AddressCheckActivities.send_code,
                SendCode(case_no=self._check.case_no, code_no=code_no),
                f"確認コードのメールを送る（{code_no} 回目）",
                # Not longer than the check itself: otherwise what was typed in would not be deleted in time.
                by_mail(MAIL) | {"schedule_to_close_timeout": until(self._check.ends_at)},
            )
        except FailureError as failed:
            self.view.note(f"確認コードのメールを送信できなかった（{code_no} 回目）{_why(failed)}")
            return
        done = "確認コードのメールを送信した" if mail.sent else "確認コードのメールは送信しなかった"
        self.view.note(f"{done}（{code_no} 回目）")


def _why(failed: FailureError) -> str:
    reason = refusal(failed)
    return f"：{reason}{_AGAIN}" if reason else ""
