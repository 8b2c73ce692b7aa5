"""Tracing that is turned on and off while a case is open: the case goes on, and its operations verify."""

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.testing import WorkflowEnvironment

from models.yayoi.procedures import SetUpStep, Stage
from tests.support.environment import OFFICE_C, at_rest, environment_with_worker, form
from tests.support.sandbox import RESTRICTED, replay
from tests.support.smtp_inbox import SmtpInbox
from tests.support.spans import provider_to
from workers.telemetry.traced_workflows import TracedRunner
from workers.wiring.root import Workers, build_worker


@pytest.mark.long
async def test_a_case_goes_on_when_tracing_is_turned_on_and_off_again(
    sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment, smtp_inbox: SmtpInbox
) -> None:
    """It began untraced, so that nothing can be linked to its first trace; each worker replays it from its history."""
    spans = InMemorySpanExporter()
    traced = TracedRunner(RESTRICTED, provider_to(spans))
    async with environment_with_worker(sessions, temporal, smtp_inbox, max_cached_workflows=0) as environment:
        case = await environment.apply(form([OFFICE_C]))
        await at_rest(case, Stage.SHARING)

    def worker(*, is_traced: bool) -> Workers:
        runner = traced if is_traced else RESTRICTED
        return build_worker(
            environment.client,
            environment.settings,
            environment.sessions,
            versioned=False,
            max_cached_workflows=0,
            runner=runner,
        )

    async with worker(is_traced=True):
        await case.release_sharing()
        await at_rest(case, Stage.SET_UP)
    names = [span.name for span in spans.get_finished_spans()]
    assert names.count("update report_sharing_released") == 1
    assert "workflow OfficeDataProcedure" not in names  # replayed
    assert not [span for span in spans.get_finished_spans() if span.links]
    spans.clear()
    async with worker(is_traced=False):
        await case.do_step(SetUpStep.SUPPORT_PASSWORD)
        await case.settled()
    assert spans.get_finished_spans() == ()
    async with worker(is_traced=True):
        await case.do_step(SetUpStep.BUSINESS_GROUP)
        await case.settled()
        history = await case.office().fetch_history()
    assert [span.name for span in spans.get_finished_spans()].count("update report_set_up_step") == 1
    await replay(history)
