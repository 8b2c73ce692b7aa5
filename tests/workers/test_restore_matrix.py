"""Restored stores of different age, with a case at each stage and each end: every cell says what becomes of it.

One stack, copied three times. Temporal is always the second copy; Postgres is the first (older), the second (equal) or
the third (newer).
"""

import asyncio
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import select

from models.backoffice.reconciliation import FindingKind
from models.backoffice.restored_cases import Verdict
from models.common.calendar import utc_now
from models.common.store.held_cases import HeldCases
from models.tables import IssuedContractRow
from tests.support import check_stories, firm_stories, office_stories
from tests.support.check_stories import CHECK_STORIES, Check
from tests.support.firm_stories import FIRM_STORIES
from tests.support.office_stories import OFFICE_STORIES, SHARED
from tests.support.restore_stories import Place, Relation, Story
from tests.support.running import PATIENCE
from tests.support.running_stack import quiet
from tests.support.stack_cases import Outside
from tests.support.stack_customers import Customer, applied, load_many, statuses
from tests.support.stack_firms import Firm
from workers import database, temporal
from workers.backup.copies import back_up
from workers.backup.manifest import BackupError
from workers.backup.restoring import Copies, restore
from workers.commands.reconcile import _run as reconcile
from workers.settings import Settings
from workers.stack.stack_settings import alone
from workers.stack.supervisor import Stack

pytestmark = [pytest.mark.stack, pytest.mark.long]

Somebody = Customer | Firm | Check
AT_ONCE = 6
KEPT_APART = ("keys", "master_keys", "secret_key", "journal")


def test_every_stage_and_every_end_has_a_cell_in_each_relation() -> None:
    tables: tuple[tuple[Mapping[str, Story[Any]], set[Place]], ...] = (
        (OFFICE_STORIES, office_stories.PLACES),
        (FIRM_STORIES, firm_stories.PLACES),
        (CHECK_STORIES, check_stories.PLACES),
    )
    for stories, places in tables:
        tried = {cell for story in stories.values() for cell in story.tried()}
        assert tried == set(product(Relation, places))
        assert {relation for story in stories.values() for relation in story.expected} == set(Relation)


@dataclass(frozen=True)
class ThreeCopies:
    """Of one stack, with what has to be kept apart from them; and where everybody was."""

    folder: Path
    customers: Mapping[str, Customer]
    firms: Mapping[str, Firm]
    checks: Mapping[str, Check]
    numbers: frozenset[str]
    """Of every application that there was."""
    issued: tuple[frozenset[str], ...]
    """The contract IDs that had been issued when each copy was made."""

    @property
    def everybody(self) -> list[tuple[Somebody, Story[Any]]]:
        """Return each subject with its story."""
        return [
            *((self.customers[name], story) for name, story in OFFICE_STORIES.items()),
            *((self.firms[name], story) for name, story in FIRM_STORIES.items()),
            *((self.checks[name], story) for name, story in CHECK_STORIES.items()),
        ]

    @property
    def names(self) -> dict[str, str]:
        """Return of which story each workflow is."""
        offices = {self.customers[name].workflow_id: f"office: {name}" for name in OFFICE_STORIES}
        firms = {self.firms[name].workflow_id: f"firm: {name}" for name in FIRM_STORIES}
        return offices | firms | {self.checks[name].workflow_id: f"check: {name}" for name in CHECK_STORIES}

    def of(self, relation: Relation) -> Copies:
        return Copies(postgres=self.folder / f"copy-{relation.copy}", temporal=self.folder / "copy-1")

    def elsewhere(self, state_dir: Path) -> Settings:
        """Return a stack on another machine, to which only keys and journal were brought."""
        for each in KEPT_APART:
            kept = self.folder / "kept" / each
            (shutil.copytree if kept.is_dir() else shutil.copy)(kept, state_dir / each)
        return alone(state_dir, log_level="WARNING", time_skipping=True)


@pytest_asyncio.fixture(scope="module")
async def three_copies(tmp_path_factory: pytest.TempPathFactory) -> ThreeCopies:
    folder, issued = tmp_path_factory.mktemp("copies"), []
    with tempfile.TemporaryDirectory(prefix="tetsuzuki-") as state_dir:
        settings = alone(Path(state_dir), log_level="WARNING", time_skipping=True)
        outside = Outside(settings)
        customers = {name: Customer(number, outside) for number, name in enumerate(OFFICE_STORIES)}
        firms = {name: Firm(number) for number, name in enumerate(FIRM_STORIES)}
        checks = {name: Check(number) for number, name in enumerate(CHECK_STORIES)}
        copies = ThreeCopies(folder, customers, firms, checks, frozenset(), ())
        shared = frozenset(number for number, name in enumerate(OFFICE_STORIES) if name in SHARED)
        turns = asyncio.Semaphore(AT_ONCE)
        async with Stack(settings, say=quiet) as stack:
            await load_many(stack.settings, folder, len(OFFICE_STORIES) + 1, shared)

            async def move(subject: Somebody, story: Story[Any], copy: int) -> None:
                async with turns, asyncio.timeout(PATIENCE):
                    await story.moves[copy](subject, stack.settings)

            for copy in range(3):
                await asyncio.gather(*(move(subject, story, copy) for subject, story in copies.everybody))
                await rest(stack.settings, {subject: story.rests[copy] for subject, story in copies.everybody})
                await nothing_is_under_way(stack.settings, [subject.workflow_id for subject, _ in copies.everybody])
                await back_up(settings, folder / f"copy-{copy}")
                issued.append(await issued_by(stack.settings))
            numbers = await applied(stack.settings)
        (folder / "kept").mkdir()
        for each in KEPT_APART:
            kept = Path(state_dir) / each
            (shutil.copytree if kept.is_dir() else shutil.copy)(kept, folder / "kept" / each)
    return ThreeCopies(folder, customers, firms, checks, frozenset(numbers), tuple(issued))


@pytest.mark.parametrize("relation", Relation)
async def test_each_cell_is_as_the_table_says_and_nothing_is_silent(
    three_copies: ThreeCopies, state_dir: Path, relation: Relation
) -> None:
    settings, copies = three_copies.elsewhere(state_dir), three_copies.of(relation)
    expected = {subject: story.expected[relation] for subject, story in three_copies.everybody}
    if relation is Relation.OLDER:
        with pytest.raises(BackupError, match="--accept-loss"):
            await restore(settings, copies, quiet)
    report = await restore(settings, copies, quiet, accept_loss=relation is Relation.OLDER)
    said = {each.workflow_id: each.verdict for each in report.cases}
    names = three_copies.names
    known = {names[subject.workflow_id]: verdict for subject, (verdict, _) in expected.items()}
    found = {names[workflow_id]: said.get(workflow_id) for workflow_id in names}
    assert found == known
    outside = Outside(settings)
    async with Stack(settings, say=quiet) as stack, database.opened(stack.settings) as sessions:
        await rest(stack.settings, {subject: where for subject, (_, where) in expected.items()})
        assert await applied(stack.settings) <= three_copies.numbers
        # Who applies now is somebody new, and nothing of theirs waits.
        newcomer = Customer(len(OFFICE_STORIES), outside)
        await newcomer.apply()
        await rest(stack.settings, {newcomer: office_stories.SET_UP})
        assert newcomer.application_no not in three_copies.numbers
        given = await issued_by(stack.settings) - three_copies.issued[relation.copy]
        assert not given & frozenset().union(*three_copies.issued)
        # The mails of all others wait, until they are released.
        held = HeldCases(sessions)
        waiting = {each.case_no for each in await held.listed()}
        going_on = {subject.case_no for subject, (verdict, _) in expected.items() if verdict in GOING_ON}
        assert going_on <= waiting
        assert newcomer.case_no not in waiting
        assert {mail["To"] for mail in outside.all_notices()} == {newcomer.yayoi_id}
        # Nothing is silent: what the restore has said, the reconciliation names.
        async with temporal.opened(stack.settings) as client:
            named = (await reconcile(client, settings.temporal_task_queue)).findings
        assert {each.procedure for each in named if each.kind is FindingKind.RESTORED} == set(said)
        await held.release(None, by="ab", at=utc_now())
        if relation is Relation.OLDER:  # what it had been told is lost, and it is told anew
            published_anew = three_copies.customers["set up"]
            await outside.notice(published_anew.yayoi_id)
            await rest(stack.settings, {published_anew: office_stories.SET_UP})


async def nothing_is_under_way(settings: Settings, workflow_ids: Sequence[str]) -> None:
    """Wait until none of these has a task or an activity: a mail goes out after the row says where the case is."""
    seen: dict[str, int] = {}
    async with temporal.opened(settings) as client:
        while True:
            lengths: dict[str, int] = {}
            for workflow_id in filter(None, workflow_ids):
                found = (await client.get_workflow_handle(workflow_id).describe()).raw_description
                is_idle = not found.pending_activities and not found.HasField("pending_workflow_task")
                lengths[workflow_id] = found.workflow_execution_info.history_length if is_idle else -1
            if lengths == seen and -1 not in lengths.values():
                return
            seen = lengths
            await asyncio.sleep(1)


GOING_ON = (Verdict.CONTINUED, Verdict.TO_DECIDE)


async def issued_by(settings: Settings) -> frozenset[str]:
    async with database.opened(settings) as sessions, sessions() as session:
        return frozenset(await session.scalars(select(IssuedContractRow.contract_id)))


async def rest(settings: Settings, wanted: Mapping[Somebody, Place | None]) -> None:
    """Wait until each is where it is wanted; None: it is nowhere."""
    places = {subject.workflow_id: where for subject, where in wanted.items() if subject.workflow_id and where}
    there: dict[str, Place] = {}
    try:
        async with asyncio.timeout(PATIENCE * 3):
            while True:
                rows = (await statuses(settings)).items()
                there = {workflow_id: (row.stage, row.outcome) for workflow_id, row in rows}
                if all(there.get(each) == where for each, where in places.items()):
                    break
                await asyncio.sleep(1)
    except TimeoutError:
        raise AssertionError(
            {each: (there.get(each), where) for each, where in places.items() if there.get(each) != where}
        ) from None
    gone = {subject.workflow_id for subject, where in wanted.items() if where is None and subject.workflow_id}
    assert not gone & there.keys()
