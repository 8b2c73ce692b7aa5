"""Asking the workflow of a case where it is and what can be done: by a query, which changes nothing."""

from dataclasses import dataclass
from typing import Protocol

from temporalio.client import Client, WorkflowQueryFailedError
from temporalio.service import RPCError, RPCStatusCode

from models.backoffice.case_workflows import workflow_ids
from models.common.desk_links import desk_case_path, operation_path
from models.common.possible_operations import CASE_NOW, CaseNow
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


class CaseReader:
    """Asks whichever workflow leads a case."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def read(self, case_no: str, part: int | None) -> ReadCase | None:
        """Return the case; None if there is none of this number, or nothing is left of it.

        Raises:
            UnreachableError: neither Temporal nor a worker answers now.

        """
        for workflow_id in workflow_ids(case_no, part):
            if (now := await self._ask(workflow_id)) is not None:
                return ReadCase(case_no, part, workflow_id, now)
        return None

    async def _ask(self, workflow_id: str) -> CaseNow | None:
        try:
            async with temporal_call():
                now: CaseNow = await self._client.get_workflow_handle(workflow_id).query(CASE_NOW, result_type=CaseNow)
                return now
        except WorkflowQueryFailedError as error:  # it fails, or its build does not know the query
            raise UnreachableError from error
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return None
            if error.status is RPCStatusCode.FAILED_PRECONDITION:  # no worker
                raise UnreachableError from error
            raise
