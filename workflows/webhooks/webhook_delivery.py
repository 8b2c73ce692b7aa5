"""The delivery of one webhook message: tried on schedule, then a dead letter that an operator can send again."""

import asyncio

from temporalio import workflow
from temporalio.exceptions import ActivityError, FailureError

from activities.webhooks.delivery import WebhookDeliveryActivities
from models.common.case_status import CaseStatus
from models.common.messages import ACTIVITY_FAILING, OPERATIONS_LOST
from models.common.operator_message import ActionMessage
from models.common.possible_operations import CASE_NOW, CaseNow, OperationToJudge
from models.common.waiting_for import WaitingFor
from models.webhooks.messages import (
    ATTEMPTS,
    KEPT_DEAD,
    OPERATIONS,
    DeliverWebhook,
    DeliveryState,
    DeliveryStatus,
    WebhookMessageRef,
    WebhookOperation,
    WebhookStage,
)
from workflows.common.activity_options import MAIL, WEBHOOK, by_mail
from workflows.common.cancellation import shielded_from_cancellation
from workflows.common.case_query import CASE_NOW_DESCRIPTION, answer_case_now
from workflows.common.case_steps import CaseSteps
from workflows.common.case_view import CaseView
from workflows.common.details import cell, table, to_do_now
from workflows.common.failing_activities import why_refused
from workflows.common.lost_operations import LostOperationsLook
from workflows.common.operator_turn import CANCELLATION_ASKED
from workflows.common.operator_updates import operator_action, refused
from workflows.common.search_attributes import columns_of


@workflow.defn
class WebhookDelivery:
    """Delivers one message to one subscriber."""

    @workflow.init
    def __init__(self, delivery: DeliverWebhook) -> None:
        self._message = WebhookMessageRef(case_no=delivery.case_no)
        self._state = state = DeliveryState()
        self.view = CaseView(state, lambda: _details(self._message, state), lambda: columns_of(state))
        self.view.begins_as(CaseStatus.first(state.stage, delivery.stored_at))
        self._steps = CaseSteps(self._message, state, self.view)
        self._lost = LostOperationsLook(self._message, state, self.view, self._steps, self._ask_operator)
        self._delivery: workflow.ActivityHandle[DeliveryStatus] | None = None

    @workflow.run
    @shielded_from_cancellation
    async def run(self, delivery: DeliverWebhook) -> DeliveryStatus:
        status = await self._deliver(delivery)
        while status.stage is WebhookStage.DEAD:
            if not await self._sent_again():
                status = await self._give_up()
                break
            status = await self._deliver(delivery.model_copy(update={"attempts_before": status.attempts}))
        await self._show(status)
        # Without this, an update that is still being handled would be lost.
        await workflow.wait_condition(workflow.all_handlers_finished)
        return status

    @operator_action(WebhookOperation.RESEND)
    async def resend(self, message: ActionMessage) -> None:
        await self._steps.record(WebhookOperation.RESEND, message)
        self._state.lost = ()
        if self._state.stage is WebhookStage.DEAD:
            self.view.enter(WebhookStage.SENDING)

    @workflow.signal(name=ACTIVITY_FAILING, description="処理の失敗を調べる依頼（システム用）")
    async def activity_failing(self) -> None:
        await self._steps.look_at_failures()

    @workflow.signal(name=OPERATIONS_LOST, description="やり直されていない操作を調べる依頼（システム用）")
    async def operations_lost(self) -> None:
        await self._lost.look()

    async def cancellation_requested(self) -> None:
        """*Request Cancellation* makes an operator's turn, and the message is tried on: nobody knows who asks."""
        self.view.note(CANCELLATION_ASKED)
        await self._ask_operator()

    async def _ask_operator(self) -> None:
        self.view.enter(self._state.stage, WaitingFor.OPERATOR)
        await self._steps.rest()

    @workflow.query(name=CASE_NOW, description=CASE_NOW_DESCRIPTION)
    def case_now(self, asked: OperationToJudge | None = None) -> CaseNow:
        first = OPERATIONS.available(self._stage)
        title, next_step = f"他のシステムへの通知（{self._message.case_no}）", _NEXT[self._state.stage]
        return answer_case_now(
            self, OPERATIONS, self._stage, self._state, asked, title=title, next_step=next_step, first=first
        )

    @property
    def _stage(self) -> WebhookStage:
        """Where it is, for what is possible: what is given up is not sent again."""
        return WebhookStage.UNDELIVERED if self._state.given_up else self._state.stage

    def check_possible(self, operation: WebhookOperation, message: ActionMessage) -> None:
        """Refuse an operation before it enters history, saying what is possible now."""
        if reason := OPERATIONS.refuse(operation, message, self._stage):
            raise refused(reason)

    async def _deliver(self, delivery: DeliverWebhook) -> DeliveryStatus:
        if self._state.given_up:
            return await self._give_up()
        self._delivery = workflow.start_activity_method(
            WebhookDeliveryActivities.deliver_webhook,
            delivery,
            # An attempt that is under way is waited for: otherwise nobody would know whether the message has arrived.
            **WEBHOOK
            | {
                "summary": f"通知を送信する（失敗したら間隔を空けて、合わせて {ATTEMPTS} 回まで）",
                "cancellation_type": workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
            },
        )
        try:
            status = await self._delivery
        except (ActivityError, asyncio.CancelledError):
            if not self._state.given_up:
                raise
            status = await self._give_up()
        self._state.failing = frozenset()
        if status.for_operators:
            await self._show(status)
            await self._report()
        return status

    async def _report(self) -> None:
        try:
            await self._steps.look(
                WebhookDeliveryActivities.report_webhook_trouble,
                self._message,
                "届けられなかったことを担当者に知らせる",
                by_mail(MAIL),
            )
        except FailureError as failed:
            # The operators' list shows the dead letter all the same.
            workflow.logger.warning("the desk's mail was refused: %s", why_refused(failed))

    async def _sent_again(self) -> bool:
        """Wait for `resend`; False if nobody has sent it within `KEPT_DEAD`."""
        state = self._state
        try:
            await workflow.wait_condition(
                lambda: state.given_up or state.stage is not WebhookStage.DEAD,
                timeout=KEPT_DEAD,
                timeout_summary="届けないまま終了する",
            )
        except TimeoutError:
            # One that is being recorded counts.
            await workflow.wait_condition(workflow.all_handlers_finished)
            state.given_up = state.stage is WebhookStage.DEAD
        if not state.given_up:
            await self._steps.rest()
        return not state.given_up

    async def _give_up(self) -> DeliveryStatus:
        return await self._steps.look(WebhookDeliveryActivities.give_up_webhook, self._message, "届けないまま終了する")

    async def _show(self, status: DeliveryStatus) -> None:
        dead = status.stage is WebhookStage.DEAD
        self._state.attempts, self._state.last_error = status.attempts, status.last_error
        self._state.outcome = None if dead else status.stage
        self.view.enter(status.stage, WaitingFor.OPERATOR if dead else WaitingFor.SYSTEM)
        await self._steps.rest()


def _details(message: WebhookMessageRef, state: DeliveryState) -> str:
    parts = [f"**次にすること：**{_NEXT[state.stage]}"]
    if state.lost:
        parts.append(f"**{cell(state.what_is_lost)}**")
    if state.stage is WebhookStage.DEAD:
        parts.extend(to_do_now(OPERATIONS, [WebhookOperation.RESEND], message))
    facts = [
        ("いまの段階", state.stage),
        ("送信した回数", state.attempts),
        ("最後のエラー", cell(state.last_error or "—")),
    ]
    parts.append(table(("項目", "内容"), facts))
    return "\n\n".join(parts)


_NEXT = {
    WebhookStage.SENDING: "システムが送信しています。操作は不要です。",
    WebhookStage.DEAD: (
        "送信先の担当者に連絡してください。原因がなくなったら、次の操作でもう一度送信します。"
        f"{KEPT_DEAD.days} 日以内に送信しない場合は、届けないまま終了します。"
    ),
    WebhookStage.DELIVERED: "届きました。操作は不要です。",
    WebhookStage.STOPPED: "送信先への通知は止められています。操作は不要です。",
    WebhookStage.UNDELIVERED: ("届けないまま終了しました。送信するときは、`tetsuzuki webhooks resend` を実行します。"),
}
