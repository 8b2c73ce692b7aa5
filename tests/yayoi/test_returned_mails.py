"""A mail that was taken and has come back waits for an operator, as one that was refused at once (Y18)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.testing import WorkflowEnvironment

from models.backoffice.reconciliation import Finding, FindingKind
from models.common.calendar import day_in_japan
from models.common.messages import MAIL_RETURNED, ReturnedMailsRead
from models.common.operator_actions import EndCase
from models.common.operator_message import ActionMessage
from models.common.store.bounces import BounceOutcome
from models.common.waiting_for import WaitingFor
from models.yayoi.deadlines import HOLDER_MAIL_EVERY
from models.yayoi.mails import MailKind
from models.yayoi.messages import Outcome
from models.yayoi.operator_actions import Action, ResendMail
from models.yayoi.procedures import Stage
from tests.support.bounced import come_back, notify
from tests.support.cases import in_correction, in_set_up, in_sharing
from tests.support.environment import (
    OFFICE_B,
    OFFICE_C,
    TARO,
    Case,
    Environment,
    at_rest,
    details_of,
    environment_with_worker,
    form,
)
from tests.support.holder import asked, named_in
from tests.support.imap_server import PASSWORD, USER, ImapServer
from tests.support.smtp_inbox import SmtpInbox
from tests.support.web import until
from workflows.backoffice.bounce_reading import BounceReading
from workflows.backoffice.daily_reconciliation import DailyReconciliation

RESEND = ResendMail(reason="受け取れるようになったとのお電話", kind=MailKind.COMPLETION_NOTICE)
BECAUSE = "宛先のメールアドレスがありません。（5.1.1）"


def newest(environment: Environment, address: str, kind: MailKind) -> EmailMessage:
    return [mail for mail in environment.inbox.to(address) if mail["Subject"] == kind.subject][-1]


def notice(environment: Environment) -> EmailMessage:
    return newest(environment, OFFICE_C[0], MailKind.COMPLETION_NOTICE)


async def returned(environment: Environment) -> Case:
    """Office C has its contract ID; the notice has come back."""
    case = await in_set_up(environment)
    assert await come_back(environment, notice(environment)) is BounceOutcome.STORED
    await case.settled()
    return case


async def findings(environment: Environment) -> list[Finding]:
    procedure = await environment.client.start_workflow(
        DailyReconciliation.run, id=f"reconciliation-{uuid4()}", task_queue=environment.settings.temporal_task_queue
    )
    report = await procedure.result()
    return [each for each in report.findings if each.kind is FindingKind.RETURNED_MAIL]


async def test_y18_a_notice_that_comes_back_is_an_operators_until_it_is_sent_again(environment: Environment) -> None:
    case = await returned(environment)
    progress = await case.progress()
    assert (progress.stage, progress.waiting_for) == (Stage.SET_UP, WaitingFor.OPERATOR)
    shown = await details_of(case.office())
    assert "メールが届かずに戻りました。" in shown
    assert BECAUSE in shown
    assert "/operations/resend_mail)" in shown
    assert OFFICE_C[0] not in shown.partition("### 経過")[2]
    await case.act(ActionMessage(reason="留守番電話に残した"), action=Action.ADD_NOTE)
    assert (await case.progress()).waiting_for is WaitingFor.OPERATOR
    assert await come_back(environment, notice(environment)) is BounceOutcome.KNOWN
    await case.act(RESEND)
    await case.settled()
    assert (await case.progress()).waiting_for is WaitingFor.APPLICANT
    assert "届かずに戻りました" not in await details_of(case.office())
    assert len(environment.inbox.to(OFFICE_C[0])) == 2


@pytest.mark.long
async def test_y18_a_notice_that_was_sent_again_and_comes_back_again_is_an_operators_again(
    environment: Environment,
) -> None:
    case = await returned(environment)
    first = notice(environment)
    await case.act(RESEND)
    assert await come_back(environment, first) is BounceOutcome.KNOWN
    await case.settled()
    assert (await case.progress()).waiting_for is WaitingFor.APPLICANT
    assert await come_back(environment, notice(environment), status="5.2.2") is BounceOutcome.STORED
    await case.settled()
    assert (await case.progress()).waiting_for is WaitingFor.OPERATOR
    assert "宛先のメールボックスがいっぱいです。" in await details_of(case.office())


@pytest.mark.long
async def test_y18_a_notice_that_comes_back_while_nobody_acts_is_a_supervisors(environment: Environment) -> None:
    case = await returned(environment)
    await case.until_day(environment.calendar.business_days_after(day_in_japan(await case.now()), 4))
    assert await case.notices(MailKind.OPERATOR_REMINDER)
    assert (await case.progress()).waiting_for is WaitingFor.OPERATOR


async def test_a_notice_that_comes_back_before_the_case_has_gone_on_is_an_operators_too(
    environment: Environment,
) -> None:
    """Its report may be quicker than the case, which thaws smart import after the notice."""
    inbox, came_back = environment.inbox, list[bytes]()
    inbox.returning.add(OFFICE_C[0])
    inbox.returned_to = lambda _to, content: came_back.append(content)
    case = await environment.apply(form([OFFICE_C], delegate=True))
    while not came_back:
        await case.progress()
    await come_back(environment, notice(environment))
    await at_rest(case, Stage.SET_UP)
    await case.settled()
    assert (await case.progress()).waiting_for is WaitingFor.OPERATOR
    assert (await environment.office(OFFICE_C[1])).frozen_by is None


async def test_y13_a_request_that_comes_back_is_an_operators_and_a_note_ends_that(environment: Environment) -> None:
    case = await in_sharing(environment)
    await come_back(environment, newest(environment, TARO, MailKind.RELEASE_SHARING))
    await case.settled()
    assert (await case.progress()).waiting_for is WaitingFor.OPERATOR
    assert MailKind.RELEASE_SHARING.subject in await details_of(case.office())
    await case.act(ActionMessage(reason="お電話で伝えた"), action=Action.ADD_NOTE)
    assert (await case.progress()).waiting_for is WaitingFor.APPLICANT


async def test_y3_a_request_to_correct_that_comes_back_is_an_operators(environment: Environment) -> None:
    case = await in_correction(environment)
    await come_back(environment, newest(environment, TARO, MailKind.CORRECTION_NEEDED))
    await case.settled()
    assert (await case.progress()).waiting_for is WaitingFor.OPERATOR
    assert MailKind.CORRECTION_NEEDED.subject in await details_of(case.office())


@pytest.mark.long
async def test_y5a_a_holder_whose_mail_comes_back_is_asked_by_operators_about_all_that_it_names(
    environment: Environment,
) -> None:
    pairs = [(OFFICE_B[0], None)], [(OFFICE_C[0], None)]
    cases = [await environment.apply(form(pair, linked=False), by_holder=False) for pair in pairs]
    for case in cases:
        await at_rest(case, Stage.CONFIRMATION)
    await cases[1].until(await cases[1].now() + HOLDER_MAIL_EVERY)
    *_, mail = asked(environment.inbox)
    assert named_in(mail) == [case.application_no for case in cases]
    assert await come_back(environment, mail) is BounceOutcome.STORED
    for case in cases:
        await case.settled()
        await at_rest(case, Stage.CONFIRMATION)
        assert (await case.progress()).waiting_for is WaitingFor.OPERATOR
        assert BECAUSE in await details_of(case.office())
        assert "メールサーバー" in {entry.by for entry in await case.audit()}
    [found] = await findings(environment)
    assert found.application_no == cases[0].application_no
    await cases[0].act(ActionMessage(reason="お電話で確かめた"), action=Action.ADD_NOTE)
    assert (await cases[0].progress()).waiting_for is WaitingFor.HOLDER


async def test_a_mail_of_an_earlier_stage_that_comes_back_is_noted_and_asks_nobody(environment: Environment) -> None:
    case = await in_sharing(environment)
    await case.release_sharing()
    await at_rest(case, Stage.SET_UP)
    await come_back(environment, newest(environment, TARO, MailKind.RELEASE_SHARING))
    await case.settled()
    assert (await case.progress()).waiting_for is WaitingFor.APPLICANT
    assert f"メールが届かずに戻った：{MailKind.RELEASE_SHARING.subject}" in await details_of(case.office())


async def test_a_receipt_that_comes_back_is_shown_with_the_whole_application(environment: Environment) -> None:
    case = await in_correction(environment)
    await come_back(environment, newest(environment, TARO, MailKind.RECEIPT))
    await case.settled()
    shown = await details_of(case.application)
    assert "届けられなかったメール" in shown
    assert BECAUSE in shown
    assert (await case.progress()).waiting_for is WaitingFor.APPLICANT


async def test_a_signal_that_says_so_without_a_mail_that_came_back_changes_nothing(environment: Environment) -> None:
    case = await in_set_up(environment)
    before = await case.office().query("timeline")
    await case.office().signal(MAIL_RETURNED)
    await case.application.signal(MAIL_RETURNED)
    await case.settled()
    assert (await case.progress()).waiting_for is WaitingFor.APPLICANT
    assert await case.office().query("timeline") == before


@pytest.mark.long
async def test_a_mail_of_a_case_that_has_ended_asks_nobody_and_is_asked_about_once(environment: Environment) -> None:
    case = await in_set_up(environment)
    mail = notice(environment)
    await case.act(EndCase(reason="不要になったため"), action=Action.WITHDRAW)
    assert (await case.office().result()).outcome is Outcome.WITHDRAWN
    assert await come_back(environment, mail) is BounceOutcome.STORED
    [row] = await case.notices(MailKind.COMPLETION_NOTICE)
    assert row.bounce_notified_at is not None


@pytest.mark.long
async def test_y25_after_the_closing_it_is_shown_and_asks_somebody_once_reopened(environment: Environment) -> None:
    case = await in_set_up(environment)
    mail = notice(environment)
    await case.until(await case.now() + timedelta(days=32))
    await come_back(environment, mail)
    await case.settled()
    progress = await case.progress()
    assert (progress.stage, progress.waiting_for) == (Stage.AFTER_CLOSING, WaitingFor.SYSTEM)
    assert f"メールが届かずに戻った：{MailKind.COMPLETION_NOTICE.subject}" in await details_of(case.office())
    await case.act(ActionMessage(reason="お電話で伝えた"), action=Action.ADD_NOTE)
    assert (await case.progress()).waiting_for is WaitingFor.SYSTEM
    await case.act(ActionMessage(reason="お客様のご希望"), action=Action.REOPEN)
    await at_rest(case, Stage.SET_UP)
    assert (await case.progress()).waiting_for is WaitingFor.OPERATOR


@pytest.mark.long
async def test_y18_a_mail_that_came_back_is_in_the_morning_report_until_it_is_sent_again(
    environment: Environment,
) -> None:
    case = await returned(environment)
    [found] = await findings(environment)
    assert found.application_no == case.application_no
    assert not found.repaired
    assert BECAUSE in found.detail
    assert OFFICE_C[0] not in found.detail
    await case.act(RESEND)
    await case.settled()
    assert await findings(environment) == []


async def test_y18_what_the_mail_server_takes_and_returns_reaches_the_case_by_the_mailbox(
    sessions: async_sessionmaker[AsyncSession],
    temporal: WorkflowEnvironment,
    smtp_inbox: SmtpInbox,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    smtp_inbox.returning.add(OFFICE_B[0])
    async with (
        mailbox(tmp_path, monkeypatch) as imap,
        environment_with_worker(
            sessions, temporal, smtp_inbox, bounce_address="bounces@yayoi.example", **read_from(imap)
        ) as environment,
    ):
        mailboxes = {"bounces@yayoi.example": imap.deliver}
        smtp_inbox.returned_to = lambda to, content: mailboxes[to](content)
        case = await environment.apply(form([OFFICE_B]))
        await at_rest(case, Stage.SET_UP)
        assert (await case.progress()).waiting_for is WaitingFor.APPLICANT
        assert len(imap.mails) == 1
        assert await read(environment) == ReturnedMailsRead(stored=1)
        await notify(environment)
        await case.settled()
        assert (await case.progress()).waiting_for is WaitingFor.OPERATOR
        assert imap.mails == []
        smtp_inbox.returning.clear()
        await case.act(RESEND)
        assert (await case.progress()).waiting_for is WaitingFor.APPLICANT
        assert await read(environment) == ReturnedMailsRead()


async def test_a_mailbox_that_cannot_be_read_is_in_the_operators_list_until_it_can(
    sessions: async_sessionmaker[AsyncSession],
    temporal: WorkflowEnvironment,
    smtp_inbox: SmtpInbox,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in ("failures", "failing_interceptor"):
        monkeypatch.setattr(f"activities.common.{module}.FAILS_AT_ATTEMPT", 2)
    async with (
        mailbox(tmp_path, monkeypatch) as imap,
        environment_with_worker(sessions, temporal, smtp_inbox, **read_from(imap)) as environment,
    ):
        imap.refuses.add("SELECT")
        procedure = await environment.client.start_workflow(
            BounceReading.run, id=f"bounces-{uuid4()}", task_queue=environment.settings.temporal_task_queue
        )

        async def shown() -> bool:
            listed = (await procedure.describe()).typed_search_attributes
            return any(pair.key.name == "Failing" and pair.value for pair in listed)

        await until(shown)
        imap.refuses.clear()
        await environment.temporal.fast_forward(procedure, timedelta(minutes=10))
        assert await procedure.result() == ReturnedMailsRead()


@asynccontextmanager
async def mailbox(folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ImapServer]:
    """Serve a mailbox by IMAP, with a certificate that is trusted meanwhile."""
    certificates = folder / "authority.pem"
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates))
    async with ImapServer(certificates).listening() as imap:
        yield imap


def read_from(imap: ImapServer) -> dict[str, Any]:
    return {
        "bounce_imap_host": imap.host,
        "bounce_imap_port": imap.port,
        "bounce_imap_user": USER,
        "bounce_imap_password": SecretStr(PASSWORD),
    }


async def read(environment: Environment) -> ReturnedMailsRead:
    queue = environment.settings.temporal_task_queue
    return await environment.client.execute_workflow(BounceReading.run, id=f"bounces-{uuid4()}", task_queue=queue)
