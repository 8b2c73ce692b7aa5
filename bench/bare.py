"""The bare side: the sender starts workflows that cost what those of commit 2bccf77 did and do nothing."""

import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import uuid4

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import SetWorkerDeploymentCurrentVersionRequest
from temporalio.client import Client

from bench.bare_worker import TASK_QUEUE, VERSION
from bench.bare_workflows import (
    DETAILS,
    NOTICE,
    REST,
    SEARCH_ATTRIBUTES,
    BareApplication,
    BareCase,
    office_id,
    started_with,
)
from bench.batch import at_once
from bench.other_processes import running
from bench.ours import Ours
from bench.reading import wait_until_resting


class Bare:
    """The bare side, on the Temporal server of our stack."""

    def __init__(self, client: Client, temporal: Mapping[str, int], worker: int) -> None:
        self._client = client
        self.processes: Mapping[str, int] = {**temporal, "worker": worker, "sender": os.getpid()}

    async def start(self, number: int) -> str:  # noqa: ARG002 all are alike
        """Start a workflow; gives its id."""
        case = BareCase.of(f"bare-{uuid4().hex[:12]}")
        await self._client.start_workflow(
            BareApplication.run,
            case,
            id=case.application_no,
            task_queue=TASK_QUEUE,
            search_attributes=started_with(case.offices[0], "受付"),
            static_summary="弥生 太郎 様：事業所 1 件（お客様番号 8000001）",
            static_details=DETAILS,
        )
        return case.application_no

    async def wait_for_rest(self, cases: Sequence[str], since: datetime) -> None:
        await wait_until_resting(self._client, TASK_QUEUE, REST, len(cases), since)

    async def last_notice(self, cases: Sequence[str]) -> datetime:
        return max(await at_once(cases, self._notified))

    async def events(self, case: str) -> tuple[int, int]:
        """How many the histories of an application and of its office have."""
        application, office = (self._client.get_workflow_handle(each) for each in (case, office_id(case)))
        return (await application.describe()).history_length, (await office.describe()).history_length

    async def _notified(self, case: str) -> datetime:
        """When the activity of the notice was completed."""
        scheduled = 0
        async for event in self._client.get_workflow_handle(office_id(case)).fetch_history_events():
            if event.activity_task_scheduled_event_attributes.activity_id == NOTICE:
                scheduled = event.event_id
            if scheduled and event.activity_task_completed_event_attributes.scheduled_event_id == scheduled:
                return event.event_time.ToDatetime(UTC)
        raise LookupError(f"{case} has no notice")


@asynccontextmanager
async def bare_side(ours: Ours) -> AsyncIterator[Bare]:
    """One worker process for bare procedures, on our stack's Temporal server."""
    await _register_search_attributes(ours.client)
    async with running("bench.bare_worker", ours.settings) as worker:
        await ours.client.workflow_service.set_worker_deployment_current_version(
            SetWorkerDeploymentCurrentVersionRequest(
                namespace=ours.client.namespace,
                deployment_name=VERSION.deployment_name,
                build_id=VERSION.build_id,
            )
        )
        yield Bare(ours.client, ours.temporal_processes, worker)


async def _register_search_attributes(client: Client) -> None:
    """Those that the product no longer has."""
    wanted = {key.name: IndexedValueType.ValueType(key.indexed_value_type) for key in SEARCH_ATTRIBUTES}
    request = ListSearchAttributesRequest(namespace=client.namespace)
    known = (await client.operator_service.list_search_attributes(request)).custom_attributes
    if missing := {name: kind for name, kind in wanted.items() if name not in known}:
        await client.operator_service.add_search_attributes(
            AddSearchAttributesRequest(namespace=client.namespace, search_attributes=missing)
        )
