"""Random operators and customers on one application with two offices: what must hold whatever they do (Y12 to Y27).

Hypothesis draws what they do, and makes a walk that breaks something as short as it can.
"""

import asyncio
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sqlalchemy import select
from temporalio.client import WorkflowUpdateFailedError
from temporalio.testing import WorkflowEnvironment

from models.common.calendar import day_in_japan
from models.tables import SharingRow
from models.yayoi.application_form import ApplicationForm
from models.yayoi.identifiers import OfficeToken
from models.yayoi.operator_actions import Action
from models.yayoi.procedures import Stage
from tests.replay.invariants import (
    every_notice_named_an_id_that_was_not_revoked_when_it_was_sent,
    every_step_has_its_audit_entry_and_every_entry_its_step,
    never_frozen_without_an_open_case,
    one_id_for_a_pair_that_counts_for_who_has_ended_well,
    records,
    sharing_is_restored_exactly_where_we_released_it,
)
from tests.support.environment import (
    NOBODY,
    OFFICE_B,
    OFFICE_C,
    OPERATOR,
    Case,
    Environment,
    form,
)
from tests.support.operator_actions import filled_in, shown_actions
from tests.support.smtp_inbox import SmtpInbox
from tests.support.state_machines import BOUNDED, Place
from tests.support.status_rows import status_rows_say_what_the_procedures_are

OFFICES = (1, 2)
ENDINGS = {Action.REJECT, Action.WITHDRAW, Action.CANCEL}
numbers = st.sampled_from(OFFICES)


class People(RuleBasedStateMachine):
    """Each example has a database and a worker of its own; Temporal and the inbox are everybody's."""

    here: ClassVar[Place]

    def __init__(self) -> None:
        super().__init__()
        self.exit = AsyncExitStack()
        self.environment = self.here.wait(self.exit.enter_async_context(self.here.environment()))
        self.began: Beginning | None = None
        self.cancelled_at_last = False
        self.moves = 0

    @initialize(
        corrected=st.booleans(),
        sharing=st.sampled_from(("delegated", "released", "left")),
        second_firm=st.booleans(),
        cancelled_at_last=st.booleans(),
    )
    def apply(self, *, corrected: bool, sharing: str, second_firm: bool, cancelled_at_last: bool) -> None:
        yayoi_id = NOBODY if corrected else OFFICE_C[0]
        application = form([(yayoi_id, OFFICE_C[1]), OFFICE_B], delegate=sharing == "delegated")
        self.began = self.here.wait(begin(self.environment, application, second_firm=second_firm))
        self.cancelled_at_last = cancelled_at_last
        if sharing == "released":
            self.here.wait(self.began.case.release_sharing())

    @rule(number=numbers, days=st.integers(1, 6))
    def time_passes(self, number: int, days: int) -> None:
        if case := self.open(number):
            self.here.wait(let_pass(case, number, timedelta(days=days)))

    @rule(number=numbers, choice=st.integers(0, 99))
    def somebody_goes_on(self, number: int, choice: int) -> None:
        """Do what is shown and does not end the case."""
        self.do_one_of(number, choice, lambda action: action not in ENDINGS)

    @rule(number=numbers, choice=st.integers(0, 99), meant=st.integers(0, 3))
    def somebody_gives_up(self, number: int, choice: int, meant: int) -> None:
        """End the case; seldom, or no walk would come far."""
        if meant == 0:
            self.do_one_of(number, choice, lambda action: action in ENDINGS)

    @rule(number=numbers, choice=st.integers(0, 99))
    def somebody_tries_what_is_not_shown(self, number: int, choice: int) -> None:
        if case := self.open(number):
            shown = self.here.wait(shown_actions(case, number))
            hidden = [each for each in Action if each not in shown]
            self.here.wait(what_is_not_shown(case, number, hidden[choice % len(hidden)]))

    @rule(number=numbers, choices=st.tuples(st.integers(0, 99), st.integers(0, 99)))
    def two_people_act_in_the_same_moment(self, number: int, choices: tuple[int, int]) -> None:
        if case := self.open(number):
            shown = self.here.wait(shown_actions(case, number))
            names = list(shown)
            chosen = [names[choice % len(names)] for choice in choices]
            self.here.wait(at_once(case, number, {action: shown[action] for action in chosen}))

    @rule()
    def the_customer_ends_a_sharing_and_notifies_nobody(self) -> None:
        if self.began:
            self.here.wait(self.began.end_one_outside())

    @invariant()
    def invariants_hold(self) -> None:
        if self.began:
            self.here.wait(invariants(self.began))

    def teardown(self) -> None:
        try:
            if self.began:
                self.here.wait(everything_ends(self.began.case, cancelled=self.cancelled_at_last))
                self.here.wait(invariants(self.began))
        finally:
            self.here.wait(self.exit.aclose(), cleaning_up=True)

    def open(self, number: int) -> Case | None:
        if self.began is None:
            return None
        case = self.began.case
        self.here.wait(case.settled(number))
        return case if self.here.wait(case.progress(number)).stage is not Stage.CLOSED else None

    def do_one_of(self, number: int, choice: int, fits: Any) -> None:
        if case := self.open(number):
            shown = self.here.wait(shown_actions(case, number))
            if fitting := [action for action in shown if fits(action)]:
                self.moves += 1
                action = fitting[choice % len(fitting)]
                self.here.wait(do(case, number, action, shown[action], reason=f"{self.moves} 手目"))


@pytest.mark.long
async def test_whatever_people_do_the_invariants_hold_and_every_case_closes(
    postgres_socket: Path, temporal: WorkflowEnvironment, smtp_inbox: SmtpInbox
) -> None:
    place = Place(asyncio.get_running_loop(), postgres_socket, temporal, smtp_inbox)
    people = type("PeopleHere", (People,), {"here": place})
    await place.walk(people, BOUNDED)


@dataclass
class Beginning:
    """The case, and with whom its offices were shared before anybody did anything."""

    case: Case
    shared: dict[OfficeToken, frozenset[str]]
    ended_outside: dict[OfficeToken, frozenset[str]]

    async def end_one_outside(self) -> None:
        """End one sharing of an office that is applied for, as the customer's own page of another system does."""
        async with self.case.environment.sessions.begin() as session:
            still = select(SharingRow).where(SharingRow.office_token == OFFICE_C[1], SharingRow.ended_at.is_(None))
            if row := await session.scalar(still.order_by(SharingRow.sharing_id).limit(1).with_for_update()):
                row.ended_at = datetime.now(UTC)
                self.ended_outside[OFFICE_C[1]] |= {row.firm}


async def begin(environment: Environment, application: ApplicationForm, *, second_firm: bool) -> Beginning:
    async with environment.sessions.begin() as session:
        if second_firm:
            session.add(SharingRow(office_token=OFFICE_C[1], firm="あおぞら会計事務所"))
        await session.flush()
        rows = list(await session.scalars(select(SharingRow).where(SharingRow.ended_at.is_(None))))
    tokens = [token for _, token in (OFFICE_B, OFFICE_C)]
    shared = {token: frozenset(row.firm for row in rows if row.office_token == token) for token in tokens}
    return Beginning(await environment.apply(application), shared, {token: frozenset() for token in tokens})


async def at_once(case: Case, number: int, examples: dict[Action, dict[str, Any]]) -> None:
    """Send what is shown from several desks; one may come too late for what the other did."""
    sending = [
        case.office(number).execute_update(action, filled_in(example, "同時")) for action, example in examples.items()
    ]
    for came in await asyncio.gather(*sending, return_exceptions=True):
        assert came is None or isinstance(came, WorkflowUpdateFailedError), came
    await case.settled(number)


async def let_pass(case: Case, number: int, time: timedelta) -> None:
    await case.until(await case.now(number) + time, number)


async def do(case: Case, number: int, action: Action, example: dict[str, Any], *, reason: str) -> None:
    """Send the JSON that is shown, its blanks filled in."""
    today = {"relinked_on": str(day_in_japan(await case.now(number)))}
    await case.office(number).execute_update(action, filled_in(example, reason, **today))
    await case.settled(number)
    assert (OPERATOR, reason) in {(row.by, row.reason) for row in await case.audit()}, action


async def what_is_not_shown(case: Case, number: int, action: Action) -> None:
    with pytest.raises(WorkflowUpdateFailedError):
        await case.office(number).execute_update(action, {"reason": "できないはず"})
    assert "できないはず" not in {row.reason for row in await case.audit()}


async def everything_ends(case: Case, *, cancelled: bool) -> None:
    """Cancel what is still open, or do nothing any more, except to lift a hold."""
    if cancelled and None in [(await case.progress(number)).outcome for number in OFFICES]:
        last = {"reason": "最後に取り消し"}
        with suppress(WorkflowUpdateFailedError):  # all offices may have ended just now
            await case.application.execute_update("cancel", last)
    for number in OFFICES:
        while (await case.progress(number)).stage is not Stage.CLOSED:
            await case.settled(number)
            if Action.RESUME in (shown := await shown_actions(case, number)):
                await case.office(number).execute_update(Action.RESUME, filled_in(shown[Action.RESUME], "終わりにする"))
            await case.until(await case.now(number) + timedelta(days=35), number)
        await case.office(number).result()
    await case.application.result()


async def invariants(here: Beginning) -> None:
    known = await records(here.case)
    never_frozen_without_an_open_case(known)
    one_id_for_a_pair_that_counts_for_who_has_ended_well(known)
    every_notice_named_an_id_that_was_not_revoked_when_it_was_sent(known)
    sharing_is_restored_exactly_where_we_released_it(known, here.shared, here.ended_outside)
    every_step_has_its_audit_entry_and_every_entry_its_step(known)
    await status_rows_say_what_the_procedures_are(here.case)
