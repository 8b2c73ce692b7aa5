"""Nothing on any page or in any mail leads to where nothing can be done, in any state of a case.

The states are made from the stages, steps and operations of each procedure: a new stage is walked as it is added.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from models.common.waiting_for import WaitingFor
from models.myics.identifiers import CustomerNo, HolderNo, RegistrationNo
from models.myics.operations import OPERATIONS as REGISTRATION_OPERATIONS
from models.myics.registrations import RegistrationCase, RegistrationKind, RegistrationOutcome, RegistrationStage
from models.myics.state import RegistrationState
from models.yayoi.identifiers import ApplicationNo, ContractId
from models.yayoi.operator_rules import OPERATIONS
from models.yayoi.procedures import Procedure, Stage
from tests.support.case_states import CaseState, WrittenCase, before_an_addition, states_of
from tests.support.case_walk import not_possible_though_named, walk_of
from workflows.myics.registration_details import registration_details
from workflows.yayoi.office_details import office_details


@pytest.mark.parametrize(
    "procedure",
    [
        pytest.param(each, marks=[] if each is Procedure.UNLINKED_STANDALONE else [pytest.mark.long])
        for each in Procedure
        if not each.has(Stage.ATTACH)
    ],
)
async def test_every_link_and_every_named_step_of_every_state_can_be_followed(
    sessions: async_sessionmaker[AsyncSession], procedure: Procedure
) -> None:
    async with walk_of(sessions, procedure) as walk:
        for state in states_of(procedure):
            await walk.through(state)
    assert walk.dead_ends == []


@pytest.mark.long
@pytest.mark.parametrize("first", list(before_an_addition()), ids=str)
async def test_nor_do_they_where_the_link_is_added_beside_a_first_case(
    sessions: async_sessionmaker[AsyncSession], first: CaseState
) -> None:
    [addition] = [each for each in Procedure if each.has(Stage.ATTACH)]
    async with walk_of(sessions, addition, first=first) as walk:
        for state in states_of(addition):
            await walk.through(state)
    assert walk.dead_ends == []


@pytest.mark.long
@pytest.mark.parametrize(
    "procedure",
    [
        pytest.param(each, marks=[] if each is Procedure.UNLINKED_STANDALONE else [pytest.mark.long])
        for each in Procedure
        if not each.has(Stage.ATTACH)  # an addition is about one office
    ],
)
async def test_nor_do_they_where_the_application_has_another_office(
    sessions: async_sessionmaker[AsyncSession], procedure: Procedure
) -> None:
    async with walk_of(sessions, procedure, offices=2) as walk:
        for state in states_of(procedure):
            await walk.through(state)
    assert walk.dead_ends == []


CASE = WrittenCase(
    ApplicationNo("YS-000001"), "b@example.co.jp", ContractId("7100000"), ContractId("8871304"), None, ""
)
REFUSED = {"refused": "この弥生ID は登録されていません。"}


@pytest.mark.parametrize("procedure", Procedure)
def test_operators_are_sent_only_to_what_is_possible(procedure: Procedure) -> None:
    dead_ends = []
    for state in states_of(procedure):
        undelivered = {"undelivered": dict.fromkeys(state.mails[:1], "SMTP 550"), "waiting_for": WaitingFor.OPERATOR}
        failing = {"failing": frozenset({"check_pair"})}
        for facts in ({}, {"held": True}, REFUSED, failing, undelivered):
            known = state.office_state(CASE)
            for name, value in facts.items():
                setattr(known, name, value)
            named = not_possible_though_named(office_details(known), OPERATIONS, known)
            dead_ends += [f"{state}, {facts}: {each}" for each in named]
    assert dead_ends == []


def registrations() -> Iterator[RegistrationState]:
    """Return every state of every kind of registration."""
    for kind in RegistrationKind:
        case = RegistrationCase(
            case_no=RegistrationNo("MR-000001"),
            kind=kind,
            customer_no=CustomerNo("1234567890"),
            holder_no=HolderNo("1234567890"),
            requested_at=datetime(2026, 11, 5, tzinfo=UTC),
            expires_on=date(2026, 12, 5),
        )
        first = RegistrationState.of(case)
        for stage in RegistrationStage:
            at_stage = replace(first, stage=stage, link_no=int(kind.has_link))
            facts: list[dict[str, Any]] = [{}, REFUSED, {"closing": True} | REFUSED, {"closing": True}]
            facts += [{"waiting_for": waiting} for waiting in WaitingFor]
            facts += [{"outcome": outcome, "closing": True} for outcome in RegistrationOutcome]
            if kind.has_link:
                facts += [{"undelivered": True}, {"locked": True}]
            yield from (replace(at_stage, **each) for each in facts)


def test_operators_of_registrations_are_sent_only_to_what_is_possible() -> None:
    dead_ends = [
        f"{state.case.kind.label}, {state.stage}: {each}"
        for state in registrations()
        for each in not_possible_though_named(registration_details(state), REGISTRATION_OPERATIONS, state)
    ]
    assert dead_ends == []
