"""Spans of workflows: a case lasts weeks, so whatever comes in begins a trace of its own, linked to the case's first.

What comes in is the start, a signal, an update, or a timer that fires. Spans are made around the activations of a
workflow, where what comes in and the commands that follow are seen; its own code runs as it does without tracing, so
that histories replay whether or not it was on when they were written. Nothing is sent while a history is replayed, and
the ids of spans follow from it: after a replay, what comes next still belongs to what caused it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags
from temporalio.bridge.proto.workflow_activation import WorkflowActivation, WorkflowActivationJob
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.converter import SerializationContext
from temporalio.worker import WorkflowInstance, WorkflowInstanceDetails, WorkflowRunner
from temporalio.workflow import Info
from temporalio.workflow import _Definition as Definition

from models.common.case_context import case_of
from workers.telemetry.trace_headers import put, span_in

_SCOPE = InstrumentationScope("tetsuzuki")
_COMMANDS = {
    "schedule_activity": "activity",
    "schedule_local_activity": "activity",
    "start_child_workflow_execution": "child",
    "signal_external_workflow_execution": "external",
}
"""The commands that carry headers, and what their numbers count."""
_RESOLVED = {
    "resolve_activity": "activity",
    "resolve_child_workflow_execution_start": "child",
    "resolve_child_workflow_execution": "child",
    "resolve_signal_external_workflow": "external",
}


@dataclass(frozen=True)
class _Cause:
    """What came in, and the span that stands for it."""

    name: str
    span: SpanContext
    parent: SpanContext | None = None
    links: tuple[Link, ...] = ()
    protocol_id: str = ""
    """Of an update: by which its answer is known."""


class TracedRunner(WorkflowRunner):
    """Runs workflows by another runner, and sends spans of what comes in."""

    def __init__(self, runner: WorkflowRunner, provider: TracerProvider) -> None:
        self._runner = runner
        self._provider = provider

    def prepare_workflow(self, defn: Definition) -> None:
        self._runner.prepare_workflow(defn)

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        return _TracedWorkflow(self._runner.create_instance(det), det.info, self._provider)

    def set_worker_level_failure_exception_types(self, types: Sequence[type[BaseException]]) -> None:
        self._runner.set_worker_level_failure_exception_types(types)


class _TracedWorkflow(WorkflowInstance):
    def __init__(self, workflow: WorkflowInstance, info: Info, provider: TracerProvider) -> None:
        self._workflow = workflow
        self._info = info
        self._resource = provider.resource
        self._send = provider._active_span_processor.on_end  # noqa: SLF001 its tracers choose ids of their own
        self._first: SpanContext | None = None
        """Of the case; None: it began untraced."""
        self._current: SpanContext | None = None
        self._signals = 0
        self._caused: dict[tuple[str, int], SpanContext] = {}
        """What each open command was caused by."""

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        causes = [cause for job in act.jobs for cause in self._cause(job)]
        completion = self._workflow.activate(act)
        self._name_cause(completion, replaying=act.is_replaying)
        if not act.is_replaying:
            refused = set(_refused_updates(completion))
            at = act.timestamp.ToNanoseconds()
            for cause in causes:
                self._send(self._span(cause, at, failed=cause.protocol_id in refused))
        return completion

    def _cause(self, job: WorkflowActivationJob) -> Iterator[_Cause]:
        kind = job.WhichOneof("variant") or ""
        if kind == "initialize_workflow":
            yield self._begin(job)
        elif kind == "signal_workflow":
            self._signals += 1
            signal = job.signal_workflow
            yield self._new(f"signal {signal.signal_name}", f"signal {self._signals}", span_in(signal.headers))
        elif kind == "do_update":
            update = job.do_update
            yield self._new(
                f"update {update.name}", f"update {update.id}", span_in(update.headers), update.protocol_instance_id
            )
        elif kind == "fire_timer":
            yield self._new("timer", f"timer {job.fire_timer.seq}", None)
        elif kind in _RESOLVED:
            known = _RESOLVED[kind], getattr(job, kind).seq
            self._current = self._caused.get(known, self._current)
            if kind != "resolve_child_workflow_execution_start":
                self._caused.pop(known, None)

    def _begin(self, job: WorkflowActivationJob) -> _Cause:
        begun = job.initialize_workflow
        given = span_in(begun.headers)
        name = f"workflow {self._info.workflow_type}"
        self._first = given
        if given is None or begun.continued_from_execution_run_id:
            return self._new(name, "start", None)
        span = SpanContext(given.trace_id, self._id("start")[1], is_remote=False, trace_flags=_SAMPLED)
        self._current = span
        return _Cause(name, span, given)

    def _new(self, name: str, key: str, sent_by: SpanContext | None, protocol_id: str = "") -> _Cause:
        """Begin a trace, linked to the case's first and to who has sent what came in."""
        self._current = SpanContext(*self._id(key), is_remote=False, trace_flags=_SAMPLED)
        links = tuple(Link(each) for each in (self._first, sent_by) if each)
        return _Cause(name, self._current, None, links, protocol_id)

    def _id(self, key: str) -> tuple[int, int]:
        digest = sha256(f"{self._info.run_id} {key}".encode()).digest()
        return int.from_bytes(digest[:16]), int.from_bytes(digest[16:24])

    def _name_cause(self, completion: WorkflowActivationCompletion, *, replaying: bool) -> None:
        for command in completion.successful.commands:
            kind = command.WhichOneof("variant") or ""
            named: Any = getattr(command, kind) if kind else None
            if kind in _COMMANDS and self._current:
                self._caused[_COMMANDS[kind], named.seq] = self._current
                if not replaying:
                    put(named.headers, self._current)
            elif kind == "continue_as_new_workflow_execution" and self._first:
                put(named.headers, self._first)

    def _span(self, cause: _Cause, at: int, *, failed: bool) -> ReadableSpan:
        workflow_id = self._info.workflow_id
        return ReadableSpan(
            cause.name,
            cause.span,
            cause.parent,
            self._resource,
            {"tetsuzuki.case": case_of(workflow_id), "temporal.workflow": workflow_id},
            links=cause.links,
            kind=SpanKind.SERVER,
            status=Status(StatusCode.ERROR) if failed else Status(),
            start_time=at,
            end_time=at,
            instrumentation_scope=_SCOPE,
        )

    def get_serialization_context(self, command_info: Any) -> SerializationContext | None:
        return self._workflow.get_serialization_context(command_info)

    def get_external_store_context(self, command_info: Any) -> Any:
        return self._workflow.get_external_store_context(command_info)

    def get_info(self) -> Info:
        return self._workflow.get_info()

    def get_thread_id(self) -> int | None:
        return self._workflow.get_thread_id()


_SAMPLED = TraceFlags(TraceFlags.SAMPLED)


def _refused_updates(completion: WorkflowActivationCompletion) -> Iterator[str]:
    for command in completion.successful.commands:
        if command.HasField("update_response") and command.update_response.HasField("rejected"):
            yield command.update_response.protocol_instance_id
