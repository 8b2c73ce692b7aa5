"""How many of what so many cases a day need, from what one case has cost on a cluster."""

from dataclasses import dataclass
from math import ceil
from typing import Any, ClassVar

from workers.database import CONNECTIONS_AT_MOST

LOADS = (100, 1_000, 5_000, 20_000)
"""Cases a day."""
PEAK_HOUR = 0.25
"""Which share of a day's cases comes within its fullest hour."""
BUSY_AT_MOST = 0.6
"""Which share of a core is planned for: the rest is for replays after a restart, reports and what nobody expects."""
LEAST_WORKERS = LEAST_WEBS = 2
"""One may be replaced while the other goes on."""
_OTHERS = 2
"""Desk and eraser."""
SHARDS = 128
EVENTS_OF_A_WRITE = 3
"""A workflow task is three events and one write; that is how often a case writes, at most."""
WRITES_OF_A_SHARD = 20
"""How many a second one shard is planned for: they go one after the other, each a commit of PostgreSQL."""


@dataclass(frozen=True)
class Needed:
    """What one load needs."""

    COLUMNS: ClassVar[tuple[str, ...]] = (
        "workers",
        "web",
        "cores for Temporal",
        "cores for its PostgreSQL",
        "cores for our PostgreSQL",
        "connections to ours",
        "shards that would do",
    )

    cases_a_day: int
    cpu_of_a_case: dict[str, float]
    """CPU seconds of each part from the form to the end."""
    writes_of_a_case: float

    @property
    def per_second(self) -> float:
        """How many cases begin at the peak."""
        return self.cases_a_day * PEAK_HOUR / 3600

    def cores(self, part: str) -> float:
        return self.per_second * self.cpu_of_a_case[part] / BUSY_AT_MOST

    @property
    def workers(self) -> int:
        """One is bound by its own interpreter, to one core."""
        return max(LEAST_WORKERS, ceil(self.cores("our worker")))

    @property
    def webs(self) -> int:
        return max(LEAST_WEBS, ceil(self.cores("our web")))

    @property
    def connections(self) -> int:
        return (self.workers + self.webs + _OTHERS) * CONNECTIONS_AT_MOST

    @property
    def shards(self) -> int:
        return ceil(self.per_second * self.writes_of_a_case / WRITES_OF_A_SHARD)

    def row(self) -> list[str]:
        cores = [f"{self.cores(part):.1f}" for part in ("Temporal", "Temporal's PostgreSQL", "our PostgreSQL")]
        whole = [self.workers, self.webs]
        return [
            f"{self.cases_a_day:,}",
            f"{self.per_second * 60:.1f}",
            *map(str, whole),
            *cores,
            str(self.connections),
            str(self.shards),
        ]


def needed(rate: dict[str, Any], cases_a_day: int) -> Needed:
    """Return what so many cases a day need.

    A case is measured until its notice; until it closes it costs as many times more as its histories are longer then.
    """
    whole = rate["events_to_closed"] / rate["events_to_notice"]
    temporal = dict(rate["cpu_s_of_temporal"])
    stores = temporal.pop("postgres")
    ours = rate["cpu_s_of_ours"]
    to_notice = {
        "our worker": ours["worker"],
        "our web": ours["web"],
        "our PostgreSQL": ours["postgres"],
        "Temporal": sum(temporal.values()),
        "Temporal's PostgreSQL": stores,
    }
    cpu = {part: seconds * whole for part, seconds in to_notice.items()}
    return Needed(cases_a_day, cpu, rate["events_to_closed"] / EVENTS_OF_A_WRITE)
