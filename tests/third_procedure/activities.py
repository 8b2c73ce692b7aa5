"""What touches the environment: effect, ledger row and audit row in one transaction (step 3)."""

from temporalio import activity

from activities.common.ledger import Ledger, StepTransaction
from tests.third_procedure.messages import CloseManual


class ManualActivities:
    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    @activity.defn
    async def close_manual(self, step: CloseManual) -> None:
        async def close(work: StepTransaction) -> CloseManual:
            work.audit(f"説明書の依頼を終了した（{step.outcome}）")
            return step

        await self._ledger.once(step, "close", CloseManual, close)
