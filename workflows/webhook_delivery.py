"""The delivery of one webhook message: tried on schedule, then a dead letter that an operator can send again."""

import json

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.failing import ACTIVITY_FAILING
    from activities.webhook_delivery import WebhookDeliveryActivities
    from models.procedures import WaitingFor
    from models.webhooks import (
        ATTEMPTS,
        KEPT_DEAD,
        DeliverWebhook,
        ResendWebhook,
        WebhookMessageRef,
        WebhookStage,
        WebhookStanding,
    )
    from workflows.details import cell, table
    from workflows.options import MAIL, REGISTRY, WEBHOOK
    from workflows.search_attributes import FAILING, STAGE, WAITING_FOR
    from workflows.updates import update_described

_EXAMPLE = {"by": "あなたの名前", "reason": "送信先が直ったため"}


@workflow.defn
class WebhookDelivery:
    """Delivers one message to one subscriber."""

    @workflow.init
    def __init__(self, asked: DeliverWebhook) -> None:
        self._message = WebhookMessageRef(message_id=asked.message_id)
        self._dead = False

    @workflow.run
    async def run(self, asked: DeliverWebhook) -> WebhookStanding:
        standing = await self._deliver(asked)
        while standing.stage is WebhookStage.DEAD:
            if not await self._sent_again(standing):
                standing = await self._give_up()
                break
            standing = await self._deliver(asked.model_copy(update={"attempts_before": standing.attempts}))
        self._show(standing)
        # Whoever asked for it last is answered.
        await workflow.wait_condition(workflow.all_handlers_finished)
        return standing

    @update_described(ResendWebhook.label)
    async def resend(self, message: ResendWebhook) -> None:
        self._dead = False
        workflow.logger.info("to be sent again, asked by %s", message.by)

    @resend.validator
    def _check_resend(self, message: ResendWebhook) -> None:
        if message.misread:
            example = json.dumps(_EXAMPLE, ensure_ascii=False)
            reason = f"JSON を読み取れません（{'、'.join(message.misread)}）。例：{example}"
            raise ApplicationError(reason, type="Refused", non_retryable=True)
        if not self._dead:
            reason = "この通知は送信中か、送信が終わっています。もう一度送信できるのは、送信に失敗した後だけです。"
            raise ApplicationError(reason, type="Refused", non_retryable=True)

    @workflow.signal(name=ACTIVITY_FAILING, description="処理の失敗が続いていることの報告（システム用）")
    def activity_failing(self, activity: str) -> None:  # noqa: ARG002 the list shows that, Pending Activities what
        workflow.upsert_search_attributes([FAILING.value_set(True)])

    async def _deliver(self, asked: DeliverWebhook) -> WebhookStanding:
        standing: WebhookStanding = await workflow.execute_activity_method(
            WebhookDeliveryActivities.deliver_webhook,
            asked,
            summary=f"通知を送信する（失敗したら間隔を空けて、合わせて {ATTEMPTS} 回まで）",
            **WEBHOOK,
        )
        if standing.for_operators:
            self._dead = standing.stage is WebhookStage.DEAD
            self._show(standing)
            await workflow.execute_activity_method(
                WebhookDeliveryActivities.report_webhook_trouble,
                self._message,
                summary="届けられなかったことを担当者に知らせる",
                **MAIL,
            )
        return standing

    async def _sent_again(self, standing: WebhookStanding) -> bool:
        """Wait for `resend`; False if nobody has sent it within 30 days."""
        try:
            await workflow.wait_condition(
                lambda: not self._dead, timeout=KEPT_DEAD, timeout_summary="届けないまま終了する"
            )
        except TimeoutError:
            self._dead = False
            return False
        self._show(standing.model_copy(update={"stage": WebhookStage.SENDING}))
        return True

    async def _give_up(self) -> WebhookStanding:
        standing: WebhookStanding = await workflow.execute_activity_method(
            WebhookDeliveryActivities.give_up_webhook, self._message, summary="届けないまま終了する", **REGISTRY
        )
        return standing

    def _show(self, standing: WebhookStanding) -> None:
        who = WaitingFor.OPERATOR if standing.stage is WebhookStage.DEAD else WaitingFor.SYSTEM
        workflow.upsert_search_attributes(
            [STAGE.value_set(standing.stage), WAITING_FOR.value_set(who), FAILING.value_set(False)]
        )
        workflow.set_current_details(_details(standing))


def _details(standing: WebhookStanding) -> str:
    parts = [f"**次にすること：**{_NEXT[standing.stage]}"]
    if standing.stage is WebhookStage.DEAD:
        example = json.dumps(_EXAMPLE, ensure_ascii=False, indent=2)
        parts.append(f"**{ResendWebhook.label}**　`resend`\n```json\n{example}\n```")
    facts = [
        ("いまの段階", standing.stage),
        ("送信した回数", standing.attempts),
        ("最後のエラー", cell(standing.last_error or "—")),
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
