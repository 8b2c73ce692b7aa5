"""The bare procedure that ours is compared with stays as long as it was at commit 2bccf77."""

import asyncio
from uuid import uuid4

from temporalio import activity
from temporalio.api.enums.v1 import EventType
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from bench.bare_workflows import (
    APPLICATION_EVENTS,
    OFFICE_EVENTS,
    BareActivities,
    BareApplication,
    BareCase,
    BareOfficeProcedure,
    BareStep,
    started_with,
)
from tests.support.ending import end

_RECEIPT_SENT = 29
"""Events of an application that has mailed its receipt and handled that."""


class _AfterTheReceipt(BareActivities):
    """Begins with the office only after its application has nothing more to do: no two things happen at once."""

    @activity.defn(name="check_pair")
    async def check_pair(self, step: BareStep) -> None:
        application = activity.client().get_workflow_handle(step.application_no)
        while (await application.describe()).history_length < _RECEIPT_SENT:  # noqa: ASYNC110 the server's
            await asyncio.sleep(0.05)


async def test_its_histories_have_the_events_of_that_commit(temporal: WorkflowEnvironment) -> None:
    number, client = f"bare-{uuid4()}", temporal.client
    case = BareCase.of(number)
    async with Worker(
        client,
        task_queue=number,
        workflows=[BareApplication, BareOfficeProcedure],
        activities=_AfterTheReceipt().all,
    ):
        application = await client.start_workflow(
            BareApplication.run,
            case,
            id=number,
            task_queue=number,
            search_attributes=started_with(case.offices[0], "受付"),
        )
        office = client.get_workflow_handle(f"{number}-1")
        markers = 0
        while markers < 4:  # of the stage changes that are published, the last of them after the office's report
            await asyncio.sleep(0.05)
            markers = sum(
                event.event_type == EventType.EVENT_TYPE_MARKER_RECORDED
                and event.marker_recorded_event_attributes.marker_name == "core_local_activity"
                for event in (await application.fetch_history()).events
            )
        events = (await office.fetch_history()).events
        while events[-1].event_type != EventType.EVENT_TYPE_TIMER_STARTED:
            await asyncio.sleep(0.05)
            events = (await office.fetch_history()).events
        assert len(events) == OFFICE_EVENTS
        assert len((await application.fetch_history()).events) == APPLICATION_EVENTS
        await end(application, office)
