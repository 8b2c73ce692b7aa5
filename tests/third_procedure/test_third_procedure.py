"""docs/adding-a-procedure.md, followed: a third procedure on the same parts, in four short files."""

import re
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from activities.common.calendar import CalendarActivities
from activities.common.case_status import CaseStatusActivities
from models.common.calendar import BusinessCalendar, day_in_japan, end_of
from models.common.case_status import CaseStatus
from models.common.signatures import SignatureRefusal, Verifier
from models.common.store.case_status import begin_status, status_of
from models.common.store.ledger import Ledger
from models.tables import AuditRow
from tests.support.environment import details_of
from tests.support.sandbox import RESTRICTED
from tests.support.signing import PUBLIC, acting_as
from tests.third_procedure.activities import ManualActivities
from tests.third_procedure.messages import ManualCase, ManualOutcome, ManualStage
from tests.third_procedure.operations import PERMISSIONS
from tests.third_procedure.workflow import ManualRequest
from workers.signed_updates import SignedUpdates
from workflows.common.operator_turn import CANCELLATION_ASKED

ROOT = Path(__file__).parents[2]
EXPIRES_ON = day_in_japan(datetime.now(UTC)) + timedelta(days=14)
SAID = {"reason": "宅配便"}
Manual = WorkflowHandle[ManualRequest, ManualOutcome]


@pytest_asyncio.fixture
async def manual(sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment) -> AsyncIterator[Manual]:
    queue = f"test-{uuid4()}"
    activities: list[Callable[..., Any]] = [
        ManualActivities(Ledger(sessions)).close_manual,
        CalendarActivities(BusinessCalendar()).business_days,
        CaseStatusActivities(Ledger(sessions)).write_status,
        CaseStatusActivities(Ledger(sessions)).record_action,
    ]
    case = ManualCase(case_no="PM-000001", requested_at=datetime.now(UTC), expires_on=EXPIRES_ON)
    async with sessions.begin() as session:
        first = CaseStatus.first(ManualStage.REQUESTED, case.requested_at)
        begin_status(session, queue, case.case_no, None, first, procedure="ManualRequest")
    async with Worker(
        temporal.client,
        task_queue=queue,
        workflows=[ManualRequest],
        activities=activities,
        workflow_runner=RESTRICTED,
        interceptors=[SignedUpdates(lambda: Verifier(PUBLIC), PERMISSIONS)],
    ):
        yield await temporal.client.start_workflow(ManualRequest.run, case, id=queue, task_queue=queue)


def test_the_document_holds_the_code_that_runs() -> None:
    document = (ROOT / "docs/adding-a-procedure.md").read_text(encoding="utf-8")
    blocks = dict(re.findall(r"```python\n# (tests/\S+)\n(.*?)```\n", document, re.DOTALL))
    files = [path for path in (ROOT / "tests/third_procedure").glob("[a-z]*.py") if path != Path(__file__)]
    assert blocks == {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in files}


async def test_an_operator_ends_it_and_what_happened_is_in_the_audit_trail(
    manual: Manual, sessions: async_sessionmaker[AsyncSession]
) -> None:
    await manual.execute_update("sent", SAID)
    assert await manual.result() is ManualOutcome.SENT
    async with sessions() as session:
        assert list(await session.scalars(select(AuditRow.action))) == [
            "発送を記録する",
            "説明書の依頼を終了した（発送済み）",
        ]
        status = await status_of(session, "PM-000001")
        assert status is not None
        assert (status.stage, status.outcome) == (ManualStage.CLOSED, ManualOutcome.SENT)


async def test_a_misread_json_is_refused_in_japanese(manual: Manual) -> None:
    with pytest.raises(WorkflowUpdateFailedError) as failed:
        await manual.execute_update("sent", {"by": "佐藤"})
    assert "JSON を読み取れません（reason：入力してください。、by：この項目は受け付けていません。" in str(
        failed.value.cause
    )


async def test_what_nobody_has_signed_is_refused(manual: Manual) -> None:
    with acting_as(None), pytest.raises(WorkflowUpdateFailedError) as failed:
        await manual.execute_update("sent", SAID)
    assert SignatureRefusal.UNSIGNED.reason in str(failed.value.cause)


async def test_request_cancellation_is_noted_and_an_operator_decides(manual: Manual) -> None:
    await manual.cancel()
    while CANCELLATION_ASKED not in await details_of(manual):
        pass
    await manual.execute_update("withdraw", SAID)
    assert await manual.result() is ManualOutcome.WITHDRAWN


async def test_what_nobody_sends_expires(manual: Manual, temporal: WorkflowEnvironment) -> None:
    distance = end_of(EXPIRES_ON) - await temporal.get_current_time(manual)
    await temporal.fast_forward(manual, distance + timedelta(minutes=1))
    assert await manual.result() is ManualOutcome.EXPIRED
