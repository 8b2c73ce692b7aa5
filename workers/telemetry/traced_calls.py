"""Spans of what is sent to Temporal, and of activities; each names itself in the header of what it sends."""

from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, SpanKind, set_span_in_context
from temporalio import activity, client, worker

from models.common.case_context import began_in, case_of, is_started
from workers.telemetry.trace_headers import span_in, with_span
from workers.telemetry.traces import span_of


class TracedCalls(client.Interceptor):
    """Spans of starts, signals and updates."""

    def intercept_client(self, next: client.OutboundInterceptor) -> client.OutboundInterceptor:  # noqa: A002 the SDK's
        return _TracedCalls(next)


class _TracedCalls(client.OutboundInterceptor):
    async def start_workflow(self, input: client.StartWorkflowInput) -> client.WorkflowHandle[Any, Any]:  # noqa: A002
        with span_of(f"start {input.workflow}", SpanKind.CLIENT, _begun(input.id), **_about(input.id)) as span:
            input.headers = with_span(input.headers, span.get_span_context())
            started = await super().start_workflow(input)
            is_started(case_of(input.id))
            return started

    async def signal_workflow(self, input: client.SignalWorkflowInput) -> None:  # noqa: A002 the SDK's name
        with span_of(f"signal {input.signal}", SpanKind.CLIENT, None, **_about(input.id)) as span:
            input.headers = with_span(input.headers, span.get_span_context())
            await super().signal_workflow(input)

    async def start_workflow_update(
        self,
        input: client.StartWorkflowUpdateInput,  # noqa: A002 the SDK's name
    ) -> client.WorkflowUpdateHandle[Any]:
        with span_of(f"update {input.update}", SpanKind.CLIENT, None, **_about(input.id)) as span:
            input.headers = with_span(input.headers, span.get_span_context())
            return await super().start_workflow_update(input)


class TracedActivities(worker.Interceptor):
    """Spans of activities, within the trace of what they were scheduled by."""

    def intercept_activity(
        self,
        next: worker.ActivityInboundInterceptor,  # noqa: A002 the SDK's name
    ) -> worker.ActivityInboundInterceptor:
        return _TracedActivity(next)


class _TracedActivity(worker.ActivityInboundInterceptor):
    async def execute_activity(self, input: worker.ExecuteActivityInput) -> Any:  # noqa: A002 the SDK's name
        info = activity.info()
        by = span_in(input.headers)
        context = set_span_in_context(NonRecordingSpan(by), Context()) if by else Context()
        facts = {
            **_about(info.workflow_id or ""),
            "temporal__attempt": info.attempt,
            "temporal__queue": info.task_queue,
        }
        with span_of(f"activity {info.activity_type}", SpanKind.CONSUMER, context, **facts):
            return await super().execute_activity(input)


def _about(workflow_id: str) -> dict[str, str | int | None]:
    return {"tetsuzuki__case": case_of(workflow_id), "temporal__workflow": workflow_id}


def _begun(workflow_id: str) -> Context | None:
    """Return the trace of the request that stored the case, where another task than the request's starts it."""
    stored = began_in(case_of(workflow_id))
    if stored is None or trace.get_current_span().get_span_context().is_valid:
        return None
    return set_span_in_context(NonRecordingSpan(stored), Context())
