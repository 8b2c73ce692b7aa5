"""The trace context as Temporal's headers carry it: W3C's `traceparent` alone, where its SDKs look for it."""

import json
import re
from collections.abc import Mapping, MutableMapping

from opentelemetry.trace import SpanContext, TraceFlags
from temporalio.api.common.v1 import Payload

from models.common.json_text import read_json

TRACE_HEADER = "_tracer-data"
_FIELD = "traceparent"
_WRITTEN = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_ENCODING = {"encoding": b"json/plain"}


def put(headers: MutableMapping[str, Payload], span: SpanContext) -> None:
    """Let the headers name this span."""
    written = f"00-{span.trace_id:032x}-{span.span_id:016x}-{int(span.trace_flags):02x}"
    payload = Payload(metadata=_ENCODING, data=json.dumps({_FIELD: written}).encode())
    if isinstance(headers, dict):
        headers[TRACE_HEADER] = payload
    else:  # of a command: a map of messages, of which none can be replaced
        headers[TRACE_HEADER].CopyFrom(payload)


def with_span(headers: Mapping[str, Payload], span: SpanContext) -> Mapping[str, Payload]:
    """Return the headers with this span, if there is one."""
    if not span.is_valid:
        return headers
    named = dict(headers)
    put(named, span)
    return named


def span_in(headers: Mapping[str, Payload]) -> SpanContext | None:
    """Return the span that the headers name; None for none, and for what anybody at Temporal's port made up."""
    if TRACE_HEADER not in headers:
        return None
    try:
        written = _WRITTEN.fullmatch(read_json(headers[TRACE_HEADER].data)[_FIELD])
    except (ValueError, TypeError, KeyError):
        return None
    if written is None:
        return None
    trace_id, span_id, flags = (int(part, 16) for part in written.groups())
    span = SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(flags & TraceFlags.SAMPLED))
    return span if span.is_valid else None
