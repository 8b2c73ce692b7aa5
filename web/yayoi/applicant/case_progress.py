"""Asking a case's procedures where they stand, as far as they can be reached now."""

from datetime import timedelta

from temporalio.client import Client, WorkflowQueryFailedError
from temporalio.service import RPCError

from models.yayoi.identifiers import ApplicationNo, application_workflow_id, office_workflow_id
from models.yayoi.messages import OfficeProgress
from web.common.temporal_calls import UnreachableError, temporal_call
from workflows.yayoi.multi_office_application import MultiOfficeApplication
from workflows.yayoi.office_data_procedure import OfficeDataProcedure

QUERY_PATIENCE = timedelta(seconds=3)
"""How long a case page waits for the procedure before it shows what the records say."""


class CaseProgress:
    """Queries; whatever cannot be answered now is left to the records."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def offices(self, application_no: ApplicationNo) -> dict[int, OfficeProgress]:
        """Return where every office stands, by its number; nothing if that cannot be told now."""
        handle = self._client.get_workflow_handle(application_workflow_id(application_no))
        try:
            async with temporal_call(QUERY_PATIENCE):
                progress = await handle.query(MultiOfficeApplication.progress)
        except (UnreachableError, RPCError, WorkflowQueryFailedError):
            return {}
        return {office.office_no: office for office in progress.offices}

    async def office(self, application_no: ApplicationNo, office_no: int) -> OfficeProgress | None:
        """Return where one office stands this moment: its own procedure knows before the application is told."""
        handle = self._client.get_workflow_handle(office_workflow_id(application_no, office_no))
        try:
            async with temporal_call(QUERY_PATIENCE):
                return await handle.query(OfficeDataProcedure.progress)
        except (UnreachableError, RPCError, WorkflowQueryFailedError):
            return None
