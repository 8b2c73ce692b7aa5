"""The story that every mailed code has: mailed, mailed again when asked for, and at last closed or cleared away."""

from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.common.mail_refused import refusal
    from activities.yayoi.address_checks import AddressCheckActivities
    from models.common.messages import TimelineEntry
    from models.common.operator_message import ActionMessage
    from models.common.waiting_for import WaitingFor
    from models.yayoi.address_checks import (
        OPERATIONS,
        AddressCheck,
        CheckNews,
        CheckOperation,
        CheckOutcome,
        CheckStage,
        CheckStep,
        EndCheck,
        SendCode,
    )
    from workflows.common.activity_options import MAIL, REGISTRY
    from workflows.common.failing_activities import FailureFlag
    from workflows.common.operator_updates import operator_action
    from workflows.common.search_attributes import FAILING, STAGE, WAITING_FOR
    from workflows.yayoi.address_check_details import details

ROW_CHANGED = "row_changed"


class AddressCheckProcedure(FailureFlag):
    """What the procedures of mailed codes have in common."""

    def __init__(self, check: AddressCheck) -> None:
        self._check = check
        self._stage = CheckStage.CODE
        self._news = CheckNews(code_no=0, finished=False)
        self._codes_sent = 0
        self._ended_by_operator = False
        self._timeline: list[TimelineEntry] = []

    @operator_action(CheckOperation.END)
    async def end_check(self, message: EndCheck) -> None:
        self.note(f"{message.by} が取り消した（{message.reason}）")
        self._ended_by_operator = True

    async def cancellation_requested(self) -> None:
        """*Request Cancellation* in the Web UI is the same as ending it."""
        self.note("Request Cancellation により取り消した")
        self._ended_by_operator = True

    @workflow.signal(name=ROW_CHANGED, description="画面での操作の報告（システム用）")
    def row_changed(self, news: CheckNews) -> None:
        # The web tells until it was heard: an older news may come after a newer one.
        self._news = CheckNews(
            code_no=max(news.code_no, self._news.code_no), finished=news.finished or self._news.finished
        )

    def show_failing(self, activity: str) -> None:
        """Show it in the timeline, too."""
        workflow.upsert_search_attributes([FAILING.value_set(True), WAITING_FOR.value_set(WaitingFor.OPERATOR)])
        self.note(f"処理の失敗が続いている（{activity}）")

    def check_possible(self, operation: CheckOperation, message: ActionMessage) -> None:
        """Raise `ApplicationError` with the reason if it is not possible now."""
        stage = CheckStage.CLOSED if self._over else self._stage
        if refusal := OPERATIONS.refuse(operation, message, stage):
            raise ApplicationError(refusal, type="Refused", non_retryable=True)

    async def mail_codes(self) -> None:
        """Mail each code that is asked for, until the right one was typed in or the time is over."""
        self._enter(CheckStage.CODE, WaitingFor.APPLICANT)
        while await self._asked_for_code():
            await self._mail_code(self._news.code_no)

    async def close(self) -> CheckOutcome:
        """Close what was finished, delete what was not; whichever came first counts."""
        closed = await workflow.execute_activity_method(
            AddressCheckActivities.close_check,
            CheckStep(check_id=self._check.check_id, at=workflow.now()),
            summary="手続きを終了する（未完了の場合は、入力された内容を削除する）",
            **REGISTRY,
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
    def _over(self) -> bool:
        return self._news.finished or self._ended_by_operator

    async def _asked_for_code(self) -> bool:
        """Wait for the next code to be asked for; False when none is needed any longer."""
        try:
            await workflow.wait_condition(
                lambda: self._over or self._news.code_no > self._codes_sent,
                timeout=_until(self._check.ends_at),
                timeout_summary="期限が過ぎたら、入力された内容を削除する",
            )
        except TimeoutError:
            self.note("期限が過ぎた")
            return False
        return not self._over

    async def _mail_code(self, code_no: int) -> None:
        self._codes_sent = code_no
        try:
            mail = await workflow.execute_activity_method(
                AddressCheckActivities.send_code,
                SendCode(check_id=self._check.check_id, code_no=code_no),
                summary=f"確認コードのメールを送る（{code_no} 回目）",
                # Never longer than the check itself: what was typed in is deleted in time, whatever becomes of mails.
                **MAIL | {"schedule_to_close_timeout": _until(self._check.ends_at)},
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
    because = refusal(failed)
    return f"：{because}お客様は、最初の画面から、正しいメールアドレスでやり直せます" if because else ""


def _until(moment: datetime) -> timedelta:
    return max(moment - workflow.now(), timedelta(seconds=1))
