"""A supervisor's overview: how old cases are, how long stages take, what is due, how cases end, who did what."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

AGES = ((1, "今日"), (3, "昨日・おととい"), (7, "1 週間以内"), (14, "2 週間以内"), (30, "1 か月以内"))
"""Up to how many days a case is in its stage, in words; the last class has no end."""
OLDER = "1 か月を超える"
AGE_NAMES = (*(name for _, name in AGES), OLDER)
DUE_DAYS = 21
"""Days from today whose due cases are shown beside what can be done."""
LOOKED_BACK = timedelta(days=90)
"""For how long back stages are measured and ends are counted."""
MOST_CAPACITY = 100


@dataclass(frozen=True)
class StageAges:
    """Open cases of one stage, by how long they are in it."""

    procedure: str
    stage: str
    cases: tuple[int, ...]
    """In the order of `AGE_NAMES`."""

    @property
    def total(self) -> int:
        return sum(self.cases)


@dataclass(frozen=True)
class StageLength:
    """How long a stage took of those that were left, in days."""

    procedure: str
    stage: str
    cases: int
    median: float
    ninth: float
    """Nine of ten took no longer."""


@dataclass(frozen=True)
class DueDay:
    """A day, what is due on it, and what can be brought to an end on it."""

    day: date
    due: int
    capacity: int
    business_day: bool

    @property
    def too_much(self) -> bool:
        return self.due > self.capacity


@dataclass(frozen=True)
class EndCount:
    """How many cases of a procedure ended in one way."""

    procedure: str
    outcome: str
    cases: int


@dataclass(frozen=True)
class ActsOfDay:
    """What one actor did today."""

    by: str
    """As people read it: the operator's name, or what else it is."""
    acts: Sequence[tuple[str, int]]
    """What was done and how often, the most frequent first."""

    @property
    def total(self) -> int:
        return sum(count for _, count in self.acts)


@dataclass(frozen=True)
class Overview:
    """All of it, as it is at one moment."""

    ages: Sequence[StageAges]
    lengths: Sequence[StageLength]
    overdue: int
    """Cases whose due date has passed: they come on top of what is due."""
    due: Sequence[DueDay]
    ends: Sequence[EndCount]
    acts: Sequence[ActsOfDay]


def age_class(days: int) -> int:
    """Return the class of `AGE_NAMES` of a case that is in its stage since so many days; 0 is today."""
    return next((number for number, (within, _) in enumerate(AGES) if days < within), len(AGES))
