"""Which case is being worked on: for the lines of logs, and for traces."""

from collections import OrderedDict
from contextvars import ContextVar

from opentelemetry import trace

_CASE: ContextVar[str | None] = ContextVar("case", default=None)
_MOST_REMEMBERED = 1000
_BEGAN: OrderedDict[str, trace.SpanContext] = OrderedDict()
"""The traces in which cases were stored whose workflows another task starts in a moment."""


def case_of(workflow_id: str) -> str:
    """Return the number of the case that a workflow belongs to: the second part of its id, `application/YS-000001`.

    An id of one part (schedules, what commands start) has no case behind it, and is returned as it is.
    """
    kind, _, rest = workflow_id.partition("/")
    return rest.partition("/")[0] or kind


def about_case(case_no: str) -> None:
    """Say which case this request is about, from now on until its end."""
    _CASE.set(case_no)
    trace.get_current_span().set_attribute("tetsuzuki.case", case_no)


def begins_case(case_no: str) -> None:
    """Say that this request stores a case. Call it before whoever starts the case's workflow is woken."""
    about_case(case_no)
    span = trace.get_current_span().get_span_context()
    if span.is_valid:
        _BEGAN[case_no] = span
        if len(_BEGAN) > _MOST_REMEMBERED:
            _BEGAN.popitem(last=False)


def current_case() -> str | None:
    """Return the case that this request is about; None if it is about none, or not known yet."""
    return _CASE.get()


def began_in(case_no: str) -> trace.SpanContext | None:
    """Return in which trace the case was stored; None where it was not traced, by another process, or is started."""
    return _BEGAN.get(case_no)


def is_started(case_no: str) -> None:
    """Say that the case's workflow is started: what comes later does not belong to the trace that stored it."""
    _BEGAN.pop(case_no, None)
