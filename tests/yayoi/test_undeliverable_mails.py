"""A mail that cannot be sent holds up no other mail, no repair and no next run; where it was given up, it is said."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import func, select
from temporalio.client import WorkflowHandle

from models.backoffice.reconciliation import RECONCILIATION_SUBJECT, FindingKind, ReconciliationReport
from models.common.calendar import day_in_japan
from models.common.task_queues import mails_queue
from models.tables import NoticeRow
from models.yayoi.mails import MailKind
from models.yayoi.messages import Outcome, SendMail
from tests.support.cases import DESK, SATO, TANAKA, digest_on, in_set_up, pair_of
from tests.support.environment import OFFICE_C, TARO, Environment, details_of
from tests.support.provider_forms import refuse
from tests.support.web import until
from tests.support.webhook_messages import form_starter
from workflows.backoffice.daily_reconciliation import DailyReconciliation
from workflows.common.activity_options import AGAIN_AFTER
from workflows.yayoi.case_link_mail import CaseLinkMail

A_DAY = timedelta(days=1)


async def longest(procedure: WorkflowHandle[Any, Any]) -> timedelta:
    """How long it takes at most if each activity it asked for, one after the other, takes as long as it may."""
    limits = {}
    async for event in procedure.fetch_history_events():
        if event.HasField("activity_task_scheduled_event_attributes"):
            scheduled = event.activity_task_scheduled_event_attributes
            limits[scheduled.activity_type.name] = scheduled.schedule_to_close_timeout.ToTimedelta()
    return sum(limits.values(), timedelta())


async def test_an_operator_who_cannot_be_reached_holds_up_no_digest_of_today_or_tomorrow(
    environment: Environment,
) -> None:
    environment.inbox.unknown.add(SATO)
    digest = await digest_on(environment, environment.calendar.business_days_after(day_in_japan(datetime.now(UTC)), 1))
    done = await digest.result()
    assert set(done.operators) == {"sm", "tn", "fj"}
    assert done.missed == ("sk",)
    assert len(environment.inbox.to(TANAKA)) == 1
    page = await details_of(digest)
    assert "sk" in page
    assert "SMTP 550" in page
    assert await longest(digest) < A_DAY


@pytest.mark.long
async def test_y27_a_terminated_case_is_undone_and_closed_though_the_applicant_cannot_be_notified(
    environment: Environment,
) -> None:
    case = await in_set_up(environment)
    await case.application.terminate()
    await case.office().terminate()
    environment.inbox.unknown.add(TARO)
    procedure = await reconciled(environment)
    report = await procedure.result()
    assert [(finding.kind, finding.repaired) for finding in report.findings] == [
        (FindingKind.ABANDONED, True),
        (FindingKind.PENDING_MAIL, False),
        (FindingKind.LEFT_OPEN, True),
    ]
    assert all("SMTP 550" in finding.detail and TARO not in finding.detail for finding in report.for_people)
    assert (await pair_of(case)).outcome == Outcome.TERMINATED
    assert [mail["Subject"] for mail in environment.inbox.to(OFFICE_C[0])][-1] == MailKind.TERMINATED.subject
    assert [mail["Subject"] for mail in environment.inbox.to(DESK)] == [RECONCILIATION_SUBJECT]
    assert await longest(procedure) < A_DAY


async def test_a_report_that_cannot_be_mailed_is_on_the_page_and_ends_the_run(environment: Environment) -> None:
    case = await in_set_up(environment)
    await case.application.terminate()
    await case.office().terminate()
    environment.inbox.unknown.add(DESK)
    procedure = await reconciled(environment)
    assert (await procedure.result()).for_people == ()
    page = await details_of(procedure)
    assert page.startswith("**この結果を担当窓口へメールで知らせることができませんでした。**")
    assert "修復済み" in page


async def test_the_desk_is_notified_of_a_refused_form_once_its_address_is_right(
    environment: Environment,
) -> None:
    environment.inbox.unknown.add(DESK)
    async with (
        environment.sessions.begin() as session
    ):  # all tests share one Temporal server, where 1 is another test's
        await session.execute(select(func.setval(func.pg_get_serial_sequence("refused_forms", "form_no"), 84_000)))
    row = await refuse(environment)
    await form_starter(environment).start_all()
    procedure = environment.client.get_workflow_handle(f"refused-form/{row.form_no}")

    async def shown() -> bool:
        listed = (await procedure.describe()).typed_search_attributes
        return any(pair.key.name == "Failing" and pair.value for pair in listed)

    await until(shown)
    assert "TETSUZUKI_OPERATORS_MAIL" in await details_of(procedure)
    environment.inbox.unknown.clear()
    await environment.temporal.fast_forward(procedure, AGAIN_AFTER + timedelta(minutes=1))
    await procedure.result()
    assert len(environment.inbox.to(DESK)) == 1
    assert await details_of(procedure) == ""


async def test_a_link_that_cannot_be_mailed_ends_its_procedure_and_says_why(environment: Environment) -> None:
    case = await in_set_up(environment)
    environment.inbox.unknown.add(TARO)
    mail = SendMail(case_no=case.application_no, kind=MailKind.CASE_LINK, at=datetime.now(UTC))
    queue = environment.settings.temporal_task_queue
    procedure = await environment.client.start_workflow(
        CaseLinkMail.run, mail, id=f"case-link/{uuid4()}", task_queue=queue
    )
    assert await procedure.result() is None
    assert "SMTP 550" in await details_of(procedure)
    [because] = await environment.rows(select(NoticeRow.refused_because).where(NoticeRow.kind == MailKind.CASE_LINK))
    assert because is not None


async def test_a_mail_that_is_not_taken_at_once_is_sent_by_the_mails_own_workers(environment: Environment) -> None:
    case = await in_set_up(environment)
    environment.inbox.busy.add(TARO)
    mail = SendMail(case_no=case.application_no, kind=MailKind.CASE_LINK, at=datetime.now(UTC))
    queue = environment.settings.temporal_task_queue
    procedure = await environment.client.start_workflow(
        CaseLinkMail.run, mail, id=f"case-link/{uuid4()}", task_queue=queue
    )

    async def queues() -> list[str]:
        return [
            event.activity_task_scheduled_event_attributes.task_queue.name
            async for event in procedure.fetch_history_events()
            if event.HasField("activity_task_scheduled_event_attributes")
        ]

    async def not_taken() -> bool:
        return bool(await queues())

    await until(not_taken)
    environment.inbox.busy.clear()
    assert await procedure.result() is not None
    assert await queues() == [mails_queue(queue)]


async def reconciled(environment: Environment) -> WorkflowHandle[DailyReconciliation, ReconciliationReport]:
    return await environment.client.start_workflow(
        DailyReconciliation.run, id=f"reconciliation-{uuid4()}", task_queue=environment.settings.temporal_task_queue
    )
