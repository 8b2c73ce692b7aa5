"""What a case shows of itself: once for what has changed, and nothing where nothing has."""

from uuid import uuid4

from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from tests.support.sandbox import RESTRICTED
from tests.support.shown_page import ShownPage


async def test_the_page_is_rendered_once_and_the_columns_are_written_once_for_all_that_has_changed(
    temporal: WorkflowEnvironment,
) -> None:
    queue = f"test-{uuid4()}"
    async with Worker(temporal.client, task_queue=queue, workflows=[ShownPage], workflow_runner=RESTRICTED):
        shown = await temporal.client.start_workflow(ShownPage.run, id=queue, task_queue=queue)
        assert await shown.result() == [1, 1, 1, 2]
    events = [event async for event in shown.fetch_history_events()]
    upserts = [each for each in events if each.HasField("upsert_workflow_search_attributes_event_attributes")]
    assert len(upserts) == 1
