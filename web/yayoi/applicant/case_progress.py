"""Asking a case's procedures how far they are; whatever they cannot say now is left to the records."""

from collections.abc import Awaitable
from datetime import timedelta
from typing import TypeVar

from temporalio.client import Client, WorkflowQueryFailedError
from temporalio.service import RPCError

from models.yayoi.identifiers import ApplicationNo, application_workflow_id, office_workflow_id
from models.yayoi.messages import OfficeProgress
from web.common.temporal_calls import UnreachableError, temporal_call
from workflows.yayoi.multi_office_application import MultiOfficeApplication
from workflows.yayoi.office_data_procedure import OfficeDataProcedure

QUERY_PATIENCE = timedelta(seconds=3)
"""How long a case page waits for the procedure before it shows what the records say."""

Progress = TypeVar("Progress")


async def progress_of_offices(client: Client, application_no: ApplicationNo) -> dict[int, OfficeProgress]:
    """Return how far every office is, by its number; nothing if that cannot be said now."""
    handle = client.get_workflow_handle(application_workflow_id(application_no))
    progress = await _reached(handle.query(MultiOfficeApplication.progress))
    return {office.office_no: office for office in progress.offices} if progress else {}


async def progress_of_office(client: Client, application_no: ApplicationNo, office_no: int) -> OfficeProgress | None:
    """Return how far one office is: its own procedure knows before that of the application."""
    handle = client.get_workflow_handle(office_workflow_id(application_no, office_no))
    return await _reached(handle.query(OfficeDataProcedure.progress))


async def _reached(query: Awaitable[Progress]) -> Progress | None:
    try:
        async with temporal_call(QUERY_PATIENCE):
            return await query
    except (UnreachableError, RPCError, WorkflowQueryFailedError):
        return None
