"""The operators' morning digest: one run per day, one mail per operator who is there."""

import asyncio

from temporalio import workflow
from temporalio.exceptions import ActivityError

from activities.backoffice.digest import DigestActivities
from models.backoffice.digest import DigestDay, DigestsSent, SendDigest
from models.common.calendar import day_in_japan
from workflows.common.activity_options import DIGEST, by_mail
from workflows.common.cancellation import shielded_from_cancellation
from workflows.common.details import cell, table
from workflows.common.failing_activities import FailureFlag, why_given_up


@workflow.defn
class MorningDigest(FailureFlag):
    """Mails every operator who is not on leave what their queues hold; on other than business days nobody."""

    @workflow.init
    def __init__(self) -> None:
        self._missed: dict[str, str] = {}

    @workflow.run
    @shielded_from_cancellation
    async def run(self) -> DigestsSent:
        day = day_in_japan(workflow.now())
        recipients = await workflow.execute_activity_method(
            DigestActivities.digest_recipients,
            DigestDay(day=day),
            **DIGEST | {"summary": "朝のお知らせを送る担当者を調べる"},
        )
        # Side by side: otherwise one address that cannot be reached would keep the others waiting.
        await asyncio.gather(*(self._send(SendDigest(day=day, operator=each)) for each in recipients.operators))
        sent = tuple(each for each in recipients.operators if each not in self._missed)
        return DigestsSent(day=day, operators=sent, missed=tuple(self._missed))

    async def _send(self, digest: SendDigest) -> None:
        try:
            await workflow.execute_activity_method(
                DigestActivities.send_digest,
                digest,
                **by_mail(DIGEST) | {"summary": f"朝のお知らせを送る（{digest.operator}）"},
            )
        except ActivityError as error:
            self._missed[digest.operator] = why_given_up(error)
            rows = [(cell(operator), cell(why)) for operator, why in self._missed.items()]
            workflow.set_current_details(table(("お知らせを送れなかった担当者", "理由"), rows))
