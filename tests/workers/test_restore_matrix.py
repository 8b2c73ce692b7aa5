"""Restored stores of different age, with a case at each stage and each end: every cell says what becomes of it.

One stack, copied three times. Temporal is always the second copy; Postgres is the first (older), the second (equal) or
the third (newer).
"""

import asyncio
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import pytest
import pytest_asyncio

from models.backoffice.reconciliation import FindingKind
from models.backoffice.restored_cases import Verdict
from models.common.store.held_cases import HeldCases
from models.yayoi.messages import Outcome
from models.yayoi.operator_actions import Action
from models.yayoi.procedures import Stage
from tests.support.running import PATIENCE
from tests.support.running_stack import quiet
from tests.support.stack_cases import Outside
from tests.support.stack_customers import UNREGISTERED, WRONG_TOKEN, Customer, applied, load_many, statuses
from workers import database, temporal
from workers.backup.copies import back_up
from workers.backup.manifest import BackupError
from workers.backup.restoring import Copies, restore
from workers.commands.reconcile import _run as reconcile
from workers.settings import Settings
from workers.stack.stack_settings import alone
from workers.stack.supervisor import Stack

pytestmark = [pytest.mark.stack, pytest.mark.long, pytest.mark.timeout(1500)]

Move = Callable[[Customer, Settings], Awaitable[None]]
Where = tuple[Stage, Outcome | None]
OLDER, EQUAL, NEWER = "older", "equal", "newer"
NOTHING: Verdict | None = None
"""Of a case that had ended: there is nothing to say."""
REASON = {"reason": "お客様からのお電話"}


async def stays(_customer: Customer, _settings: Settings) -> None:
    """Nothing happens."""


async def applies(customer: Customer, _settings: Settings) -> None:
    await customer.apply()


async def applies_unproven(customer: Customer, _settings: Settings) -> None:
    await customer.apply(token=WRONG_TOKEN)


async def applies_unregistered(customer: Customer, _settings: Settings) -> None:
    await customer.apply(yayoi_id=UNREGISTERED.format(customer.contract_id))


async def releases(customer: Customer, _settings: Settings) -> None:
    await customer.release_sharing()


async def begins_set_up(customer: Customer, settings: Settings) -> None:
    await customer.set_password_and_group(settings)


async def registers(customer: Customer, settings: Settings) -> None:
    await customer.set_password_and_group(settings)
    await customer.register_products(settings)


async def relinks(customer: Customer, settings: Settings) -> None:
    await customer.relink(settings)


async def does_all(customer: Customer, settings: Settings) -> None:
    await customer.set_up(settings)


def acts(action: Action, **content: str) -> Move:
    async def act(customer: Customer, settings: Settings) -> None:
        await customer.act(settings, action, **REASON | content)

    return act


async def corrects(customer: Customer, settings: Settings) -> None:
    pair = {"yayoi_id": customer.yayoi_id, "office_token": customer.token}
    await customer.act(settings, Action.CORRECT_PAIR, **REASON, **pair)


@dataclass(frozen=True)
class Story:
    """What happens before each copy, where it rests then, and what becomes of it in each relation."""

    moves: tuple[Move, Move, Move]
    rests: tuple[Where | None, Where | None, Where | None]
    shared: bool
    expected: Mapping[str, tuple[Verdict | None, Where | None]]
    """What is said of the office, and where it comes to; None: there is no such case any more."""


def at(stage: Stage) -> Where:
    return stage, None


def ended(outcome: Outcome) -> Where:
    return Stage.CLOSED, outcome


SHARING, SET_UP, RELINK, CORRECTION = at(Stage.SHARING), at(Stage.SET_UP), at(Stage.RELINK), at(Stage.CORRECTION)
GOES_ON, DECIDE, UNDONE = Verdict.CONTINUED, Verdict.TO_DECIDE, Verdict.UNDONE
STORIES: Mapping[str, Story] = {
    "sharing": Story(
        (stays, applies, releases),
        (None, SHARING, SET_UP),
        True,
        {OLDER: (UNDONE, None), EQUAL: (GOES_ON, SHARING), NEWER: (GOES_ON, SET_UP)},
    ),
    "confirmation": Story(
        (stays, applies_unproven, acts(Action.REPORT_CONFIRMED)),
        (None, at(Stage.CONFIRMATION), CORRECTION),
        False,
        {OLDER: (UNDONE, None), EQUAL: (GOES_ON, at(Stage.CONFIRMATION)), NEWER: (GOES_ON, CORRECTION)},
    ),
    "correction": Story(
        (stays, applies_unregistered, corrects),
        (None, CORRECTION, SET_UP),
        False,
        {OLDER: (UNDONE, None), EQUAL: (GOES_ON, CORRECTION), NEWER: (GOES_ON, SET_UP)},
    ),
    "set_up": Story(
        (applies, releases, begins_set_up),
        (SHARING, SET_UP, SET_UP),
        True,
        {OLDER: (DECIDE, SET_UP), EQUAL: (GOES_ON, SET_UP), NEWER: (GOES_ON, SET_UP)},
    ),
    "relink": Story(
        (applies, registers, relinks),
        (SET_UP, RELINK, ended(Outcome.COMPLETED)),
        False,
        {OLDER: (DECIDE, RELINK), EQUAL: (GOES_ON, RELINK), NEWER: (GOES_ON, ended(Outcome.COMPLETED))},
    ),
    "held": Story(
        (applies, acts(Action.HOLD), acts(Action.RESUME)),
        (SHARING, SHARING, SHARING),
        True,
        {OLDER: (DECIDE, SHARING), EQUAL: (GOES_ON, SHARING), NEWER: (GOES_ON, SHARING)},
    ),
    "completed": Story(
        (applies, does_all, stays),
        (SET_UP, ended(Outcome.COMPLETED), ended(Outcome.COMPLETED)),
        False,
        {
            OLDER: (DECIDE, ended(Outcome.COMPLETED)),
            EQUAL: (NOTHING, ended(Outcome.COMPLETED)),
            NEWER: (NOTHING, ended(Outcome.COMPLETED)),
        },
    ),
    **{
        action.value: Story(
            (applies, acts(action), stays),
            (SHARING, ended(outcome), ended(outcome)),
            True,
            {OLDER: (DECIDE, ended(outcome)), EQUAL: (NOTHING, ended(outcome)), NEWER: (NOTHING, ended(outcome))},
        )
        for action, outcome in ((Action.WITHDRAW, Outcome.WITHDRAWN), (Action.CANCEL, Outcome.CANCELLED))
    },
    "reject": Story(
        (applies_unregistered, acts(Action.REJECT), stays),
        (CORRECTION, ended(Outcome.REJECTED), ended(Outcome.REJECTED)),
        False,
        {
            OLDER: (DECIDE, ended(Outcome.REJECTED)),
            EQUAL: (NOTHING, ended(Outcome.REJECTED)),
            NEWER: (NOTHING, ended(Outcome.REJECTED)),
        },
    ),
    "later": Story(
        (stays, stays, applies),
        (None, None, SET_UP),
        False,
        {OLDER: (NOTHING, None), EQUAL: (NOTHING, None), NEWER: (GOES_ON, SET_UP)},
    ),
}
PASSED_BY = {Stage.CHECK, Stage.REMEMBER_LINKS, Stage.ISSUE, Stage.ATTACH, Stage.NOTIFY, Stage.THAW}
"""Stages at which a case rests only while something fails."""
BY_THE_CLOCK = {Stage.AFTER_CLOSING}, {Outcome.EXPIRED, Outcome.INCOMPLETE, Outcome.TERMINATED}
"""What nobody brings about at once on a stack that keeps time."""


def test_every_stage_and_every_end_has_a_cell_in_each_relation() -> None:
    rested = {where for story in STORIES.values() for where in story.rests if where}
    assert {stage for stage, _ in rested} == set(Stage) - PASSED_BY - BY_THE_CLOCK[0]
    assert {outcome for _, outcome in rested if outcome} == set(Outcome) - BY_THE_CLOCK[1]
    cells = {(name, relation) for name, story in STORIES.items() for relation in story.expected}
    assert cells == set(product(STORIES, (OLDER, EQUAL, NEWER)))


@dataclass(frozen=True)
class ThreeCopies:
    """Of one stack, with what has to be kept apart from them; and where each customer was."""

    folder: Path
    customers: Mapping[str, Customer]
    numbers: frozenset[str]
    """Of every application that there was."""

    def of(self, relation: str) -> Copies:
        copy = {OLDER: 0, EQUAL: 1, NEWER: 2}[relation]
        return Copies(postgres=self.folder / f"copy-{copy}", temporal=self.folder / "copy-1")

    def elsewhere(self, state_dir: Path) -> Settings:
        """Return a stack on another machine, to which only keys and journal were brought."""
        for each in ("keys", "master_keys", "secret_key", "journal"):
            kept = self.folder / "kept" / each
            (shutil.copytree if kept.is_dir() else shutil.copy)(kept, state_dir / each)
        return alone(state_dir, log_level="WARNING")


@pytest_asyncio.fixture(scope="module")
async def three_copies(tmp_path_factory: pytest.TempPathFactory) -> ThreeCopies:
    folder = tmp_path_factory.mktemp("copies")
    with tempfile.TemporaryDirectory(prefix="tetsuzuki-") as state_dir:
        settings = alone(Path(state_dir), log_level="WARNING")
        outside = Outside(settings)
        customers = {name: Customer(number, outside) for number, name in enumerate(STORIES)}
        shared = frozenset(number for number, story in enumerate(STORIES.values()) if story.shared)
        async with Stack(settings, say=quiet) as stack:
            await load_many(stack.settings, folder, len(STORIES) + 1, shared)
            for copy in range(3):
                moves = (story.moves[copy](customers[name], stack.settings) for name, story in STORIES.items())
                await asyncio.gather(*moves)
                await rest(stack.settings, {customers[name]: story.rests[copy] for name, story in STORIES.items()})
                await back_up(settings, folder / f"copy-{copy}")
            numbers = await applied(stack.settings)
        (folder / "kept").mkdir()
        for each in ("keys", "master_keys", "secret_key", "journal"):
            kept = Path(state_dir) / each
            (shutil.copytree if kept.is_dir() else shutil.copy)(kept, folder / "kept" / each)
    return ThreeCopies(folder, customers, frozenset(numbers))


@pytest.mark.parametrize("relation", [EQUAL, NEWER, OLDER])
async def test_each_cell_is_as_the_table_says_and_nothing_is_silent(
    three_copies: ThreeCopies, state_dir: Path, relation: str
) -> None:
    settings, copies = three_copies.elsewhere(state_dir), three_copies.of(relation)
    expected = {three_copies.customers[name]: story.expected[relation] for name, story in STORIES.items()}
    if relation is OLDER:
        with pytest.raises(BackupError, match="--accept-loss"):
            await restore(settings, copies, quiet)
    report = await restore(settings, copies, quiet, accept_loss=relation is OLDER)
    said = {each.workflow_id: each.verdict for each in report.cases}
    known = {customer.workflow_id: verdict for customer, (verdict, _) in expected.items()}
    assert {each: said.get(each) for each in known} == known
    async with Stack(settings, say=quiet) as stack:
        await rest(stack.settings, {customer: where for customer, (_, where) in expected.items()})
        assert await applied(stack.settings) <= three_copies.numbers
        # Who applies now is somebody new, and nothing of theirs waits.
        newcomer = Customer(len(STORIES), Outside(settings))
        await newcomer.apply()
        await rest(stack.settings, {newcomer: SET_UP})
        assert newcomer.application_no not in three_copies.numbers
        assert Outside(settings).notices(newcomer.yayoi_id)
        async with database.opened(stack.settings) as sessions:
            waiting = {each.case_no for each in await HeldCases(sessions).listed()}
        going_on = {each for each, (verdict, _) in expected.items() if verdict in (GOES_ON, DECIDE)}
        assert {customer.application_no for customer in going_on} <= waiting
        assert newcomer.application_no not in waiting
        # Nothing is silent: what the restore has said, the reconciliation names.
        async with temporal.opened(stack.settings) as client:
            named = (await reconcile(client, settings.temporal_task_queue)).findings
        assert {each.procedure for each in named if each.kind is FindingKind.RESTORED} == set(said)


async def rest(settings: Settings, wanted: Mapping[Customer, Where | None]) -> None:
    """Wait until each is where it is wanted; None: it is nowhere."""
    there: dict[str, Where] = {}
    places: dict[str, Where] = {}
    try:
        async with asyncio.timeout(PATIENCE * 3):
            while True:
                rows = await statuses(settings)
                there = {each: (Stage(row.stage), _outcome(row.outcome)) for each, row in rows.items() if row.part}
                places = {each.workflow_id: where for each, where in wanted.items() if where and each.application_no}
                if all(there.get(each) == where for each, where in places.items()):
                    break
                await asyncio.sleep(0.3)
    except TimeoutError:
        raise AssertionError(
            {each: (there.get(each), where) for each, where in places.items() if there.get(each) != where}
        ) from None
    gone = {each.workflow_id for each, where in wanted.items() if where is None and each.application_no}
    assert not gone & there.keys()


def _outcome(value: str | None) -> Outcome | None:
    return Outcome(value) if value else None
