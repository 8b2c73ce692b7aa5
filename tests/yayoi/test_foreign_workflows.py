"""Temporal may have another workflow of an application's number: it is never taken for the application's own."""

from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select, update

from models.backoffice.reconciliation import FindingKind, Reconcile
from models.common.calendar import utc_now
from models.tables import ApplicationRow
from models.yayoi.identifiers import ApplicationNo, application_workflow_id
from models.yayoi.messages import ApplicationCase
from models.yayoi.store.intake import Intake
from tests.support.environment import OFFICE_C, Environment, form
from web.yayoi.starter import ApplicationStarter
from workers.wiring.root import build_activities
from workflows.yayoi.multi_office_application import MultiOfficeApplication


async def test_an_application_is_not_bound_to_a_workflow_of_another_submission_and_people_are_notified(
    environment: Environment, caplog: pytest.LogCaptureFixture
) -> None:
    case = await environment.apply(form())
    first = await _row(environment, case.application_no)
    assert first.started_at is not None
    queue = environment.settings.temporal_task_queue
    starter = ApplicationStarter(environment.sessions, environment.client, task_queue=queue)

    # Started once more, for the same form: it is its own.
    await _unmark(environment, case.application_no)
    await starter.start(case.application_no)
    assert (await _row(environment, case.application_no)).started_at is not None

    # The same number, given to another form after a restore that knew of neither.
    receipt = await Intake(environment.sessions, environment.calendar).receive(form([OFFICE_C]), by_holder=True)
    number = ApplicationNo(receipt.application_no)
    stranger = await environment.client.start_workflow(
        MultiOfficeApplication.run,
        ApplicationCase(case_no=number, offices=(), submission_id=uuid4()),
        id=application_workflow_id(number),
        task_queue=f"nobody-{uuid4()}",
    )
    await starter.start(number)
    assert (await _row(environment, number)).started_at is None
    assert f"{number} is not started: Temporal has another workflow of this number" in caplog.text
    async with environment.sessions.begin() as session:
        long_ago = utc_now() - timedelta(hours=2)
        await session.execute(update(ApplicationRow).filter_by(application_no=number).values(applied_at=long_ago))
    activities = build_activities(environment.settings, environment.sessions, environment.client)
    [find] = [each for each in activities if each.__name__ == "find_differences"]
    found = (await find(Reconcile(at=utc_now()))).findings
    assert [each.kind for each in found if each.application_no == number] == [FindingKind.FOREIGN]
    await stranger.terminate()


async def _row(environment: Environment, number: str) -> ApplicationRow:
    [row] = await environment.rows(select(ApplicationRow).filter_by(application_no=number))
    assert isinstance(row, ApplicationRow)
    return row


async def _unmark(environment: Environment, number: str) -> None:
    async with environment.sessions.begin() as session:
        await session.execute(update(ApplicationRow).filter_by(application_no=number).values(started_at=None))
