"""What the desk asks a case's workflow: its newest run, and whether an operation could be done with it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from temporalio.client import Client, WorkflowExecutionStatus, WorkflowQueryFailedError
from temporalio.service import RPCError, RPCStatusCode

from models.common.judged_operations import JUDGE, Judgement, OperationToJudge
from web.common.operation_sender import ENDED, NOT_STARTED
from web.common.temporal_calls import temporal_call


@dataclass(frozen=True)
class CaseRuns:
    """The runs of a workflow that matter to others."""

    first: str
    """For which operations are signed."""
    newest: str
    """Which the Web UI shows."""
    is_open: bool


class AsksCases(Protocol):
    """`CaseQuestions`."""

    async def runs(self, workflow_id: str) -> CaseRuns | None: ...

    async def judge(self, workflow_id: str, operation: str, message: Mapping[str, Any]) -> tuple[str | None, str]: ...


class CaseQuestions:
    """Asks Temporal. Each call raises `UnreachableError` while nobody answers."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def runs(self, workflow_id: str) -> CaseRuns | None:
        """Return the runs of a workflow; None if there is none."""
        try:
            async with temporal_call():
                found = await self._client.get_workflow_handle(workflow_id).describe()
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return None
        first = found.raw_description.workflow_execution_info.first_run_id
        return CaseRuns(first, found.run_id, found.status is WorkflowExecutionStatus.RUNNING)

    async def judge(self, workflow_id: str, operation: str, message: Mapping[str, Any]) -> tuple[str | None, str]:
        """Return why an operation would be refused now (None: it would not), and the run for which it is signed."""
        runs = await self.runs(workflow_id)
        if runs is None or not runs.is_open:
            return (NOT_STARTED if runs is None else ENDED), ""
        asked = OperationToJudge(operation=operation, message=dict(message))
        case = self._client.get_workflow_handle(workflow_id)
        try:
            async with temporal_call():
                judgement = await case.query(JUDGE, asked, result_type=Judgement)
        except WorkflowQueryFailedError:
            return NOT_STARTED, runs.first
        return judgement.refused_because, runs.first
