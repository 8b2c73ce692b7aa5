"""Random operators and customers on one application with two offices: what must hold whatever they do (Y12 to Y27).

Each walk is drawn from its seed alone, so that one that fails can be walked again.
"""

import random
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.client import WorkflowUpdateFailedError
from temporalio.testing import WorkflowEnvironment

from models.actions import Action
from models.mails import MailKind
from models.messages import Outcome
from models.tables import ApplicationOfficeRow, IssuedContractRow, OfficeRow, SharingRow
from tests.conftest import SmtpInbox
from tests.paths import NOBODY
from tests.test_operators_actions import shown_actions
from tests.world import OFFICE_B, OFFICE_C, OPERATOR, Case, World, form, world_with_worker

WALKS = range(3)
MOVES = 14
OFFICES = (1, 2)
KEPT = (Outcome.COMPLETED, Outcome.INCOMPLETE)
FILLED_IN = {"to": "鈴木", "yayoi_id": OFFICE_C[0], "supervisor": "田中"}
ENDINGS = {Action.REJECT, Action.WITHDRAW, Action.CANCEL}


@pytest_asyncio.fixture
async def world(
    sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment, smtp_inbox: SmtpInbox
) -> AsyncIterator[World]:
    async with world_with_worker(sessions, temporal, smtp_inbox) as world:
        yield world


@pytest.mark.parametrize("seed", WALKS)
async def test_whatever_people_do_the_invariants_hold_and_every_case_closes(world: World, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 a walk, not a secret
    yayoi_id = chance.choice([NOBODY, OFFICE_C[0]])
    case = await world.apply(form([(yayoi_id, OFFICE_C[1]), OFFICE_B], delegate=chance.random() < 0.5))
    for move in range(MOVES):
        if not (still_open := [number for number in OFFICES if (await case.progress(number)).outcome is None]):
            break
        number = chance.choice(still_open)
        await case.settled(number)
        await a_move(case, number, chance, reason=f"{move + 1} 手目")
        await invariants(case)
    await everything_ends(case)
    await invariants(case)


async def a_move(case: Case, number: int, chance: random.Random, *, reason: str) -> None:
    """Time passes, or somebody does what is shown or what is not."""
    if chance.random() < 0.25:
        await case.until(await case.now(number) + timedelta(days=chance.randint(1, 6)), number)
        return
    shown = await shown_actions(case, number)
    # Most people go on with the case: the ways out are tried seldom, or no walk would come far.
    likely = [action for action in shown if action not in ENDINGS or chance.random() < 0.15]
    if not likely or chance.random() < 0.15:
        await what_is_not_shown(case, number, chance.choice([each for each in Action if each not in shown]))
        return
    action = chance.choice(likely)
    blanks = {"by": OPERATOR, "reason": reason}
    sent = {name: blanks.get(name, FILLED_IN.get(name, value)) for name, value in shown[action].items()}
    await case.office(number).execute_update(action, sent)
    await case.settled(number)
    assert (OPERATOR, reason) in {(row.by, row.reason) for row in await case.audit()}, action


async def what_is_not_shown(case: Case, number: int, action: Action) -> None:
    before = len(await case.audit())
    with pytest.raises(WorkflowUpdateFailedError):
        await case.office(number).execute_update(action, {"by": OPERATOR, "reason": "できないはず"})
    assert "できないはず" not in {row.reason for row in await case.audit()}
    assert len(await case.audit()) >= before


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
