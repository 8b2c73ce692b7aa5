"""What our tables know of the pairs of a form: the same rules that the procedure checks with the vendor's systems.

Where one of those systems is another, its table here is a copy: what has not been copied yet, the check finds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from sqlalchemy import bindparam, or_, select

from models.common.store.sessions import DatabaseSession
from models.tables import GroupMemberRow, IssuedContractRow, OfficeRow, YayoiIdRow
from models.yayoi.pair_rules import (
    IN_ANOTHER_GROUP,
    MANAGED_ALREADY,
    MANAGES_ANOTHER_OFFICE,
    NOT_ISSUED_TO_IT,
    NOT_OF_THE_CONTRACT,
    NOT_REGISTERED,
    SET_UP_IS_LEFT,
    PairProblem,
)
from models.yayoi.store.after_closing import with_something_open
from models.yayoi.store.holding import NamedPair

_OFFICES = select(OfficeRow.office_token, OfficeRow.name, OfficeRow.existing_contract_id, OfficeRow.contract_id).where(
    or_(
        OfficeRow.office_token.in_(bindparam("tokens", expanding=True)),
        OfficeRow.contract_id.in_(bindparam("contract_ids", expanding=True)),
    )
)
_YAYOI_IDS = (
    select(YayoiIdRow.yayoi_id, GroupMemberRow.group_id)
    .outerjoin(GroupMemberRow, GroupMemberRow.person_id == YayoiIdRow.person_id)
    .where(YayoiIdRow.yayoi_id.in_(bindparam("yayoi_ids", expanding=True)))
)


@dataclass(frozen=True)
class PairFacts:
    """The offices of one existing contract, Yayoi IDs and contract IDs that some pairs name."""

    names: Mapping[str, str]
    """What the contract's own offices are called, by their tokens; none of another contract (Y5)."""
    _managed: frozenset[str]
    _in_use: frozenset[str]
    """Contract IDs that an office is managed with."""
    _in_a_group: Mapping[str, bool]
    """The Yayoi IDs that are registered, and whether each is in a business group."""
    _issued_to: Mapping[str, str]
    _set_up_is_left: frozenset[str]
    """The Yayoi IDs for which something can still be done after closing (Y25)."""

    @classmethod
    async def read(cls, session: DatabaseSession, contract_id: str, pairs: Sequence[NamedPair]) -> Self:
        tokens = [pair.office_token for pair in pairs if pair.office_token]
        issued_before = [pair.issued_contract_id for pair in pairs if pair.issued_contract_id]
        named = {"tokens": tokens, "contract_ids": issued_before}
        known = list(await session.execute(_OFFICES, named)) if tokens or issued_before else []
        ids = await session.execute(_YAYOI_IDS, {"yayoi_ids": [pair.yayoi_id for pair in pairs]})
        issued = (
            await session.execute(
                select(IssuedContractRow.contract_id, IssuedContractRow.yayoi_id).where(
                    IssuedContractRow.contract_id.in_(issued_before),
                    IssuedContractRow.existing_contract_id == contract_id,
                    IssuedContractRow.revoked_at.is_(None),
                )
            )
            if issued_before
            else ()
        )
        return cls(
            names={token: name for token, name, contract, _ in known if contract == contract_id and token in tokens},
            _managed=frozenset(token for token, _, _, own_id in known if own_id),
            _in_use=frozenset(own_id for _, _, _, own_id in known if own_id),
            _in_a_group={yayoi_id: group is not None for yayoi_id, group in ids},
            _set_up_is_left=await with_something_open(session, [pair.yayoi_id for pair in pairs]),
            _issued_to={contract: yayoi_id for contract, yayoi_id in issued},  # noqa: C416 rows are no pairs to mypy
        )

    @property
    def shows_right_token(self) -> bool:
        """Whether one of the tokens is that of the contract's own office: whoever applies has its books (Y5a)."""
        return bool(self.names)

    def problem_of_token(self, pair: NamedPair) -> PairProblem | None:
        if pair.office_token is None:
            return None
        if pair.office_token not in self.names:
            return NOT_OF_THE_CONTRACT
        return MANAGED_ALREADY if pair.office_token in self._managed else None

    def problem_of_yayoi_id(self, pair: NamedPair) -> PairProblem | None:
        if pair.yayoi_id not in self._in_a_group:
            return NOT_REGISTERED
        if pair.issued_contract_id:
            if self._issued_to.get(pair.issued_contract_id) != pair.yayoi_id:
                return NOT_ISSUED_TO_IT
            return MANAGES_ANOTHER_OFFICE if pair.issued_contract_id in self._in_use else None
        if self._in_a_group[pair.yayoi_id]:
            return IN_ANOTHER_GROUP
        return SET_UP_IS_LEFT if pair.yayoi_id in self._set_up_is_left else None
