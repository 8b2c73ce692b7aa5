"""Every activity takes effect once: called again, called by ten at once, and called again after a crash."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from temporalio.testing import WorkflowEnvironment

from tests.myics.myics_trials import MYICS_TRIALS
from tests.support import activity_trials
from tests.support.activity_trials import NO, Trial
from tests.support.activity_world import ActivityWorld, CrashError, CrashingSessions, activity_world
from tests.support.smtp_inbox import SmtpInbox
from tests.support.world import OFFICE_C, form

TRIALS = [*activity_trials.TRIALS, *MYICS_TRIALS]
each_activity = pytest.mark.parametrize("trial", TRIALS, ids=[trial.activity for trial in TRIALS])
commits = [(trial, commit) for trial in TRIALS for commit in range(1, trial.commits + 1)]
each_commit = pytest.mark.parametrize(
    ("trial", "commit"), commits, ids=[f"{trial.activity}-{commit}" for trial, commit in commits]
)


@pytest_asyncio.fixture
async def world(
    registry_url: str, smtp_inbox: SmtpInbox, temporal: WorkflowEnvironment
) -> AsyncIterator[ActivityWorld]:
    async with activity_world(registry_url, smtp_inbox, temporal.client) as world:
        assert await world.apply(form([OFFICE_C])) == NO
        yield world


async def prepared(world: ActivityWorld, trial: Trial) -> tuple[Counter[str], list[str]]:
    """Do what comes before; what is there then."""
    async with world.sessions.begin() as session:
        for statement in trial.given:
            await session.execute(statement)
    for name, message in trial.before:
        await world.activities()[name](message)
    return await world.row_counts(), await world.actions()


async def has_taken_effect_once(world: ActivityWorld, trial: Trial, before: tuple[Counter[str], list[str]]) -> None:
    counts, actions = before
    assert await world.row_counts() - counts == Counter(trial.added)
    assert (await world.actions())[len(actions) :] == list(trial.actions)
    assert await world.rows(trial.look) == trial.found


async def test_no_activity_is_left_out(world: ActivityWorld) -> None:
    """Whoever adds an activity adds a trial of it."""
    assert sorted(world.activities()) == sorted(trial.activity for trial in TRIALS)


@each_activity
async def test_run_twice_it_takes_effect_once(world: ActivityWorld, trial: Trial) -> None:
    before = await prepared(world, trial)
    untouched = await world.everything()
    counting = CrashingSessions(world.engine)
    first = await world.activities(counting)[trial.activity](trial.message)
    await has_taken_effect_once(world, trial, before)
    after_the_first = await world.everything()
    # Each of its transactions is crashed below, none is left out.
    assert counting.begun == trial.commits
    assert (after_the_first == untouched) == trial.reads_only
    again = await world.activities()[trial.activity](trial.message)  # by another worker
    assert again == first
    assert await world.everything() == after_the_first


@each_activity
@pytest.mark.parametrize("times", [2, 10])
async def test_several_at_once_take_effect_once(world: ActivityWorld, trial: Trial, times: int) -> None:
    before = await prepared(world, trial)
    run = world.activities()[trial.activity]
    first, *others = await asyncio.gather(*(run(trial.message) for _ in range(times)))
    assert others == [first] * (times - 1)
    await has_taken_effect_once(world, trial, before)


@each_commit
async def test_crashed_after_the_commit_and_run_again_it_takes_effect_once(
    world: ActivityWorld, trial: Trial, commit: int
) -> None:
    before = await prepared(world, trial)
    await crash(world, trial, commit=commit, committed=True)
    left_behind = await world.everything()
    answer = await world.activities()[trial.activity](trial.message)
    await has_taken_effect_once(world, trial, before)
    if commit == trial.commits:
        assert await world.everything() == left_behind  # it had taken effect already
    assert await world.activities()[trial.activity](trial.message) == answer


@each_commit
async def test_crashed_before_the_commit_it_leaves_nothing_behind(
    world: ActivityWorld, trial: Trial, commit: int
) -> None:
    before = await prepared(world, trial)
    untouched = await world.everything()
    await crash(world, trial, commit=commit, committed=False)
    if commit == 1:
        assert await world.everything() == untouched
    await world.activities()[trial.activity](trial.message)
    await has_taken_effect_once(world, trial, before)


async def crash(world: ActivityWorld, trial: Trial, *, commit: int, committed: bool) -> None:
    doomed = CrashingSessions(world.engine, commit=commit, committed=committed)
    with pytest.raises(CrashError):
        await world.activities(doomed)[trial.activity](trial.message)
