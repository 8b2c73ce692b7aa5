"""Who holds a Yayoi ID or an office token (Y1): the pair for which it was found right, until that pair is closed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, Self

from sqlalchemy import ColumnElement, or_, select

from models.common.store.sessions import DatabaseSession
from models.tables import ApplicationOfficeRow, ApplicationRow
from models.yayoi.pair_rules import PairProblem, token_held, yayoi_id_held


class NamedPair(Protocol):
    """A pair as a form or one of our rows names it."""

    @property
    def yayoi_id(self) -> str: ...

    @property
    def office_token(self) -> str | None: ...

    @property
    def issued_contract_id(self) -> str | None: ...


class Named(NamedTuple):
    """A pair as it would be once what was typed has replaced what it names."""

    yayoi_id: str
    office_token: str | None
    issued_contract_id: str | None


@dataclass(frozen=True)
class Holder:
    """An application one of whose pairs holds something."""

    application_no: str
    existing_contract_id: str

    def number_for(self, existing_contract_id: str) -> str | None:
        """Return its number, which only the same customer learns."""
        return self.application_no if self.existing_contract_id == existing_contract_id else None


@dataclass(frozen=True)
class Held:
    """What other pairs hold of what some pairs name."""

    _pairs: Sequence[tuple[Holder, ApplicationOfficeRow]]

    @classmethod
    async def read(cls, session: DatabaseSession, pairs: Iterable[NamedPair], *others: ColumnElement[bool]) -> Self:
        """Read it; `others` says which rows are of other pairs."""
        named = list(pairs)
        row, application = ApplicationOfficeRow, ApplicationRow
        tokens = [pair.office_token for pair in named if pair.office_token]
        holding = select(row, application.existing_contract_id).where(
            or_(
                row.holds_id & row.yayoi_id.in_([pair.yayoi_id for pair in named]),
                row.holds_token & row.office_token.in_(tokens),
            ),
            *others,
        )
        found = await session.execute(holding.join(application, application.application_no == row.application_no))
        return cls([(Holder(pair.application_no, contract), pair) for pair, contract in found])

    def yayoi_id(self, pair: NamedPair) -> Holder | None:
        """Return who holds the pair's Yayoi ID.

        会計連携の追加 names that of an earlier application (Y9): only another for the same contract ID is in its way.
        """
        addition = pair.issued_contract_id
        return next(
            (
                holder
                for holder, other in self._pairs
                if other.holds_id
                and other.yayoi_id == pair.yayoi_id
                and (addition is None or other.issued_contract_id == addition)
            ),
            None,
        )

    def yayoi_id_beside_additions(self, pair: NamedPair) -> Holder | None:
        """Return who holds the pair's Yayoi ID as this pair does: an addition is in the way of an addition alone."""
        return next(
            (
                holder
                for holder, other in self._pairs
                if other.holds_id
                and other.yayoi_id == pair.yayoi_id
                and other.issued_contract_id == pair.issued_contract_id
            ),
            None,
        )

    def token(self, pair: NamedPair) -> Holder | None:
        """Return who holds the pair's token; None if it has none."""
        holders = (
            holder for holder, other in self._pairs if other.holds_token and other.office_token == pair.office_token
        )
        return next(holders, None)

    def problems_of_change(
        self, named: NamedPair, contract_id: str, *, yayoi_id: bool, token: bool
    ) -> list[PairProblem]:
        """Return why a pair on this contract cannot name what it would: another application holds it (Y1).

        `yayoi_id`, `token`: which of the two would be changed; the Yayoi ID also with the contract ID issued to it.
        """
        holders = (
            (token_held, self.token(named) if token else None),
            (yayoi_id_held, self.yayoi_id(named) if yayoi_id else None),
        )
        return [problem(holder.number_for(contract_id)) for problem, holder in holders if holder]


def let_go(pair: ApplicationOfficeRow) -> None:
    """Let others have what the pair holds."""
    pair.holds_token = pair.holds_id = False


def hold_again(pair: ApplicationOfficeRow) -> None:
    """Hold what a pair held before it was closed."""
    pair.holds_id, pair.holds_token = True, pair.office_token is not None


async def held_by_others(session: DatabaseSession, pair: ApplicationOfficeRow, named: NamedPair) -> Held:
    """Read what all pairs but this one hold of what it names, or would name once it is corrected."""
    row = ApplicationOfficeRow
    others = (row.application_no != pair.application_no) | (row.office_no != pair.office_no)
    return await Held.read(session, [named], others)


async def holder_of(session: DatabaseSession, pair: ApplicationOfficeRow) -> Holder | None:
    """Return which other application holds what the pair would hold again (Y25)."""
    held = await held_by_others(session, pair, pair)
    return held.yayoi_id_beside_additions(pair) or held.token(pair)
