"""Traces of a process, sent to an OTLP receiver: whether they are on, and what every span says.

Spans name types, ids and numbers. What an error says stays out of them: it may hold what somebody typed.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from temporalio.exceptions import ApplicationError

from workers.build_id import build_id
from workers.settings import Settings

_TRACER = "tetsuzuki"
_WITHIN = 3.0  # seconds: a process that ends waits no longer for a receiver that is away


def begin_tracing(settings: Settings, process: str) -> None:
    """Send this process's spans to the receiver that is set; without one nothing is traced."""
    if settings.otlp_url is None:
        return
    resource = Resource({SERVICE_NAME: f"tetsuzuki-{process}", SERVICE_VERSION: build_id(settings)})
    provider = TracerProvider(resource=resource)
    receiver = OTLPSpanExporter(endpoint=f"{settings.otlp_url.rstrip('/')}/v1/traces", timeout=_WITHIN)
    provider.add_span_processor(BatchSpanProcessor(receiver, schedule_delay_millis=1000))
    trace.set_tracer_provider(provider)


def provider_here() -> TracerProvider | None:
    """Return what spans of this process go to; None: it is not traced."""
    provider = trace.get_tracer_provider()
    return provider if isinstance(provider, TracerProvider) else None


@contextmanager
def span_of(name: str, kind: SpanKind, context: Context | None, **facts: str | int | None) -> Iterator[Span]:
    """Give a span while something is done. `context` None: the current one. An error leaves its type behind."""
    attributes = {name.replace("__", "."): value for name, value in facts.items() if value is not None}
    with trace.get_tracer(_TRACER).start_as_current_span(
        name, context, kind, attributes, record_exception=False, set_status_on_exception=False
    ) as span:
        try:
            yield span
        except Exception as error:
            fails(span, error)
            raise


def fails(span: Span, error: BaseException) -> None:
    """Mark a span as failed, with the error's type alone."""
    kind = error.type if isinstance(error, ApplicationError) and error.type else type(error).__name__
    span.set_attribute("error.type", kind)
    span.set_status(Status(StatusCode.ERROR))
