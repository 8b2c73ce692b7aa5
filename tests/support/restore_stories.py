"""What happens to a case around three copies of the stores, and what a restore of two of them makes of it."""

from collections.abc import Awaitable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Generic, Protocol, TypeVar

from temporalio.testing import TimeSkipper

from models.backoffice.restored_cases import Verdict
from workers import temporal
from workers.settings import Settings


class Relation(StrEnum):
    """Of Postgres to Temporal, which is the second of three copies."""

    OLDER = "older"
    EQUAL = "equal"
    NEWER = "newer"

    @property
    def copy(self) -> int:
        """Which copy Postgres is."""
        return list(Relation).index(self)


class Subject(Protocol):
    """Whose case it is."""

    @property
    def workflow_id(self) -> str: ...


SubjectT = TypeVar("SubjectT", bound=Subject)
SubjectT_contra = TypeVar("SubjectT_contra", bound=Subject, contravariant=True)
Place = tuple[str, str | None]
"""The stage at which a case rests, and how it has ended."""
NOWHERE: Place | None = None
"""There is no such case."""
NOTHING: Verdict | None = None
"""Of a case that has ended, or that is not there: there is nothing to say."""


class Move(Protocol[SubjectT_contra]):
    """What happens between two copies."""

    def __call__(self, subject: SubjectT_contra, settings: Settings, /) -> Awaitable[None]: ...


@dataclass(frozen=True)
class Story(Generic[SubjectT]):
    """What happens before each copy, where the case rests then, and what becomes of it in each relation."""

    moves: tuple[Move[SubjectT], Move[SubjectT], Move[SubjectT]]
    rests: tuple[Place | None, Place | None, Place | None]
    expected: Mapping[Relation, tuple[Verdict | None, Place | None]]
    """What is said of it, and where it comes to."""

    def tried(self) -> Iterator[tuple[Relation, Place]]:
        """Return at which place each relation is tried: where Temporal knows more, as much, or less than Postgres."""
        _, second, third = self.rests
        if second:
            yield Relation.EQUAL, second
            if self.moves[1] is not stays:
                yield Relation.OLDER, second
        if third and self.moves[2] is not stays:
            yield Relation.NEWER, third


async def stays(_subject: Subject, _settings: Settings) -> None:
    """Nothing happens."""


def passes(days: int) -> Move[Subject]:
    """Let so many days pass for this case; whoever it waits for does nothing."""

    async def skip(subject: Subject, settings: Settings) -> None:
        async with temporal.opened(settings) as client:
            handle = client.get_workflow_handle(subject.workflow_id)
            await TimeSkipper(client).fast_forward(handle, timedelta(days=days))

    return skip


def then(*moves: Move[SubjectT]) -> Move[SubjectT]:
    async def all_of_them(subject: SubjectT, settings: Settings) -> None:
        for move in moves:
            await move(subject, settings)

    return all_of_them


def becomes(
    older: tuple[Verdict | None, Place | None],
    equal: tuple[Verdict | None, Place | None],
    newer: tuple[Verdict | None, Place | None],
) -> Mapping[Relation, tuple[Verdict | None, Place | None]]:
    return {Relation.OLDER: older, Relation.EQUAL: equal, Relation.NEWER: newer}
