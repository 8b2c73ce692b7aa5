"""Random operators and customers on one application with two offices: what must hold whatever they do (Y12 to Y27).

Hypothesis draws what they do, and makes a walk that breaks something as short as it can.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import select
from sqlalchemy.ext.asyncio import create_async_engine
from temporalio.client import WorkflowUpdateFailedError
from temporalio.testing import WorkflowEnvironment

from models.actions import Action
from models.mails import MailKind
from models.messages import Outcome
from models.tables import ApplicationOfficeRow, IssuedContractRow, OfficeRow, SharingRow
from tests.conftest import SmtpInbox, new_database
from tests.paths import NOBODY
from tests.test_operators_actions import shown_actions
from tests.world import OFFICE_B, OFFICE_C, OPERATOR, Case, World, form, world_with_worker
from workers import database

OFFICES = (1, 2)
KEPT = (Outcome.COMPLETED, Outcome.INCOMPLETE)
FILLED_IN = {"to": "鈴木", "yayoi_id": OFFICE_C[0], "supervisor": "田中"}
ENDINGS = {Action.REJECT, Action.WITHDRAW, Action.CANCEL}
BOUNDED = settings(
    max_examples=4,
    stateful_step_count=12,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)

Answer = TypeVar("Answer")
numbers = st.sampled_from(OFFICES)


@dataclass(frozen=True)
class Place:
    """Where the walks happen; the machine itself is not asynchronous and runs in a thread beside."""

    loop: asyncio.AbstractEventLoop
    postgres: Path
    temporal: WorkflowEnvironment
    inbox: SmtpInbox

    def wait(self, doing: Coroutine[Any, Any, Answer]) -> Answer:
        return asyncio.run_coroutine_threadsafe(doing, self.loop).result()


class People(RuleBasedStateMachine):
    """Each example has a database and a worker of its own; Temporal and the inbox are everybody's."""

    here: ClassVar[Place]

    def __init__(self) -> None:
        super().__init__()
        self.exit = AsyncExitStack()
        self.world = self.here.wait(self.exit.enter_async_context(a_world(self.here)))
        self.case: Case | None = None
        self.moves = 0

    @initialize(corrected=st.booleans(), delegate=st.booleans())
    def apply(self, *, corrected: bool, delegate: bool) -> None:
        yayoi_id = NOBODY if corrected else OFFICE_C[0]
        self.case = self.here.wait(self.world.apply(form([(yayoi_id, OFFICE_C[1]), OFFICE_B], delegate=delegate)))

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

    @invariant()
    def invariants_hold(self) -> None:
        if self.case:
            self.here.wait(invariants(self.case))

    def teardown(self) -> None:
        if self.case:
            self.here.wait(everything_ends(self.case))
            self.here.wait(invariants(self.case))
        self.here.wait(self.exit.aclose())

    def open(self, number: int) -> Case | None:
        if self.case is None:
            return None
        self.here.wait(self.case.settled(number))
        return self.case if self.here.wait(self.case.progress(number)).outcome is None else None

    def do_one_of(self, number: int, choice: int, fits: Any) -> None:
        if case := self.open(number):
            shown = self.here.wait(shown_actions(case, number))
            if fitting := [action for action in shown if fits(action)]:
                self.moves += 1
                action = fitting[choice % len(fitting)]
                self.here.wait(do(case, number, action, shown[action], reason=f"{self.moves} 手目"))


async def test_whatever_people_do_the_invariants_hold_and_every_case_closes(
    postgres_socket: Path, temporal: WorkflowEnvironment, smtp_inbox: SmtpInbox
) -> None:
    place = Place(asyncio.get_running_loop(), postgres_socket, temporal, smtp_inbox)
    people = type("PeopleHere", (People,), {"here": place})
    await asyncio.to_thread(run_state_machine_as_test, people, settings=BOUNDED)


@asynccontextmanager
async def a_world(here: Place) -> AsyncIterator[World]:
    async with new_database(here.postgres, "migrated") as url:
        engine = create_async_engine(url)
        try:
            async with world_with_worker(database.sessions(engine), here.temporal, here.inbox) as world:
                yield world
        finally:
            await engine.dispose()


async def let_pass(case: Case, number: int, time: timedelta) -> None:
    await case.until(await case.now(number) + time, number)


async def do(case: Case, number: int, action: Action, example: dict[str, Any], *, reason: str) -> None:
    """Send the JSON that is shown, its blanks filled in."""
    blanks = {"by": OPERATOR, "reason": reason}
    sent = {name: blanks.get(name, FILLED_IN.get(name, value)) for name, value in example.items()}
    await case.office(number).execute_update(action, sent)
    await case.settled(number)
    assert (OPERATOR, reason) in {(row.by, row.reason) for row in await case.audit()}, action


async def what_is_not_shown(case: Case, number: int, action: Action) -> None:
    with pytest.raises(WorkflowUpdateFailedError):
        await case.office(number).execute_update(action, {"by": OPERATOR, "reason": "できないはず"})
    assert "できないはず" not in {row.reason for row in await case.audit()}


async def everything_ends(case: Case) -> None:
    """Nobody does anything any more, except to lift a hold."""
    for number in OFFICES:
        while (await case.progress(number)).outcome is None:
            await case.settled(number)
            if Action.RESUME in (shown := await shown_actions(case, number)):
                await case.office(number).execute_update(Action.RESUME, shown[Action.RESUME])
            await case.until(await case.now(number) + timedelta(days=35), number)
        await case.office(number).result()
    await case.application.result()


async def invariants(case: Case) -> None:
    world = case.world
    pairs = {row.office_no: row for row in await world.rows(select(ApplicationOfficeRow))}
    still_open = {f"{case.application_no}:{number}" for number, row in pairs.items() if row.closed_at is None}
    frozen = [row.frozen_by for row in await world.rows(select(OfficeRow)) if row.frozen_by]
    assert set(frozen) <= still_open, "frozen without an open case"

    issued = await world.rows(select(IssuedContractRow))
    assert max(Counter(row.office_no for row in issued).values(), default=1) == 1, "two IDs for a pair"
    assert len({row.contract_id for row in issued}) == len(issued)

    notified = {row.office_no for row in await case.notices(MailKind.COMPLETION_NOTICE) if row.sent_at}
    assert notified <= {row.office_no for row in issued}, "a notice without an ID"
    revoked = {row.office_no for row in issued if row.revoked_at}
    told = {row.office_no for row in await case.notices() if row.kind in (MailKind.CANCELLED, MailKind.WITHDRAWN)}
    ended = {number for number, row in pairs.items() if row.closed_at}
    assert (notified & revoked & ended) <= told, "notified of an ID that was revoked, and not told so"

    left_early = {f"{case.application_no}:{number}" for number in ended if pairs[number].outcome not in KEPT}
    released = [row.ended_for for row in await world.rows(select(SharingRow)) if row.released_by_system]
    assert left_early.isdisjoint(released), "released by the system and not restored"
    assert {row.office_no for row in issued if row.revoked_at is None and row.office_no in ended} == {
        number for number in ended if pairs[number].outcome in KEPT
    }, "an ID that counts, exactly for who has ended well"
