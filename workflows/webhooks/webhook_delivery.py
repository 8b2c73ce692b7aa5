"""The delivery of one webhook message: tried on schedule, then a dead letter that an operator can send again."""

import asyncio

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.webhooks.delivery import WebhookDeliveryActivities
    from models.common.operator_message import ActionMessage
    from models.common.waiting_for import WaitingFor
    from models.webhooks.messages import (
        ATTEMPTS,
        KEPT_DEAD,
        OPERATIONS,
        DeliverWebhook,
        DeliveryStatus,
        WebhookMessageRef,
        WebhookOperation,
        WebhookStage,
    )
    from workflows.common.activity_options import MAIL, REGISTRY, WEBHOOK
    from workflows.common.cancellation import shielded_from_cancellation
    from workflows.common.details import cell, table, to_do_now
    from workflows.common.failing_activities import FailureFlag, why_refused
    from workflows.common.operator_updates import operator_action, refused
    from workflows.common.search_attributes import FAILING, STAGE, WAITING_FOR


@workflow.defn
class WebhookDelivery(FailureFlag):
    """Delivers one message to one subscriber."""

    @workflow.init
    def __init__(self, delivery: DeliverWebhook) -> None:
        self._message = WebhookMessageRef(message_id=delivery.message_id)
        self._dead = False
        self._given_up = False
        self._delivery: workflow.ActivityHandle[DeliveryStatus] | None = None

    @workflow.run
    @shielded_from_cancellation
    async def run(self, delivery: DeliverWebhook) -> DeliveryStatus:
        status = await self._deliver(delivery)
        while status.stage is WebhookStage.DEAD:
            if not await self._sent_again(status):
                status = await self._give_up()
                break
            status = await self._deliver(delivery.model_copy(update={"attempts_before": status.attempts}))
        self._show(status)
        # Without this, an update that is still being handled would be lost.
        await workflow.wait_condition(workflow.all_handlers_finished)
        return status

    @operator_action(WebhookOperation.RESEND)
    async def resend(self, message: ActionMessage) -> None:
        self._dead = False
        workflow.logger.info("to be sent again, requested by %s", message.by)

    async def cancellation_requested(self) -> None:
        """*Request Cancellation* in the Web UI gives the message up: no further attempt is made."""
        self._given_up = True
        if self._delivery:
            self._delivery.cancel()

    def check_possible(self, operation: WebhookOperation, message: ActionMessage) -> None:
        """Refuse an operation before it enters history, saying what is possible now."""
        stage = WebhookStage.DEAD if self._dead else WebhookStage.SENDING
        if reason := OPERATIONS.refuse(operation, message, stage):
            raise refused(reason)

    async def _deliver(self, delivery: DeliverWebhook) -> DeliveryStatus:
        if self._given_up:
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
            if not self._given_up:
                raise
            return await self._give_up()
        if status.for_operators:
            self._dead = status.stage is WebhookStage.DEAD
            self._show(status)
            await self._report()
        return status

    async def _report(self) -> None:
        try:
            await workflow.execute_activity_method(
                WebhookDeliveryActivities.report_webhook_trouble,
                self._message,
                **MAIL | {"summary": "届けられなかったことを担当者に知らせる"},
            )
        except ActivityError as failed:
            # The operators' list shows the dead letter all the same.
            workflow.logger.warning("the desk's mail was refused: %s", why_refused(failed))

    async def _sent_again(self, status: DeliveryStatus) -> bool:
        """Wait for `resend`; False if nobody has sent it within `KEPT_DEAD`."""
        try:
            await workflow.wait_condition(
                lambda: self._given_up or not self._dead, timeout=KEPT_DEAD, timeout_summary="届けないまま終了する"
            )
        except TimeoutError:
            self._given_up = True
        if self._given_up:
            self._dead = False
            return False
        self._show(status.model_copy(update={"stage": WebhookStage.SENDING}))
        return True

    async def _give_up(self) -> DeliveryStatus:
        return await workflow.execute_activity_method(
            WebhookDeliveryActivities.give_up_webhook, self._message, **REGISTRY | {"summary": "届けないまま終了する"}
        )

    def _show(self, status: DeliveryStatus) -> None:
        who = WaitingFor.OPERATOR if status.stage is WebhookStage.DEAD else WaitingFor.SYSTEM
        workflow.upsert_search_attributes(
            [STAGE.value_set(status.stage), WAITING_FOR.value_set(who), FAILING.value_set(False)]
        )
        workflow.set_current_details(_details(status))


def _details(status: DeliveryStatus) -> str:
    parts = [f"**次にすること：**{_NEXT[status.stage]}"]
    if status.stage is WebhookStage.DEAD:
        parts.extend(to_do_now(OPERATIONS, [WebhookOperation.RESEND], status.stage))
    facts = [
        ("いまの段階", status.stage),
        ("送信した回数", status.attempts),
        ("最後のエラー", cell(status.last_error or "—")),
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
