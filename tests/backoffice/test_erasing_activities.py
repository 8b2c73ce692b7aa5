"""What the eraser does takes effect once: done again, by ten at once, and after a crash around its commit."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
from sqlalchemy import func, select, update
from temporalio.client import Client
from temporalio.testing import ActivityEnvironment as RunningActivity
from temporalio.testing import WorkflowEnvironment

from activities.backoffice.erasures import ERASED
from models.backoffice.data_map import CASE
from models.backoffice.erasing_persons import ErasedRows, ErasureStep
from models.backoffice.history_summary import SUMMARISED
from models.backoffice.store.persons import find_person
from models.common.calendar import utc_now
from models.common.journal import Erasure
from models.tables import (
    ApplicationOfficeRow,
    ApplicationRow,
    AuditRow,
    CaseKeyRow,
    CaseStatusRow,
    ErasureRequestRow,
)
from models.yayoi.messages import Outcome
from models.yayoi.procedures import Stage
from tests.support.activity_environment import ActivityEnvironment, CrashError, CrashingSessions, activity_environment
from tests.support.activity_trials import AT, NO
from tests.support.environment import OFFICE_C, form
from tests.support.namespaces import new_namespace
from tests.support.smtp_inbox import SmtpInbox
from tests.support.web import until
from workers.journal import JournalFile
from workers.wiring.eraser import build_erasing_activities

HER = OFFICE_C[0]
STEP = ErasureStep(request_id=UUID("01234567-89ab-4cde-8f01-2345678900ee"))
LONG_AGO = utc_now() - 2 * CASE


@dataclass
class Erasing:
    """A case that has ended, whose person is to be erased."""

    environment: ActivityEnvironment
    journal: JournalFile
    client: Client

    async def do(self, name: str, message: Any, sessions: CrashingSessions | None = None) -> Any:
        settings = self.environment.settings.model_copy(update={"journal_file": self.journal._path})
        built = build_erasing_activities(settings, sessions or self.environment.sessions, self.client)
        [activity] = [each for each in built if each.__name__ == name]
        return await RunningActivity().run(activity, *([] if message is None else [message]))

    async def value(self, statement: Any) -> Any:
        async with self.environment.sessions() as session:
            return await session.scalar(statement)

    async def set(self, *statements: Any) -> None:
        async with self.environment.sessions.begin() as session:
            for statement in statements:
                await session.execute(statement)


@pytest_asyncio.fixture
async def erasing(
    registry_url: str, smtp_inbox: SmtpInbox, temporal: WorkflowEnvironment, tmp_path: Path
) -> AsyncIterator[Erasing]:
    async with activity_environment(registry_url, smtp_inbox, temporal.client) as environment:
        assert await environment.apply(form([OFFICE_C]), AT) == NO
        ended = {"outcome": Outcome.CANCELLED, "stage": Stage.CLOSED, "changed_at": LONG_AGO}
        closed = {"outcome": Outcome.CANCELLED, "closed_at": AT, "holds_token": False, "holds_id": False}
        erasing = Erasing(environment, JournalFile(tmp_path / "journal.jsonl"), temporal.client)
        await erasing.set(
            update(CaseStatusRow).values(**ended),
            update(ApplicationOfficeRow).values(**closed),
            update(ApplicationRow).values(closed_at=AT),
            update(CaseKeyRow).values(made_at=LONG_AGO),
        )
        yield erasing


async def asked_for(erasing: Erasing, *, approved: bool) -> None:
    facts = {"answered_by": "ab", "approved_at": AT} if approved else {}
    async with erasing.environment.sessions.begin() as session:
        session.add(ErasureRequestRow(request_id=STEP.request_id, whom=[HER], asked_by="tn", asked_at=AT, **facts))


async def is_looked_for(erasing: Erasing) -> bool:
    found = await erasing.value(select(ErasureRequestRow.found))
    return bool(found) and found["cases"] == [NO]


async def is_erased(erasing: Erasing) -> bool:
    async with erasing.environment.sessions() as session:
        hits = (await find_person(session, [HER])).hits
    return (
        not hits
        and len(await erasing.journal.entries()) == 1
        and await erasing.value(select(func.count()).select_from(AuditRow).filter_by(action=ERASED)) == 1
        and await erasing.value(select(CaseKeyRow.wrapped).filter_by(owner=f"application/{NO}")) is None
    )


async def is_ended(erasing: Erasing) -> bool:
    return bool(await erasing.value(select(ApplicationRow.family_name)) == "")


async def is_forgotten(erasing: Erasing) -> bool:
    return await erasing.value(select(CaseKeyRow.erased_at).filter_by(owner=f"application/{NO}")) is not None


async def is_summarised(erasing: Erasing) -> bool:
    return bool(await erasing.value(select(func.count()).select_from(AuditRow).filter_by(action=SUMMARISED)) == 2)


@dataclass(frozen=True)
class Trial:
    """One activity. `took_effect`: whether it has, once."""

    activity: str
    message: ErasureStep | None
    took_effect: Callable[[Erasing], Awaitable[bool]]
    approved: bool = True


TRIALS = (
    Trial("look_for_person", STEP, is_looked_for, approved=False),
    Trial("erase_person", STEP, is_erased),
    Trial("summarise_histories", None, is_summarised),
    Trial("end_what_was_kept_long_enough", None, is_ended),
    Trial("forget_unused_keys", None, is_forgotten),
)
each = pytest.mark.parametrize("trial", TRIALS, ids=[trial.activity for trial in TRIALS])


@each
async def test_it_takes_effect_once_however_often_and_by_how_many_at_once(erasing: Erasing, trial: Trial) -> None:
    await asked_for(erasing, approved=trial.approved)
    assert not await trial.took_effect(erasing)
    await asyncio.gather(*(erasing.do(trial.activity, trial.message) for _ in range(5)))
    assert await trial.took_effect(erasing)
    before = await erasing.environment.everything()
    await erasing.do(trial.activity, trial.message)
    assert await trial.took_effect(erasing)
    if trial.activity != "look_for_person":  # it looks anew, and writes what it finds
        assert await erasing.environment.everything() == before


@pytest.mark.parametrize("committed", [False, True], ids=["before the commit", "after it"])
@pytest.mark.parametrize(
    "trial",
    [
        pytest.param(trial, id=trial.activity, marks=[] if trial.activity == "erase_person" else [pytest.mark.long])
        for trial in TRIALS
    ],
)
async def test_after_a_crash_it_is_done_once(erasing: Erasing, trial: Trial, *, committed: bool) -> None:
    await asked_for(erasing, approved=trial.approved)
    before = await erasing.environment.everything()
    last = 0
    for commit in range(1, 100):
        crashing = CrashingSessions(erasing.environment.engine, commit=commit, committed=committed)
        try:
            await erasing.do(trial.activity, trial.message, crashing)
        except CrashError:
            last = commit
            if not committed and commit == 1:
                assert await erasing.environment.everything() == before
            continue
        break
    assert last >= 1
    assert await trial.took_effect(erasing)


async def test_a_crash_behind_the_journal_leaves_its_line_and_the_rows_follow(erasing: Erasing) -> None:
    """The journal comes first: what it says and the rows do not yet know is done by the next try, under its line."""
    await asked_for(erasing, approved=True)
    with pytest.raises(CrashError):
        await erasing.do("erase_person", STEP, CrashingSessions(erasing.environment.engine, commit=1))
    [line] = await erasing.journal.entries()
    assert isinstance(line.said, Erasure)
    assert line.said.names(HER)
    assert await erasing.value(select(ApplicationOfficeRow.yayoi_id)) == HER
    await erasing.do("erase_person", STEP)
    assert await erasing.journal.entries() == [line]
    assert await is_erased(erasing)


async def test_executions_are_deleted_once_and_what_is_gone_is_gone(
    erasing: Erasing, temporal: WorkflowEnvironment
) -> None:
    erasing.client = await new_namespace(temporal)
    whole = f"erased/{uuid4()}"
    other = f"{whole}0"
    ids = (whole, f"{whole}/office/1", other)
    for workflow_id in ids:
        await erasing.client.start_workflow("Unattended", id=workflow_id, task_queue="nobody")

    async def listed() -> bool:
        return len([each async for each in erasing.client.list_workflows()]) == len(ids)

    await until(listed)
    await asyncio.gather(*(erasing.do("delete_executions", ErasedRows(workflows=(whole,))) for _ in range(3)))

    async def only_the_other_is_left() -> bool:
        return [each.id async for each in erasing.client.list_workflows()] == [other]

    await until(only_the_other_is_left)
    await erasing.do("delete_executions", ErasedRows(workflows=(whole,)))
    await erasing.client.get_workflow_handle(other).terminate()


async def test_no_activity_is_skipped(erasing: Erasing) -> None:
    built = build_erasing_activities(erasing.environment.settings, erasing.environment.sessions, erasing.client)
    tried = [*(trial.activity for trial in TRIALS), "delete_executions"]
    assert sorted(each.__name__ for each in built) == sorted(tried)
