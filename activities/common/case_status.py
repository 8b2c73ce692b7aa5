"""What every case keeps in our records: where it is, and what was done with it."""

from temporalio import activity

from models.common.messages import CaseStep, RecordAction
from models.common.store.ledger import Ledger


class CaseStatusActivities:
    """Writes status rows and the audit trail."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    @activity.defn
    async def write_status(self, step: CaseStep) -> None:
        """Write where the case is, and publish it if it rests; an older status changes nothing."""
        await self._ledger.write_status(step)

    @activity.defn
    async def record_action(self, step: RecordAction) -> None:
        """Put what somebody did into the audit trail."""
        said = {"by": step.by, "reason": step.reason, "detail": step.detail}
        await self._ledger.record(step, f"action.{step.counted}", step.action, **said)
