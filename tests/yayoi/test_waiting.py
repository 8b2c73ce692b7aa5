"""Waiting for the applicant: holds, deadlines that are moved, and what happens without a word (Y13, Y14, Y27)."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select, update
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType, ResetReapplyExcludeType
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import WorkflowUpdateFailedError

from models.common.calendar import day_in_japan, end_of
from models.common.operator_message import ActionMessage
from models.tables import ApplicationOfficeRow, ServiceLinkRow, SharingRow
from models.yayoi.identifiers import OfficeToken, YayoiId
from models.yayoi.mails import MailKind
from models.yayoi.operator_actions import Action, CorrectPair, ExtendDeadline, ResendMail, SharingReleased
from models.yayoi.procedures import Stage
from models.yayoi.service_links import LinkKind
from tests.support.environment import NOBODY, OFFICE_B, OFFICE_C, Case, Environment, at_rest, form

OPEN_SHARING = select(SharingRow.firm).where(SharingRow.office_token == OFFICE_C[1], SharingRow.ended_at.is_(None))
RELEASED = SharingReleased(reason="お電話")


async def waiting_for_sharing(environment: Environment) -> Case:
    case = await environment.apply(form([OFFICE_C]))
    await at_rest(case, Stage.SHARING)
    return case


@pytest.mark.long
async def test_y27_a_deadline_that_is_extended_during_a_hold_is_the_one_that_counts(environment: Environment) -> None:
    case = await waiting_for_sharing(environment)
    await case.act(ActionMessage(reason="お客様と相談中"), action=Action.HOLD)
    expires = environment.calendar.business_days_after(case.due_date, 5)
    await case.until(end_of(expires) + timedelta(days=2))
    longer = expires + timedelta(days=14)
    await case.act(ExtendDeadline(reason="お客様のご都合", until=longer))
    await case.act(ActionMessage(reason="相談が終わったため"), action=Action.RESUME)
    await case.until(await case.now() + timedelta(hours=1))
    progress = await case.progress()
    assert (progress.stage, progress.outcome, progress.waits_until) == (Stage.SHARING, None, longer)
    # The days of all three reminders have passed: one says everything.
    assert len(await case.notices(MailKind.RELEASE_SHARING_REMINDER)) == 1


async def test_y13_a_release_that_nobody_reports_is_found_the_next_morning(environment: Environment) -> None:
    case = await waiting_for_sharing(environment)
    async with environment.sessions.begin() as session:
        await session.execute(update(SharingRow).values(ended_at=await case.now()))
    await case.until_day(day_in_japan(await case.now()) + timedelta(days=2))
    await at_rest(case, Stage.SET_UP)
    assert await case.notices(MailKind.RELEASE_SHARING_REMINDER) == []


async def test_y13_each_report_of_a_release_counts(environment: Environment) -> None:
    case = await environment.apply(form([(NOBODY, OFFICE_C[1])]))
    await at_rest(case, Stage.CORRECTION)
    await case.act(RELEASED)
    assert await environment.rows(OPEN_SHARING) == []
    async with environment.sessions.begin() as session:
        session.add(SharingRow(office_token=OFFICE_C[1], firm="みなと会計事務所"))
    await case.act(CorrectPair(reason="お電話", yayoi_id=OFFICE_C[0]))
    await at_rest(case, Stage.SHARING)
    await case.act(RELEASED)
    await at_rest(case, Stage.SET_UP)
    assert await environment.rows(OPEN_SHARING) == []


@pytest.mark.long
async def test_y13_nothing_is_released_while_the_token_may_be_another_offices(environment: Environment) -> None:
    [others] = await environment.rows(
        select(SharingRow.office_token).where(SharingRow.office_token != OFFICE_C[1]).limit(1)
    )
    case = await environment.apply(form([(OFFICE_C[0], OfficeToken(others))]))
    await at_rest(case, Stage.CORRECTION)
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await case.act(RELEASED)
    assert "どの事業所データのことか分かりません" in str(refused.value.cause)
    assert await environment.rows(select(SharingRow.firm).where(SharingRow.ended_at.is_not(None))) == []


async def test_y14_a_link_that_is_made_while_the_case_waits_is_remembered_too(environment: Environment) -> None:
    case = await waiting_for_sharing(environment)
    async with environment.sessions.begin() as session:
        session.add(
            ServiceLinkRow(office_token=OFFICE_C[1], kind=LinkKind.OTHER, service="カード「みずうみ」", settings={})
        )
    await case.release_sharing()
    await at_rest(case, Stage.SET_UP)
    number = await case.link(LinkKind.OTHER, "カード「みずうみ」")
    assert any(f"（連携{number}）" in point for point in (await case.progress()).open_points)


async def test_y3_of_two_corrections_at_once_only_a_checked_one_goes_on(environment: Environment) -> None:
    case = await environment.apply(form([(NOBODY, OFFICE_B[1])]))
    await at_rest(case, Stage.CORRECTION)
    right = CorrectPair(reason="お電話", yayoi_id=OFFICE_B[0])
    wrong = CorrectPair(reason="お手続きの画面", yayoi_id=YayoiId("nobody-2@yayoi-taro.example.jp"))
    answers = await asyncio.gather(*map(case.act, (right, wrong, right)), return_exceptions=True)
    assert not all(isinstance(answer, WorkflowUpdateFailedError) for answer in answers)
    if (await case.progress()).stage is Stage.CORRECTION:
        await case.act(right)
    await at_rest(case, Stage.SET_UP)
    assert [row.yayoi_id for row in await case.issued()] == [OFFICE_B[0]]
    assert await environment.rows(select(ApplicationOfficeRow.yayoi_id)) == [OFFICE_B[0]]


async def test_another_correction_after_a_reset_is_not_taken_for_the_first(environment: Environment) -> None:
    case = await environment.apply(form([(NOBODY, OFFICE_B[1])]))
    await at_rest(case, Stage.CORRECTION)
    still_wrong = YayoiId("nobody-2@yayoi-taro.example.jp")
    await case.act(CorrectPair(reason="お電話", yayoi_id=still_wrong))
    await reset_to_before_the_first_update(case)
    await at_rest(case, Stage.CORRECTION)
    await case.act(CorrectPair(reason="お電話", yayoi_id=OFFICE_B[0]))
    await at_rest(case, Stage.SET_UP)
    assert await environment.rows(select(ApplicationOfficeRow.yayoi_id)) == [OFFICE_B[0]]


async def reset_to_before_the_first_update(case: Case) -> None:
    """As a technician does in the Web UI, leaving out what was sent since."""
    office = case.office()
    history = await office.fetch_history()
    [accepted, *_] = [
        event.event_id
        for event in history.events
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED
    ]
    before = [
        event.event_id
        for event in history.events
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED and event.event_id < accepted - 1
    ]
    await case.environment.client.workflow_service.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace=case.environment.client.namespace,
            workflow_execution=WorkflowExecution(workflow_id=office.id),
            reason="試験",
            workflow_task_finish_event_id=before[-1],
            request_id="reset",
            reset_reapply_exclude_types=[ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_UPDATE],
        )
    )


async def test_y18_a_reminder_that_is_sent_again_is_sent_each_time(environment: Environment) -> None:
    case = await environment.apply(form([OFFICE_B]))
    await at_rest(case, Stage.SET_UP)
    notified = day_in_japan(await case.now())
    for days in (3, 7):
        await case.until_day(environment.calendar.business_days_after(notified, days))
        await case.act(ResendMail(reason="お電話", kind=MailKind.FOLLOW_UP_REMINDER))
    reminders = [mail for mail in environment.inbox.mails if mail["Subject"] == MailKind.FOLLOW_UP_REMINDER.subject]
    assert len(reminders) == 4
