"""Tracing that is turned on and off while a case is open: the case goes on, and its operations verify."""

from collections.abc import Awaitable, Callable
from itertools import product
from uuid import uuid4

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import INVALID_SPAN
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from models.common.allowed_actors import ON_CASES, Permissions
from models.common.commitments import salted
from models.common.signatures import HEADER, SignedPlace, Verifier
from models.yayoi.procedures import SetUpStep, Stage
from tests.support.ending import end
from tests.support.environment import OFFICE_C, at_rest, environment_with_worker, form
from tests.support.sandbox import RESTRICTED, replay
from tests.support.signed_story import SignedStory, StoryOperation
from tests.support.signing import PUBLIC, SATO, signed
from tests.support.smtp_inbox import SmtpInbox
from tests.support.spans import provider_to
from web.common.auth.signing import sending_with, signing_client
from workers.signed_updates import SignedUpdates
from workers.telemetry.trace_headers import TRACE_HEADER
from workers.telemetry.traced_calls import TracedCalls
from workers.telemetry.traced_workflows import TracedRunner
from workers.wiring.root import Workers, build_worker


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    """What was sent by whoever is traced in this test."""
    exporter = InMemorySpanExporter()
    monkeypatch.setattr(trace, "get_tracer", provider_to(exporter).get_tracer)
    return exporter


def traced_client(client: Client) -> Client:
    config = client.config()
    config["interceptors"] = [TracedCalls(), *config["interceptors"]]
    return Client(**config)


@pytest.mark.long
@pytest.mark.parametrize("began_traced", [False, True], ids=["began untraced", "began traced"])
async def test_a_case_goes_on_when_tracing_is_turned_on_and_off(
    began_traced: bool,
    spans: InMemorySpanExporter,
    sessions: async_sessionmaker[AsyncSession],
    temporal: WorkflowEnvironment,
    smtp_inbox: SmtpInbox,
) -> None:
    """Each worker replays it from its history, and sends nothing of that; what is new is linked to its first trace."""
    traced = TracedRunner(RESTRICTED, provider_to(spans))
    runner = traced if began_traced else RESTRICTED
    async with environment_with_worker(
        sessions, temporal, smtp_inbox, max_cached_workflows=0, runner=runner
    ) as environment:
        case = await environment.apply(
            form([OFFICE_C]), client=traced_client(temporal.client) if began_traced else temporal.client
        )
        await at_rest(case, Stage.SHARING)
    first = {span.context.trace_id for span in spans.get_finished_spans() if span.name.startswith("start ")}
    assert len(first) == began_traced

    def worker(*, is_traced: bool) -> Workers:
        return build_worker(
            environment.client,
            environment.settings,
            environment.sessions,
            versioned=False,
            max_cached_workflows=0,
            runner=traced if is_traced else RESTRICTED,
        )

    async def release() -> None:
        await case.release_sharing()
        await at_rest(case, Stage.SET_UP)

    async def set_up(step: SetUpStep) -> None:
        await case.do_step(step)
        await case.settled()

    acts: list[tuple[str, Callable[[], Awaitable[None]]]] = [
        ("update report_sharing_released", release),
        ("update report_set_up_step", lambda: set_up(SetUpStep.SUPPORT_PASSWORD)),
        ("update report_set_up_step", lambda: set_up(SetUpStep.BUSINESS_GROUP)),
    ]
    is_traced = began_traced
    for name, act in acts:
        is_traced = not is_traced
        spans.clear()
        async with worker(is_traced=is_traced):
            await act()
        sent = [span for span in spans.get_finished_spans() if span.name == name]
        assert len(sent) == is_traced
        assert not [span for span in spans.get_finished_spans() if span.name.startswith("workflow ")]  # replayed
        linked = {link.context.trace_id for span in sent for link in span.links}
        assert linked == (first if is_traced else set())
    await replay(await case.office().fetch_history())


async def test_an_operation_verifies_with_tracing_on_and_off_and_changed_between_signing_and_verifying(
    spans: InMemorySpanExporter, temporal: WorkflowEnvironment
) -> None:
    """Where it is signed, where it is sent, and where it is verified: each with tracing and without."""
    queue, plain = f"test-{uuid4()}", signing_client(temporal.client)
    handle = await plain.start_workflow(SignedStory.run, [], id=queue, task_queue=queue)
    run = str(handle.result_run_id)
    traced_runner = TracedRunner(RESTRICTED, provider_to(spans))
    permissions: Permissions = {"SignedStory": dict.fromkeys(StoryOperation, ON_CASES)}
    turned = 0
    for runner in (RESTRICTED, traced_runner, RESTRICTED):
        async with Worker(
            plain,
            task_queue=queue,
            workflows=[SignedStory],
            workflow_runner=runner,
            max_cached_workflows=0,
            interceptors=[SignedUpdates(lambda: Verifier(PUBLIC), permissions)],
        ):
            for signs_traced, sends_traced in product((False, True), repeat=2):
                place = SignedPlace(queue, run, "turn_page", str(uuid4()))
                message = salted({"reason": "お電話"})
                span = trace.get_tracer("of the test").start_span("signing") if signs_traced else INVALID_SPAN
                with trace.use_span(span, end_on_exit=True):
                    entry = signed(SATO, place, message)
                client = traced_client(plain) if sends_traced else plain
                with sending_with(entry):
                    update = client.get_workflow_handle(queue)
                    said = await update.execute_update(place.operation, message, id=place.update_id)
                assert said == f"operator {SATO.handle}：お電話"
                turned += 1
    headers = [
        set(event.workflow_execution_update_accepted_event_attributes.accepted_request.input.header.fields)
        for event in (await handle.fetch_history()).events
        if event.HasField("workflow_execution_update_accepted_event_attributes")
    ]
    assert headers == [{HEADER}, {HEADER, TRACE_HEADER}] * (turned // 2)
    assert [span.name for span in spans.get_finished_spans()].count("update turn_page") == turned // 2 + turned // 3
    await end(handle)
