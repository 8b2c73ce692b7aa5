"""No procedure changes silently: every path is walked as today's code walks it and compared with its history."""

import pytest
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.client import WorkflowHistory
from temporalio.testing import WorkflowEnvironment

from tests.replay.changed_procedures import WithOneStepLess, WithOneStepMore, WithOneStepMorePatched
from tests.support.command_sequence import BROUGHT_BY_THE_CALENDAR, WHAT_TO_DO, patches, silent_change, steps
from tests.support.environment import environment_with_worker
from tests.support.matrices import mostly_long
from tests.support.recorded_histories import HISTORY_FILES
from tests.support.recorded_paths import ENDED, IN_THE_MIDDLE, Path, cancelled_before_the_notice, parts
from tests.support.settling import settled
from tests.support.smtp_inbox import SmtpInbox
from workflows.yayoi.multi_office_application import MultiOfficeApplication

PATHS = [*ENDED, *IN_THE_MIDDLE]
PARTS = ("application", "office")


def committed(path: Path, part: str) -> WorkflowHistory:
    name = f"{path.__name__}.{part}"
    return WorkflowHistory.from_json(name, (HISTORY_FILES / f"{name}.json").read_text(encoding="utf-8"))


@pytest.mark.paths
@pytest.mark.parametrize("path", mostly_long(PATHS, each_time=ENDED[:1]), ids=lambda path: path.__name__)
async def test_a_path_asks_for_what_it_asked_for_before(
    path: Path, sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment, smtp_inbox: SmtpInbox
) -> None:
    async with environment_with_worker(sessions, temporal, smtp_inbox) as environment:
        case = await path(environment)
        if path in ENDED:
            await case.application.result()
        walked = {}
        for part, procedure in (await parts(case)).items():
            await settled(temporal, procedure)
            walked[part] = await procedure.fetch_history()
    for part, history in walked.items():
        if changed := silent_change(history, committed(path, part)):
            pytest.fail(changed)


@pytest.mark.parametrize(
    ("procedure", "difference"),
    [
        (WithOneStepMore, "+activity sharing_state"),
        (WithOneStepLess, "-activity remember_links"),
        (WithOneStepMorePatched, None),
    ],
)
async def test_a_procedure_with_another_step_is_noticed_unless_it_is_patched(
    procedure: type,
    difference: str | None,
    *,
    sessions: async_sessionmaker[AsyncSession],
    temporal: WorkflowEnvironment,
    smtp_inbox: SmtpInbox,
) -> None:
    workflows = (MultiOfficeApplication, procedure)
    async with environment_with_worker(sessions, temporal, smtp_inbox, workflows=workflows) as environment:
        case = await cancelled_before_the_notice(environment)
        await case.application.result()
        walked = await case.office().fetch_history()
    changed = silent_change(walked, committed(cancelled_before_the_notice, "office"))
    if difference is None:
        assert changed is None
    else:
        assert changed is not None
        assert difference in changed.splitlines()
        assert WHAT_TO_DO in changed


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.__name__)
def test_every_step_that_is_gone_is_noticed_in_every_path(path: Path, part: str) -> None:
    whole = committed(path, part)
    recorded = set(steps(whole)) - BROUGHT_BY_THE_CALENDAR
    assert recorded
    for gone in recorded - patches(list(recorded)):
        without = [event for event in whole.events if steps(WorkflowHistory("one", [event])) != [gone]]
        assert f"-{gone}" in (silent_change(WorkflowHistory("without", without), whole) or "").splitlines()
        assert f"+{gone}" in (silent_change(whole, WorkflowHistory("without", without)) or "").splitlines()


def test_where_no_day_passes_even_a_repetition_is_noticed() -> None:
    whole = committed(cancelled_before_the_notice, "office")
    [once] = [event for event in whole.events if steps(WorkflowHistory("one", [event])) == ["activity remember_links"]]
    assert silent_change(WorkflowHistory("twice", [*whole.events, once]), whole)
