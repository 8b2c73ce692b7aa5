"""Which activities of a workflow keep failing, as Temporal itself says; needs no Postgres."""

from temporalio import activity
from temporalio.client import Client
from temporalio.service import RPCError

from models.common.messages import FailingActivities, WorkflowRun
from models.common.temporal_answers import is_unknown_workflow

FAILS_AT_ATTEMPT = 7
"""About two minutes of retries: longer than a restart of anything takes."""


class FailureActivities:
    """Asks Temporal about a workflow."""

    def __init__(self, client: Client) -> None:
        self._client = client

    @activity.defn
    async def failing_activities(self, run: WorkflowRun) -> FailingActivities:
        """Return the types of its pending activities that are at a late attempt; a run that is gone has none."""
        workflow = self._client.get_workflow_handle(run.workflow_id, run_id=run.run_id)
        try:
            pending = (await workflow.describe()).raw_description.pending_activities
        except RPCError as error:
            if not is_unknown_workflow(error):
                raise
            return FailingActivities(names=())
        names = {each.activity_type.name for each in pending if each.attempt >= FAILS_AT_ATTEMPT}
        return FailingActivities(names=tuple(sorted(names)))
