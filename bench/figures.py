"""What `make bench` finds out: the figures of its last line, which is one line of JSON."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from statistics import median

_DIGITS = 4


@dataclass(frozen=True)
class Figures:
    """The line's names and values; None: that part was skipped.

    Ratios of rates are ours ÷ the other side's: above 1 is better. All others: less is better.
    """

    notice_per_s: float | None = None
    """Applications per second from the first request to the last completion notice."""
    bare_ratio: float | None = None
    dbos_ratio: float | None = None
    events_to_notice: float | None = None
    events_to_closed: float | None = None
    cpu_s_per_application: float | None = None
    """CPU seconds of worker, Temporal, Postgres, web and sender until the case rests after its notice."""
    worker_cpu_ratio: float | None = None
    temporal_cpu_ratio: float | None = None
    storage_kb_per_open_case: float | None = None
    """1 kB is 1,000 bytes."""
    burst_cpu_ratio: float | None = None
    form_p99_ratio: float | None = None
    encryption_ratio: float | None = None
    """The rate with encryption ÷ that without: above 1 is better."""
    telemetry_ratio: float | None = None
    """The same for telemetry: metrics that are read, traces that are sent, logs as JSON."""

    def line(self) -> str:
        return json.dumps({name: _rounded(value) for name, value in asdict(self).items()})


def median_or_none(values: Iterable[float | None]) -> float | None:
    """The median of those that there are."""
    known = [value for value in values if value is not None]
    return median(known) if known else None


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.{_DIGITS}g}")
