"""Our own metrics, through the meter of Temporal's SDK; where metrics are off, they go nowhere.

Labels are from closed lists alone (a route's template, a kind of answer): never a case, a workflow's id or a handle.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import cache

from temporalio.common import MetricCounter, MetricHistogramFloat
from temporalio.runtime import Runtime

BUCKETS: Mapping[str, Sequence[float]] = {
    "tetsuzuki_http_request_duration": (0.05, 0.25, 1, 5, 15),
    "tetsuzuki_operation_duration": (0.25, 1, 2.5, 5, 10),
    "tetsuzuki_application_start_delay": (1, 5, 30, 300, 3600),
}
"""The upper bounds of each histogram's classes, in seconds. Service levels name some of them."""
METHODS = frozenset({"GET", "HEAD", "POST"})
"""The methods that pages and interfaces have; every other is `other`."""
NO_ROUTE = "none"
"""The route of what no route matches."""


@cache
def _counter(name: str, description: str) -> MetricCounter:
    return Runtime.default().metric_meter.create_counter(name, description)


@cache
def _seconds(name: str, description: str) -> MetricHistogramFloat:
    return Runtime.default().metric_meter.create_histogram_float(name, description, "seconds")


def count_request(method: str, route: str, status: int, took: float) -> None:
    """Count an answer, and measure how long it took, in seconds, by the template of its route."""
    method = method if method in METHODS else "other"
    counted = _counter("tetsuzuki_http_requests", "Answers, by the template of their route.")
    counted.add(1, {"method": method, "route": route, "status": f"{status // 100}xx"})
    measured = _seconds("tetsuzuki_http_request_duration", "From a request's head to the end of its answer.")
    measured.record(took, {"route": route})


def count_operation(outcome: str, took: float) -> None:
    """Count an operation on a case that was answered so, and how many seconds who sent it waited."""
    _counter("tetsuzuki_operations", "Operations on cases, by what became of them.").add(1, {"outcome": outcome})
    measured = _seconds("tetsuzuki_operation_duration", "From an operation's sending to its answer.")
    measured.record(took, {"outcome": outcome})


def measure_start(delay: timedelta) -> None:
    """Measure how long an accepted application waited until its workflow was started."""
    measured = _seconds(
        "tetsuzuki_application_start_delay", "From an application's acceptance to its workflow's start."
    )
    measured.record(max(0.0, delay.total_seconds()))
