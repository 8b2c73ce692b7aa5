"""The procedure of every mailed code: mailed, mailed again on request, and at last closed or deleted."""

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.yayoi.address_checks import AddressCheckActivities
    from models.common.messages import ROW_CHANGED, TimelineEntry
    from models.common.operator_message import ActionMessage
    from models.common.waiting_for import WaitingFor
    from models.yayoi.address_checks import (
        OPERATIONS,
        AddressCheck,
        CheckChanged,
        CheckOperation,
        CheckOutcome,
        CheckStage,
        CheckStep,
        SendCode,
    )
    from workflows.common.activity_options import MAIL, REGISTRY
    from workflows.common.failing_activities import FailureFlag, refusal
    from workflows.common.operator_updates import operator_action, refused
    from workflows.common.search_attributes import FAILING, STAGE, WAITING_FOR
    from workflows.common.waiting import until
    from workflows.yayoi.address_check_details import details


class AddressCheckProcedure(FailureFlag):
    """What the procedures of mailed codes have in common."""

    @workflow.init
    def __init__(self, check: AddressCheck) -> None:
        self._check = check
        self._stage = CheckStage.CODE
        self._row = CheckChanged(code_no=0, finished=False)
        self._codes_sent = 0
        self._ended_by_operator = False
        self._timeline: list[TimelineEntry] = []

    @operator_action(CheckOperation.END)
    async def end_check(self, message: ActionMessage) -> None:
        self.note(f"{message.by} が取り消した（{message.reason}）")
        self._ended_by_operator = True

    async def cancellation_requested(self) -> None:
        """*Request Cancellation* in the Web UI is the same as ending it."""
        self.note("Request Cancellation により取り消した")
        self._ended_by_operator = True

    @workflow.signal(name=ROW_CHANGED, description="画面での操作の報告（システム用）")
    def row_changed(self, row: CheckChanged) -> None:
        # The web signals until it succeeds: an older state of the row may come after a newer one.
        self._row = CheckChanged(
            code_no=max(row.code_no, self._row.code_no), finished=row.finished or self._row.finished
        )

    def show_failing(self, activity: str) -> None:
        """Show it in the timeline, too."""
        workflow.upsert_search_attributes([FAILING.value_set(True), WAITING_FOR.value_set(WaitingFor.OPERATOR)])
        self.note(f"処理の失敗が続いている（{activity}）")

    def check_possible(self, operation: CheckOperation, message: ActionMessage) -> None:
        """Raise `ApplicationError` with the reason if it is not possible now."""
        stage = CheckStage.CLOSED if self._ended else self._stage
        if reason := OPERATIONS.refuse(operation, message, stage):
            raise refused(reason)

    async def mail_codes(self) -> None:
        """Mail each code that is requested, until the right one was typed in or the time is over."""
        self._enter(CheckStage.CODE, WaitingFor.APPLICANT)
        while await self._code_requested():
            await self._mail_code(self._row.code_no)

    async def close(self) -> CheckOutcome:
        """Close what was finished, delete what was not; whichever came first counts."""
        closed = await workflow.execute_activity_method(
            AddressCheckActivities.close_check,
            CheckStep(check_id=self._check.check_id, at=workflow.now()),
            **REGISTRY | {"summary": "手続きを終了する（未完了の場合は、入力された内容を削除する）"},
        )
        outcome = CheckOutcome.EXPIRED
        if closed.finished:
            outcome = CheckOutcome.FINISHED
        elif self._ended_by_operator:
            outcome = CheckOutcome.CANCELLED
        self.note(f"終了した（{outcome}）")
        self._enter(CheckStage.CLOSED, WaitingFor.SYSTEM)
        return outcome

    @property
    def _ended(self) -> bool:
        return self._row.finished or self._ended_by_operator

    async def _code_requested(self) -> bool:
        """Wait for the next code to be requested; False when none is needed any longer."""
        try:
            await workflow.wait_condition(
                lambda: self._ended or self._row.code_no > self._codes_sent,
                timeout=until(self._check.ends_at),
                timeout_summary="期限が過ぎたら、入力された内容を削除する",
            )
        except TimeoutError:
            self.note("期限が過ぎた")
            return False
        return not self._ended

    async def _mail_code(self, code_no: int) -> None:
        self._codes_sent = code_no
        try:
            mail = await workflow.execute_activity_method(
                AddressCheckActivities.send_code,
                SendCode(check_id=self._check.check_id, code_no=code_no),
                # Not longer than the check itself: otherwise what was typed in would not be deleted in time.
                **MAIL
                | {
                    "summary": f"確認コードのメールを送る（{code_no} 回目）",
                    "schedule_to_close_timeout": until(self._check.ends_at),
                },
            )
        except ActivityError as failed:
            self.note(f"確認コードのメールを送信できなかった（{code_no} 回目）{_why(failed)}")
            return
        workflow.upsert_search_attributes([FAILING.value_set(False), WAITING_FOR.value_set(WaitingFor.APPLICANT)])
        done = "確認コードのメールを送信した" if mail.sent else "確認コードのメールは送信しなかった"
        self.note(f"{done}（{code_no} 回目）")

    def _enter(self, stage: CheckStage, waiting_for: WaitingFor) -> None:
        self._stage = stage
        workflow.upsert_search_attributes([STAGE.value_set(stage), WAITING_FOR.value_set(waiting_for)])
        self._show()

    def note(self, text: str) -> None:
        """Add an entry to the timeline."""
        self._timeline.append(TimelineEntry(at=workflow.now(), text=text))
        self._show()

    def _show(self) -> None:
        workflow.set_current_details(details(self._check, self._stage, self._codes_sent, self._timeline))


def _why(failed: ActivityError) -> str:
    reason = refusal(failed)
    return f"：{reason}お客様は、最初の画面から、正しいメールアドレスでやり直せます" if reason else ""
