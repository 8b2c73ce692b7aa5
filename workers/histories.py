"""Histories as the audit keeps them: read from Temporal, payloads as they lie there, and summarised."""

from typing import Any

from google.protobuf.json_format import MessageToDict
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from models.backoffice.history_summary import HistorySummary, summarised
from models.common.commitments import new_salt

_ENDS = {f"WORKFLOW_EXECUTION_{how}" for how in ("COMPLETED", "FAILED", "TIMED_OUT", "CANCELED", "TERMINATED")}
"""What a run's last event is; one that has gone on as a new run is followed by that."""


class Histories:
    """Reads them."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def __call__(self, workflow_id: str) -> list[HistorySummary]:
        """Return every run that Temporal still has, the oldest first; none if it has none."""
        runs: list[HistorySummary] = []
        run_id: str | None = None
        while (events := await self._events(workflow_id, run_id)) is not None:
            started = events[0]["workflowExecutionStartedEventAttributes"]
            salt = new_salt()
            read = tuple(summarised(event, salt) for event in events)
            own = run_id or str(started["originalExecutionRunId"])
            runs.append(HistorySummary(workflow_id=workflow_id, run_id=own, salt=salt, events=read))
            run_id = started.get("continuedExecutionRunId")
            if not run_id:
                break
        return runs[::-1]

    async def closed(self, workflow_id: str) -> list[HistorySummary] | None:
        """Return the same; None: its last run is still open."""
        runs = await self(workflow_id)
        return None if runs and runs[-1].events[-1].type not in _ENDS else runs

    async def is_open(self, owner: str) -> bool:
        """Say whether a workflow whose id is the owner's, or begins with it, is still open."""
        ids = f"(WorkflowId = '{owner}' OR WorkflowId STARTS_WITH '{owner}/')"
        async for _ in self._client.list_workflows(f"ExecutionStatus = 'Running' AND {ids}", limit=1):
            return True
        return False

    async def _events(self, workflow_id: str, run_id: str | None) -> list[dict[str, Any]] | None:
        try:
            history = await self._client.get_workflow_handle(workflow_id, run_id=run_id).fetch_history()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return None
            raise
        return [MessageToDict(event) for event in history.events]
