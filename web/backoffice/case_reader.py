"""Asking the workflow of a case where it is and what can be done: by a query, which changes nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from temporalio.client import Client, WorkflowQueryFailedError, WorkflowQueryRejectedError
from temporalio.common import QueryRejectCondition
from temporalio.service import RPCError, RPCStatusCode

from models.backoffice.case_places import workflow_ids
from models.common.desk_links import desk_case_path, operation_path
from models.common.possible_operations import CASE_NOW, CaseNow, OperationToJudge
from web.common.operation_sender import ENDED, NOT_STARTED, UNSAID
from web.common.temporal_calls import UnreachableError, temporal_call


@dataclass(frozen=True)
class ReadCase:
    """A case or a part of it, as its workflow has answered."""

    case_no: str
    part: int | None
    workflow_id: str
    now: CaseNow

    @property
    def path(self) -> str:
        """Its page on the desk."""
        return desk_case_path(self.case_no, self.part)

    def form(self, operation: str) -> str:
        """Return where the form of an operation is."""
        return operation_path(self.case_no, self.part, operation)


class ReadsCases(Protocol):
    """`CaseReader`."""

    async def read(self, case_no: str, part: int | None) -> ReadCase | None: ...

    async def judge(self, workflow_id: str, operation: str, message: Mapping[str, Any]) -> str | None: ...

    async def newest_run(self, workflow_id: str) -> str | None: ...


class CaseReader:
    """Asks whichever workflow leads a case. Each call raises `UnreachableError` while nobody answers."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def read(self, case_no: str, part: int | None) -> ReadCase | None:
        """Return the case; None if there is none of this number, or nothing is left of it."""
        for workflow_id in workflow_ids(case_no, part):
            try:
                if (now := await self._ask(workflow_id)) is not None:
                    return ReadCase(case_no, part, workflow_id, now)
            except WorkflowQueryFailedError as error:  # it fails, or its build does not know the query
                raise UnreachableError from error
        return None

    async def judge(self, workflow_id: str, operation: str, message: Mapping[str, Any]) -> str | None:
        """Return why an operation would be refused now; None: it would not."""
        asked = OperationToJudge(operation=operation, message=dict(message))
        try:
            now = await self._ask(workflow_id, asked)
        except WorkflowQueryRejectedError:
            return ENDED
        except WorkflowQueryFailedError:
            return UNSAID
        return NOT_STARTED if now is None else now.judged

    async def newest_run(self, workflow_id: str) -> str | None:
        """Return the run that the Web UI shows; None if there is no such workflow."""
        try:
            async with temporal_call():
                return (await self._client.get_workflow_handle(workflow_id).describe()).run_id
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return None

    async def _ask(self, workflow_id: str, asked: OperationToJudge | None = None) -> CaseNow | None:
        case = self._client.get_workflow_handle(workflow_id)
        try:
            async with temporal_call():
                now: CaseNow = await case.query(
                    CASE_NOW,
                    args=[asked] if asked else [],
                    result_type=CaseNow,
                    # What has ended takes no operation, whatever its rules would say.
                    reject_condition=QueryRejectCondition.NOT_OPEN if asked else None,
                )
                return now
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return None
            if error.status is RPCStatusCode.FAILED_PRECONDITION:  # no worker
                raise UnreachableError from error
            raise
