"""Whether Postgres and Temporal belong together: what both carry, and what follows from a difference."""

from enum import StrEnum
from typing import NamedTuple


class StoreMark(NamedTuple):
    """What a store carries: an epoch, raised by each restore, and a mark that counts up."""

    epoch: int
    token: str
    mark: int


class Fit(StrEnum):
    """How the two stores relate."""

    TOGETHER = "together"
    NEW = "new"
    """Neither carries anything yet."""
    TEMPORAL_OLDER = "temporal_older"
    """Temporal was rolled back, or is another, empty one."""
    POSTGRES_OLDER = "postgres_older"
    STRANGERS = "strangers"
    """They never belonged together."""


AHEAD = 2
"""By how much Postgres may be ahead: it counts first, and counts on only once Temporal has followed."""


def fit(postgres: StoreMark | None, temporal: StoreMark | None) -> Fit:
    """Compare what was read: Temporal's first, since Postgres never counts back."""
    if postgres is None or postgres.mark == 0:
        return Fit.POSTGRES_OLDER if temporal else Fit.NEW
    if temporal is None:  # of the first mark, Temporal may not have been given it yet
        return Fit.NEW if postgres.epoch == postgres.mark == 1 else Fit.TEMPORAL_OLDER
    if temporal.epoch < postgres.epoch:
        return Fit.TEMPORAL_OLDER
    if postgres.epoch < temporal.epoch:
        return Fit.POSTGRES_OLDER
    if postgres.token != temporal.token:
        return Fit.STRANGERS
    if postgres.mark < temporal.mark:
        return Fit.POSTGRES_OLDER
    return Fit.TOGETHER if postgres.mark - temporal.mark <= AHEAD else Fit.TEMPORAL_OLDER


def is_served(found: Fit, postgres: StoreMark | None, temporal: StoreMark | None) -> bool:
    """Whether processes go on: so they do when Temporal was rolled back within the epoch, and people are notified."""
    if found is Fit.TEMPORAL_OLDER:
        return bool(postgres and temporal and postgres.epoch == temporal.epoch)
    return found in (Fit.TOGETHER, Fit.NEW)
