"""Every activity takes effect once: called again, called by ten at once, and called again after a crash."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from temporalio.testing import WorkflowEnvironment

from tests.support import activity_trials
from tests.support.activity_environment import ActivityEnvironment, CrashError, CrashingSessions, activity_environment
from tests.support.activity_trials import AT, NO, Trial
from tests.support.environment import OFFICE_C, form
from tests.support.matrices import mostly_long
from tests.support.myics_activity_trials import MYICS_TRIALS
from tests.support.smtp_inbox import SmtpInbox

TRIALS = [*activity_trials.TRIALS, *MYICS_TRIALS]
_NAMES = [trial.activity for trial in TRIALS]
each_activity = pytest.mark.parametrize("trial", mostly_long(TRIALS, each_time=TRIALS[::3]), ids=_NAMES)
each_activity_at_once = pytest.mark.parametrize("trial", mostly_long(TRIALS, each_time=TRIALS[1::5]), ids=_NAMES)
commits = [(trial, commit) for trial in TRIALS for commit in range(1, trial.commits + 1)]
IN_SHORT = {"issue_contract_id", "send_mail"}
"""Activities whose crashes are tried each time; the whole matrix takes long."""
each_commit = pytest.mark.parametrize(
    ("trial", "commit"),
    [
        pytest.param(
            trial,
            commit,
            id=f"{trial.activity}-{commit}",
            marks=[] if trial.activity in IN_SHORT else [pytest.mark.long],
        )
        for trial, commit in commits
    ],
)


@pytest_asyncio.fixture
async def environment(
    registry_url: str, smtp_inbox: SmtpInbox, temporal: WorkflowEnvironment
) -> AsyncIterator[ActivityEnvironment]:
    async with activity_environment(registry_url, smtp_inbox, temporal.client) as environment:
        assert await environment.apply(form([OFFICE_C]), AT) == NO
        yield environment


async def prepared(environment: ActivityEnvironment, trial: Trial) -> tuple[Counter[str], list[str]]:
    """Do what comes before; what is there then."""
    async with environment.sessions.begin() as session:
        for statement in trial.given:
            await session.execute(statement)
    for name, message in trial.before:
        await environment.activities()[name](message)
    return await environment.row_counts(), await environment.actions()


async def has_taken_effect_once(
    environment: ActivityEnvironment, trial: Trial, before: tuple[Counter[str], list[str]]
) -> None:
    counts, actions = before
    assert await environment.row_counts() - counts == Counter(trial.added)
    assert (await environment.actions())[len(actions) :] == list(trial.actions)
    assert await environment.rows(trial.look) == trial.found


async def test_no_activity_is_skipped(environment: ActivityEnvironment) -> None:
    """Whoever adds an activity adds a trial of it."""
    assert sorted(environment.activities()) == sorted(trial.activity for trial in TRIALS)


@each_activity
async def test_run_twice_it_takes_effect_once(environment: ActivityEnvironment, trial: Trial) -> None:
    before = await prepared(environment, trial)
    untouched = await environment.everything()
    counting = CrashingSessions(environment.engine)
    first = await environment.activities(counting)[trial.activity](trial.message)
    await has_taken_effect_once(environment, trial, before)
    after_the_first = await environment.everything()
    # Each of its transactions is crashed below, without exception.
    assert counting.begun == trial.commits
    assert (after_the_first == untouched) == trial.reads_only
    again = await environment.activities()[trial.activity](trial.message)  # by another worker
    assert again == first
    assert await environment.everything() == after_the_first


@each_activity_at_once
@pytest.mark.parametrize("times", [2, pytest.param(10, marks=pytest.mark.long)])
async def test_several_at_once_take_effect_once(environment: ActivityEnvironment, trial: Trial, times: int) -> None:
    before = await prepared(environment, trial)
    run = environment.activities()[trial.activity]
    first, *others = await asyncio.gather(*(run(trial.message) for _ in range(times)))
    assert others == [first] * (times - 1)
    await has_taken_effect_once(environment, trial, before)


@each_commit
async def test_crashed_after_the_commit_and_run_again_it_takes_effect_once(
    environment: ActivityEnvironment, trial: Trial, commit: int
) -> None:
    before = await prepared(environment, trial)
    await crash(environment, trial, commit=commit, committed=True)
    left_behind = await environment.everything()
    answer = await environment.activities()[trial.activity](trial.message)
    await has_taken_effect_once(environment, trial, before)
    if commit == trial.commits:
        assert await environment.everything() == left_behind  # it had taken effect already
    assert await environment.activities()[trial.activity](trial.message) == answer


@each_commit
async def test_crashed_before_the_commit_it_leaves_nothing_behind(
    environment: ActivityEnvironment, trial: Trial, commit: int
) -> None:
    before = await prepared(environment, trial)
    untouched = await environment.everything()
    await crash(environment, trial, commit=commit, committed=False)
    if commit == 1:
        assert await environment.everything() == untouched
    await environment.activities()[trial.activity](trial.message)
    await has_taken_effect_once(environment, trial, before)


async def crash(environment: ActivityEnvironment, trial: Trial, *, commit: int, committed: bool) -> None:
    doomed = CrashingSessions(environment.engine, commit=commit, committed=committed)
    with pytest.raises(CrashError):
        await environment.activities(doomed)[trial.activity](trial.message)
