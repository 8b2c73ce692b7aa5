"""The operators' morning digest: one run per day, one mail per operator who is there."""

import asyncio

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.digest import DigestActivities
    from activities.failing import ACTIVITY_FAILING
    from models.calendar import day_in_japan
    from models.digest import DigestDay, DigestsSent, SendDigest
    from workflows.options import MAIL, REGISTRY
    from workflows.search_attributes import FAILING


@workflow.defn
class MorningDigest:
    """Mails every operator who is not on leave what their queues hold; nobody on days that are no business days."""

    @workflow.run
    async def run(self) -> DigestsSent:
        day = day_in_japan(workflow.now())
        recipients = await workflow.execute_activity_method(
            DigestActivities.digest_recipients,
            DigestDay(day=day),
            summary="朝のお知らせを送る担当者を調べる",
            **REGISTRY,
        )
        # Side by side: one address that cannot be reached holds up nobody else.
        await asyncio.gather(*(self._send(SendDigest(day=day, operator=name)) for name in recipients.names))
        return DigestsSent(day=day, names=recipients.names)

    @workflow.signal(name=ACTIVITY_FAILING, description="処理の失敗が続いていることの報告（システム用）")
    def activity_failing(self, activity: str) -> None:  # noqa: ARG002 the list shows that, Pending Activities what
        workflow.upsert_search_attributes([FAILING.value_set(True)])

    async def _send(self, digest: SendDigest) -> None:
        await workflow.execute_activity_method(
            DigestActivities.send_digest, digest, summary=f"朝のお知らせを送る（{digest.operator}）", **MAIL
        )
