"""What one run has measured, and the figures that follow from it."""

from dataclasses import dataclass, field

from bench.batch import Batch
from bench.burst import Burst
from bench.events import Events
from bench.figures import Figures, median_or_none
from bench.form_latency import FormLatency
from bench.storage import Storage
from bench.with_and_without import CostRound


@dataclass(frozen=True)
class Round:
    """One batch of each side; None: skipped."""

    ours: Batch
    bare: Batch | None = None
    bare_events: tuple[float, float] | None = None
    """Of the application and of the office, on average."""
    dbos: Batch | None = None

    def rate_ratio(self, other: Batch | None) -> float | None:
        return self.ours.per_second / other.per_second if other else None

    def cpu_ratio(self, part: str) -> float | None:
        """Ours ÷ bare; None if the bare side has no such part, or was skipped."""
        ours, bare = self.ours.cpu_of(part), self.bare.cpu_of(part) if self.bare else None
        return ours / bare if ours and bare else None


@dataclass
class Results:
    """What the parts of a run have found; empty or None: skipped."""

    rounds: list[Round] = field(default_factory=list)
    events: Events | None = None
    storage: Storage | None = None
    forms: list[FormLatency] = field(default_factory=list)
    burst: Burst | None = None
    encryption: list[CostRound] = field(default_factory=list)
    telemetry: list[CostRound] = field(default_factory=list)

    @property
    def figures(self) -> Figures:
        rounds = self.rounds
        return Figures(
            notice_per_s=median_or_none(each.ours.per_second for each in rounds),
            bare_ratio=median_or_none(each.rate_ratio(each.bare) for each in rounds),
            dbos_ratio=median_or_none(each.rate_ratio(each.dbos) for each in rounds),
            events_to_notice=self.events.to_notice if self.events else None,
            events_to_closed=self.events.to_closed if self.events else None,
            cpu_s_per_application=median_or_none(each.ours.cpu_per_application for each in rounds),
            worker_cpu_ratio=median_or_none(each.cpu_ratio("worker") for each in rounds),
            temporal_cpu_ratio=median_or_none(each.cpu_ratio("temporal") for each in rounds),
            storage_kb_per_open_case=self.storage.temporal / 1000 if self.storage else None,
            burst_cpu_ratio=self.burst.ratio if self.burst else None,
            form_p99_ratio=median_or_none(each.ratio for each in self.forms),
            encryption_ratio=median_or_none(each.rate_ratio for each in self.encryption),
            telemetry_ratio=median_or_none(each.rate_ratio for each in self.telemetry),
        )
