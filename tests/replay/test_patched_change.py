"""A change to a running procedure, made as CONTRIBUTING.md says: one step more, behind a patch."""

import pytest
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.client import WorkflowHistory
from temporalio.testing import WorkflowEnvironment
from temporalio.workflow import NondeterminismError

from tests.replay.changed_procedures import LOOK_BEFORE_LINKS, WithOneStepMore, WithOneStepMorePatched
from tests.support.command_sequence import steps
from tests.support.environment import environment_with_worker
from tests.support.matrices import mostly_long
from tests.support.recorded_histories import HISTORIES
from tests.support.recorded_paths import completed_at_once
from tests.support.sandbox import replay
from tests.support.smtp_inbox import SmtpInbox
from workflows.yayoi.multi_office_application import MultiOfficeApplication

OF_OFFICES = {
    name: WorkflowHistory.from_json(name, text) for name, text in HISTORIES.items() if name.endswith(".office")
}
THAT_REMEMBERED = [name for name, history in OF_OFFICES.items() if "activity remember_links" in steps(history)]


@pytest.mark.parametrize("name", mostly_long(sorted(OF_OFFICES), each_time=sorted(OF_OFFICES)[::8]))
async def test_with_the_patch_every_case_that_began_before_goes_on(name: str) -> None:
    await replay(OF_OFFICES[name], WithOneStepMorePatched)


@pytest.mark.parametrize("name", mostly_long(sorted(THAT_REMEMBERED), each_time=sorted(THAT_REMEMBERED)[::8]))
async def test_without_the_patch_cases_that_began_before_break(name: str) -> None:
    # The result of another step cannot be read, or the commands differ: either way it is seen before anything moves.
    with pytest.raises((NondeterminismError, RuntimeError)):
        await replay(OF_OFFICES[name], WithOneStepMore)


async def test_a_new_case_takes_the_new_way_and_carries_the_marker(
    sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment, smtp_inbox: SmtpInbox
) -> None:
    workflows = (MultiOfficeApplication, WithOneStepMorePatched)
    async with environment_with_worker(sessions, temporal, smtp_inbox, workflows=workflows) as environment:
        case = await completed_at_once(environment)
        await case.application.result()
        new = await case.office().fetch_history()
    recorded = steps(new)
    links = recorded.index("activity remember_links")
    assert recorded[links - 2 : links] == [f"patch {LOOK_BEFORE_LINKS}", "activity sharing_state"]
    await replay(new, WithOneStepMorePatched)
