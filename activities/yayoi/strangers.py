"""Ends what a stranger has started at Temporal's port under the id of an office that is to be started."""

from collections.abc import Awaitable, Callable

from temporalio import activity
from temporalio.service import RPCError

from models.common.store.ledger import Ledger, NoResult, StepTransaction
from models.common.temporal_answers import is_unknown_workflow
from models.yayoi.identifiers import office_workflow_id
from models.yayoi.messages import OfficeStep, StartedOffice
from models.yayoi.store.starting import STRANGER_REPLACED

EndStranger = Callable[[str], Awaitable[str | None]]
"""Ends what runs under an id unless we have started it; returns its run, None for one of ours. Raises `RPCError`."""


class StrangerActivities:
    """Looks at what is in an office's place."""

    def __init__(self, ledger: Ledger, end_stranger: EndStranger) -> None:
        self._ledger = ledger
        self._end_stranger = end_stranger

    @activity.defn
    async def end_strangers_office(self, step: OfficeStep) -> StartedOffice:
        """Return whether the office was started by us; end what was not, and put each into the audit trail once."""
        try:
            run = await self._end_stranger(office_workflow_id(step.case_no, step.part))
        except RPCError as error:
            if not is_unknown_workflow(error):
                raise
            return StartedOffice(ours=False)  # there is nothing any more
        if run is None:
            return StartedOffice(ours=True)

        async def replaced(transaction: StepTransaction) -> NoResult:
            transaction.audit(STRANGER_REPLACED)
            return NoResult()

        await self._ledger.once(step, f"stranger.{run}", NoResult, replaced)
        return StartedOffice(ours=False)
