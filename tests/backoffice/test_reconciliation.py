"""The daily reconciliation: cases ended by hand are undone, drifts repaired, the rest reported, all else untouched."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import insert, select, update
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import WorkflowFailureError

from activities.backoffice.differences import AT_MOST
from models.backoffice.reconciliation import (
    RECONCILIATION_SUBJECT,
    FindingKind,
    Reconcile,
    ReconciliationReport,
)
from models.common.calendar import day_in_japan
from models.common.commitments import new_salt
from models.common.desk_links import desk_case_path
from models.common.identifiers import ledger_key
from models.common.operator_message import ActionMessage
from models.common.store.case_status import status_of
from models.common.waiting_for import WaitingFor
from models.myics.registrations import RegistrationKind, RegistrationStage
from models.tables import (
    ApplicationOfficeRow,
    ApplicationRow,
    Base,
    CaseStatusRow,
    EnquiryRow,
    EventRow,
    LedgerRow,
    MyicsFirmRow,
    MyicsRegistrationRow,
    NoticeRow,
    OfficeRow,
    ServiceLinkRow,
    SharingRow,
    WebhookMessageRow,
    WebhookSubscriberRow,
)
from models.webhooks.messages import WebhookKind
from models.yayoi.deadlines import FOLLOW_UP_DAYS
from models.yayoi.mails import MailKind
from models.yayoi.messages import OfficeStep, Outcome
from models.yayoi.operator_actions import Action, Cancel
from models.yayoi.procedures import ApplicationStage, SetUpStep, Stage
from models.yayoi.store.intake import Intake
from tests.support.activity_environment import activity_environment
from tests.support.cases import DESK, change, in_correction, in_set_up, in_sharing, pair_of
from tests.support.ending import end
from tests.support.environment import NOBODY, OFFICE_B, OFFICE_C, TARO, Case, Environment, at_rest, form
from tests.support.house_key import read_with_the_house_key
from tests.support.matrices import mostly_long
from tests.support.scanning import found_in
from tests.support.smtp_inbox import SmtpInbox
from web.yayoi.starter import ApplicationStarter
from workers.stack.inbox import text_of
from workflows.backoffice.daily_reconciliation import DailyReconciliation

NOBODY_OF_THEM = {TARO, NOBODY, *OFFICE_B, *OFFICE_C, "弥生 太郎", "弥生　太郎", "事業所B", "事業所C"}
"""Who occurs in these cases. A reconciliation is no case's: what its history says is erased with nobody."""
REGISTRY = (OfficeRow, SharingRow, ServiceLinkRow)
SUBSCRIBE = insert(WebhookSubscriberRow).values(url="https://books.example.co.jp/hook", secrets=[], kinds=[])


async def reconcile(environment: Environment) -> ReconciliationReport:
    """Run one; its page in the Web UI shows what it returns."""
    handle = await environment.client.start_workflow(
        DailyReconciliation.run, id=f"reconciliation-{uuid4()}", task_queue=environment.settings.temporal_task_queue
    )
    report = await handle.result()
    read = await read_with_the_house_key(environment.client, [handle.id])
    assert found_in(read, {"登録内容と手続きを照合する"} | NOBODY_OF_THEM) == {"登録内容と手続きを照合する"}
    page = (await handle.query("__temporal_workflow_metadata", result_type=WorkflowMetadata)).current_details
    assert page.count("修復済み") == len(report.findings) - len(report.for_people)
    assert page.count("要対応") == len(report.for_people)
    assert bool(report.findings) or page == "食い違いはありませんでした。"
    return report


async def rows(environment: Environment, *tables: type[Base]) -> dict[str, list[tuple[Any, ...]]]:
    async with environment.sessions() as session:
        return {
            table.__tablename__: [
                tuple(row)
                for row in await session.execute(select(table.__table__).order_by(*table.__table__.primary_key))
            ]
            for table in tables
        }


async def everything(environment: Environment) -> dict[str, list[tuple[Any, ...]]]:
    return await rows(environment, *(mapper.class_ for mapper in Base.registry.mappers))


async def case_status(case: Case, part: int | None = None) -> CaseStatusRow:
    async with case.environment.sessions() as session:
        row = await status_of(session, case.application_no, part)
    assert row is not None
    return row


async def published(environment: Environment, kind: WebhookKind) -> list[dict[str, Any]]:
    """Return the payloads of this kind that subscribers get."""
    return await environment.rows(select(WebhookMessageRow.payload).where(WebhookMessageRow.kind == kind))


def kinds(report: ReconciliationReport) -> list[FindingKind]:
    return [finding.kind for finding in report.findings]


async def in_set_up_not_linked(environment: Environment) -> Case:
    case = await environment.apply(form([(OFFICE_C[0], None)], linked=False))
    await at_rest(case, Stage.SET_UP)
    return case


BEFORE_STEP5 = pytest.mark.parametrize(
    "stage", mostly_long([in_correction, in_sharing, in_set_up, in_set_up_not_linked], each_time=[in_set_up])
)


@BEFORE_STEP5
async def test_y27_a_case_terminated_before_step5_is_undone_notified_and_closed(
    environment: Environment, stage: Any
) -> None:
    before = await rows(environment, *REGISTRY)
    case = await stage(environment)
    issued = bool(await case.issued())
    await case.office().terminate("押し間違い")
    await case.application.result()
    report = await reconcile(environment)
    # Only then is the application finished, and the one mail says so.
    assert [(finding.kind, finding.about, finding.repaired) for finding in report.findings] == [
        (FindingKind.ABANDONED, f"{case.application_no} の 1 件目", True),
        (FindingKind.LEFT_OPEN, case.application_no, True),
    ]
    last = environment.inbox.to(TARO)[-1]
    assert last["Subject"] == MailKind.TERMINATED.subject
    assert "これで、お申し込みのお手続きはすべて終了しました。" in text_of(last)
    assert await case.notices(MailKind.FINISHED) == []
    assert await rows(environment, *REGISTRY) == before
    assert [row.revoked_at is not None for row in await case.issued()] == [True] * issued
    pair = await pair_of(case)
    assert (pair.outcome, pair.closed_at) == (Outcome.TERMINATED, report.at)
    office, whole = await case_status(case, 1), await case_status(case)
    assert (office.stage, office.outcome, office.changed_at) == (Stage.CLOSED, Outcome.TERMINATED, report.at)
    assert (office.waiting_for, office.failing) == (WaitingFor.SYSTEM, False)
    assert whole.stage == ApplicationStage.CLOSED
    notices = await case.notices(MailKind.TERMINATED)
    assert [each.recipient for each in notices] == [TARO, *([pair.yayoi_id] if issued else [])]
    assert all(each.sent_at for each in notices)
    actions = [row.action for row in await case.audit()]
    assert f"事業所データの手続きを終了した（{Outcome.TERMINATED}）" in actions
    assert ("サービス契約ID を取り消した" in actions) == issued
    [to_the_desk] = environment.inbox.to(DESK)
    assert to_the_desk["Subject"] == RECONCILIATION_SUBJECT
    assert f"{case.application_no} の 1 件目" in text_of(to_the_desk)
    assert "自動で修復しました" in text_of(to_the_desk)
    assert f"{desk_case_path(case.application_no, 1)}\r\n" in text_of(to_the_desk)
    assert re.search(r"いまの段階：\S+（\d{4}年.*から）", text_of(to_the_desk))


@BEFORE_STEP5
async def test_reconciling_twice_is_reconciling_once(environment: Environment, stage: Any) -> None:
    case = await stage(environment)
    await case.office().terminate()
    await case.application.result()
    await reconcile(environment)
    once = await everything(environment)
    assert (await reconcile(environment)).findings == ()
    assert await everything(environment) == once


async def test_two_reconciliations_at_once_repair_once(environment: Environment) -> None:
    case = await in_set_up(environment)
    await case.office().terminate()
    await case.application.result()
    await asyncio.gather(reconcile(environment), reconcile(environment))
    assert len([mail for mail in environment.inbox.to(TARO) if mail["Subject"] == MailKind.TERMINATED.subject]) == 1
    actions = [row.action for row in await case.audit()]
    for action in ("サービス契約ID を取り消した", "会計事務所との共有を元に戻した"):
        assert actions.count(action) == 1
    assert actions.count(f"事業所データの手続きを終了した（{Outcome.TERMINATED}）") == 1


@pytest.mark.long
async def test_subscribers_are_notified_once_that_a_terminated_case_was_closed(environment: Environment) -> None:
    await change(environment, SUBSCRIBE)
    case = await in_set_up(environment)
    await case.office().terminate()
    await case.application.result()
    before = (await case_status(case, 1)).version
    await asyncio.gather(reconcile(environment), reconcile(environment))
    assert (await case_status(case, 1)).version == before + 1
    [payload] = await published(environment, WebhookKind.OFFICE_CLOSED)
    assert payload["data"]["stage"] == {"code": "closed", "label": "終了"}
    assert payload["data"]["outcome"] == {"code": "terminated", "label": "強制終了"}
    assert len(await published(environment, WebhookKind.APPLICATION_CLOSED)) == 1


@pytest.mark.long
async def test_the_pair_may_be_applied_for_again_after_the_reconciliation(environment: Environment) -> None:
    case = await in_set_up(environment)
    await case.office().terminate()
    await case.application.result()
    await reconcile(environment)
    again = await in_set_up(environment)
    [issued] = await again.issued()
    [revoked] = await case.issued()
    assert issued.contract_id != revoked.contract_id


@pytest.mark.long
async def test_y27_after_step5_a_terminated_case_is_reported_and_not_touched(environment: Environment) -> None:
    case = await in_set_up(environment)
    await case.do_step(SetUpStep.SUPPORT_PASSWORD)
    await case.office().terminate()
    await case.application.result()
    before = await everything(environment)
    report = await reconcile(environment)
    [finding] = report.for_people
    assert finding.kind is FindingKind.ABANDONED
    assert "STEP5" in finding.detail
    after = await everything(environment)
    changed = {table for table in before if before[table] != after[table]}
    assert changed == {"notices"}  # the report itself
    assert "確認と対応をお願いします" in text_of(environment.inbox.to(DESK)[0])


async def test_a_healthy_database_has_no_findings_and_stays_as_it_is(environment: Environment) -> None:
    await in_correction(environment)
    running = await environment.apply(form([OFFICE_B]))
    await at_rest(running, Stage.SET_UP)
    await running.act(Cancel(reason="二重のお申し込み"))
    await running.application.result()
    before = await everything(environment)
    report = await reconcile(environment)
    assert report.findings == ()
    assert await everything(environment) == before
    assert environment.inbox.to(DESK) == []


async def test_a_case_that_was_reset_after_its_termination_is_left_alone(environment: Environment) -> None:
    """The Web UI's Reset begins a new run under the same id; only the newest counts."""
    case = await in_sharing(environment)
    await case.office().terminate()
    await case.application.result()
    await environment.client.start_workflow("Elsewhere", id=case.office().id, task_queue=f"nobody-{uuid4()}")
    before = await everything(environment)
    assert (await reconcile(environment)).findings == ()
    assert await everything(environment) == before
    await end(case.office())


@pytest.mark.long
async def test_a_completed_procedure_of_an_open_pair_is_no_reason_to_undo(environment: Environment) -> None:
    """The database may have been restored from before the end: taking an ID back would harm the customer."""
    case = await in_sharing(environment)
    await case.act(Cancel(reason="二重のお申し込み"))
    await case.application.result()
    await change(environment, update(ApplicationOfficeRow).values(closed_at=None, outcome=None))
    before = await rows(environment, *REGISTRY, ApplicationOfficeRow)
    [finding] = (await reconcile(environment)).for_people
    assert finding.kind is FindingKind.ABANDONED
    assert "バックアップ" in finding.detail
    assert await rows(environment, *REGISTRY, ApplicationOfficeRow) == before


@pytest.mark.long
async def test_an_application_ended_by_hand_is_closed_when_its_offices_have_ended(environment: Environment) -> None:
    await change(environment, SUBSCRIBE)
    case = await in_sharing(environment)
    await case.application.terminate()
    assert (await reconcile(environment)).findings == ()  # its office goes on by itself
    await case.act(Cancel(reason="二重のお申し込み"))
    await case.office().result()
    [finding] = (await reconcile(environment)).findings
    assert (finding.kind, finding.repaired) == (FindingKind.LEFT_OPEN, True)
    [closed] = await environment.rows(select(ApplicationRow.closed_at))
    assert closed is not None
    assert (await case_status(case)).stage == ApplicationStage.CLOSED
    [payload] = await published(environment, WebhookKind.APPLICATION_CLOSED)
    assert payload["data"]["application_no"] == case.application_no
    assert payload["data"]["stage"] == {"code": "closed", "label": "終了"}
    assert await case.notices(MailKind.FINISHED) == []  # the office's own mail has said so
    assert (await reconcile(environment)).findings == ()


@pytest.mark.long
async def test_y25_what_is_open_after_closing_needs_a_procedure_to_take_it(environment: Environment) -> None:
    case = await in_set_up(environment)
    await case.until(await case.now() + timedelta(days=FOLLOW_UP_DAYS + 1))
    await case.application.result()
    assert (await reconcile(environment)).findings == ()
    await case.office().terminate()
    [finding] = (await reconcile(environment)).findings
    assert (finding.kind, finding.repaired) == (FindingKind.UNFOLLOWED, False)
    assert finding.about == f"{case.application_no} の 1 件目"


@pytest.mark.long
async def test_y27_a_reopened_case_that_is_terminated_is_undone_once(environment: Environment) -> None:
    case = await in_set_up(environment)
    await case.until(await case.now() + timedelta(days=FOLLOW_UP_DAYS + 1))
    await case.application.result()
    await case.act(ActionMessage(reason="お電話"), action=Action.REOPEN)
    await at_rest(case, Stage.SET_UP)
    await case.office().terminate()
    [finding] = (await reconcile(environment)).findings
    assert (finding.kind, finding.repaired) == (FindingKind.ABANDONED, True)
    pair = await pair_of(case)
    assert (pair.outcome, pair.closings) == (Outcome.TERMINATED, 2)
    assert [row.revoked_at is not None for row in await case.issued()] == [True]
    assert (await reconcile(environment)).findings == ()


async def test_an_application_ended_before_its_offices_began_is_undone_and_closed_at_once(
    environment: Environment,
) -> None:
    receipt = await Intake(environment.sessions, environment.calendar).receive(form([OFFICE_B, OFFICE_C]))
    await starter_of(environment).start(receipt.application_no)
    case = Case(environment, receipt.application_no, receipt.due_date)
    assert (await reconcile(environment)).findings == ()  # it may still begin
    await case.application.terminate()
    report = await reconcile(environment)
    assert kinds(report) == [FindingKind.ABANDONED, FindingKind.ABANDONED, FindingKind.LEFT_OPEN]
    assert report.for_people == ()
    [mail] = [mail for mail in environment.inbox.to(TARO) if mail["Subject"] == MailKind.TERMINATED.subject]
    assert all(f"{number} 件目" in text_of(mail) for number in (1, 2))
    assert [row.outcome for row in await environment.rows(select(ApplicationOfficeRow))] == [Outcome.TERMINATED] * 2
    with pytest.raises(WorkflowFailureError):
        await case.application.result()


@pytest.mark.long
@pytest.mark.parametrize("pair", ["YS-999999:1", None], ids=["unknown", "closed"])
async def test_y12_a_freeze_left_behind_is_thawed(environment: Environment, pair: str | None) -> None:
    case = await in_sharing(environment)
    await case.act(Cancel(reason="二重のお申し込み"))
    await case.application.result()
    frozen_by = pair or f"{case.application_no}:1"
    at = datetime.now(UTC)
    office = update(OfficeRow).where(OfficeRow.office_token == OFFICE_C[1])
    await change(environment, office.values(frozen_by=frozen_by, frozen_at=at))
    [finding] = (await reconcile(environment)).findings
    assert (finding.kind, finding.repaired) == (FindingKind.STRAY_FREEZE, True)
    assert (await environment.office(OFFICE_C[1])).frozen_by is None
    assert (await reconcile(environment)).findings == ()
    # And again, should it come back.
    await change(environment, office.values(frozen_by=frozen_by, frozen_at=at))
    assert (await reconcile(environment)).for_people == ()
    assert (await environment.office(OFFICE_C[1])).frozen_by is None


async def test_y12_a_freeze_that_names_no_pair_is_for_a_person(environment: Environment) -> None:
    office = update(OfficeRow).where(OfficeRow.office_token == OFFICE_C[1])
    await change(environment, office.values(frozen_by="棚卸し", frozen_at=datetime.now(UTC)))
    [finding] = (await reconcile(environment)).for_people
    assert finding.kind is FindingKind.STRAY_FREEZE
    assert (await environment.office(OFFICE_C[1])).existing_contract_id in finding.detail
    assert (await environment.office(OFFICE_C[1])).frozen_by == "棚卸し"


async def test_y12_a_freeze_lost_before_the_notice_is_made_again(environment: Environment) -> None:
    case = await in_sharing(environment)
    office = update(OfficeRow).where(OfficeRow.office_token == OFFICE_C[1])
    await change(environment, office.values(frozen_by=None, frozen_at=None))
    [finding] = (await reconcile(environment)).findings
    assert (finding.kind, finding.repaired) == (FindingKind.LOST_FREEZE, True)
    assert (await environment.office(OFFICE_C[1])).frozen_by == f"{case.application_no}:1"
    assert (await reconcile(environment)).findings == ()
    await case.release_sharing()
    await at_rest(case, Stage.SET_UP)
    assert (await environment.office(OFFICE_C[1])).frozen_by is None


async def test_y12_an_office_thawed_in_the_same_moment_is_not_frozen_again(
    registry_url: str, smtp_inbox: SmtpInbox
) -> None:
    async with activity_environment(registry_url, smtp_inbox) as environment:
        no = await environment.apply(form([OFFICE_C]))
        at = datetime.now(UTC)
        step = OfficeStep(case_no=no, part=1, at=at)
        activities = environment.activities()
        await activities["thaw_smart_import"](step)
        assert not (await activities["freeze_again"](step)).done
        [(frozen_by,)] = await environment.rows(
            select(OfficeRow.frozen_by).where(OfficeRow.office_token == OFFICE_C[1])
        )
    assert frozen_by is None


async def test_an_id_issued_a_day_ago_without_its_notice_is_reported(environment: Environment) -> None:
    case = await in_set_up(environment)
    [notice] = await case.notices(MailKind.COMPLETION_NOTICE)
    sent = update(NoticeRow).where(NoticeRow.key == notice.key)
    issuing = update(LedgerRow).where(LedgerRow.key == ledger_key(case.application_no, 1, "issue"))
    await change(environment, issuing.values(recorded_at=datetime.now(UTC) - timedelta(days=1, minutes=1)))
    assert (await reconcile(environment)).findings == ()
    await change(environment, sent.values(sent_at=None))
    [finding] = (await reconcile(environment)).for_people
    assert finding.kind is FindingKind.NOTICE_NOT_SENT
    [issued] = await case.issued()
    assert issued.contract_id in finding.detail


@pytest.mark.robustness("backlog")
async def test_what_is_stuck_for_more_than_an_hour_is_reported(environment: Environment) -> None:
    case = await in_sharing(environment)
    receipt = await Intake(environment.sessions, environment.calendar).receive(form([OFFICE_B]))
    ids = {
        "event_id": uuid4(),
        "digest": "",
        "kind": "sharing_released",
        "payload": {},
        "sent_by": "system:registry",
        "salt": new_salt(),
        "application_no": case.application_no,
        "office_no": 1,
    }
    said = {"contract_id": "8871304", "name": "弥生 太郎", "mail_address": TARO, "text": "手順を教えてください。"}
    times = dict.fromkeys(("received_at", "changed_at"), datetime.now(UTC))
    enquiry = insert(EnquiryRow).values(receipt_no="Q-000001", submission_id=uuid4(), **said, **times)
    await change(environment, update(NoticeRow).values(sent_at=None), insert(EventRow).values(**ids), enquiry)
    assert (await reconcile(environment)).findings == ()  # all of it may still be on its way
    long_ago = datetime.now(UTC) - timedelta(minutes=61)
    await change(
        environment,
        update(NoticeRow).where(NoticeRow.kind == MailKind.RELEASE_SHARING).values(created_at=long_ago),
        update(EventRow).values(received_at=long_ago),
        update(EnquiryRow).values(changed_at=long_ago),
        update(ApplicationRow)
        .where(ApplicationRow.application_no == receipt.application_no)
        .values(applied_at=long_ago),
    )
    report = await reconcile(environment)
    stuck = [FindingKind.PENDING_MAIL, FindingKind.WAITING_EVENT, FindingKind.NOT_STARTED, FindingKind.WAITING]
    assert kinds(report) == stuck
    assert report.for_people == report.findings


def starter_of(environment: Environment) -> ApplicationStarter:
    return ApplicationStarter(
        environment.sessions,
        environment.client,
        task_queue=f"nobody-{uuid4()}",
    )


async def not_started_in_time(environment: Environment) -> Case:
    """An application with a wrong pair that nobody has started until after the day on which it would expire."""
    application = form([OFFICE_B, (NOBODY, OFFICE_C[1])])
    receipt = await Intake(environment.sessions, environment.calendar).receive(application)
    yesterday = day_in_japan(datetime.now(UTC)) - timedelta(days=1)
    late = {"applied_at": datetime.now(UTC) - timedelta(days=30), "expires_on": yesterday}
    await change(environment, update(ApplicationRow).values(**late))
    return Case(environment, receipt.application_no, receipt.due_date)


async def test_y12_an_application_that_could_not_be_started_in_time_is_expired_and_thawed(
    environment: Environment,
) -> None:
    case = await not_started_in_time(environment)
    for _, token in (OFFICE_B, OFFICE_C):
        assert (await environment.office(token)).frozen_by is not None
    [finding] = (await reconcile(environment)).findings
    assert (finding.kind, finding.repaired) == (FindingKind.NOT_STARTED, True)
    for _, token in (OFFICE_B, OFFICE_C):
        assert (await environment.office(token)).frozen_by is None
    pairs = await environment.rows(select(ApplicationOfficeRow).order_by(ApplicationOfficeRow.office_no))
    assert [(pair.outcome, pair.holds_token, pair.holds_id) for pair in pairs] == [("期限切れ", False, False)] * 2
    assert (await case_status(case)).stage == ApplicationStage.CLOSED
    assert [(notice.kind, notice.recipient) for notice in await case.notices()] == [(MailKind.NOT_STARTED, TARO)]
    await starter_of(environment).start_all()
    await starter_of(environment).start(case.application_no)
    assert await environment.rows(select(ApplicationRow.started_at)) == [None]
    assert (await reconcile(environment)).findings == ()
    again = await environment.apply(form([OFFICE_B]))
    await at_rest(again, Stage.SET_UP)


async def test_y12_an_application_that_was_started_and_not_marked_so_goes_on(environment: Environment) -> None:
    case = await not_started_in_time(environment)
    await starter_of(environment).start(case.application_no)
    await change(environment, update(ApplicationRow).values(started_at=None))
    assert (await reconcile(environment)).findings == ()
    assert (await environment.office(OFFICE_B[1])).frozen_by == f"{case.application_no}:1"
    await end(case.application)


async def test_y12_a_freeze_for_a_token_that_its_pair_no_longer_holds_is_thawed(environment: Environment) -> None:
    case = await in_sharing(environment)
    await change(environment, update(ApplicationOfficeRow).values(holds_token=False))
    [finding] = (await reconcile(environment)).findings
    assert (finding.kind, finding.repaired) == (FindingKind.STRAY_FREEZE, True)
    assert (await environment.office(OFFICE_C[1])).frozen_by is None
    await end(case.application, case.office())


async def test_more_than_fits_into_a_message_is_counted(environment: Environment) -> None:
    async with environment.sessions.begin() as session:
        session.add_all(
            NoticeRow(
                key=f"digest:{number}",
                kind="digest",
                recipient=DESK,
                subject="朝のお知らせ",
                message_id=f"<{number}@web.test>",
                created_at=datetime.now(UTC) - timedelta(hours=2),
            )
            for number in range(AT_MOST + 3)
        )
    report = await reconcile(environment)
    *named, more = report.findings
    assert len(named) == AT_MOST
    assert (more.kind, more.detail[:8]) == (FindingKind.MORE, "ほかに 3 件あ")


async def test_an_event_refused_after_it_was_taken_is_reported_once(environment: Environment) -> None:
    case = await in_sharing(environment)
    ids = {"event_id": uuid4(), "digest": "", "application_no": case.application_no, "office_no": 1}
    said = {
        "kind": "withdrawn",
        "payload": {},
        "sent_by": "applicant:YS-000001/1",
        "salt": new_salt(),
        "refused_because": "取り下げできません。",
    }
    await change(environment, insert(EventRow).values(**ids, **said, unreported_since=datetime.now(UTC)))
    [finding] = (await reconcile(environment)).for_people
    assert (finding.kind, finding.about) == (FindingKind.REFUSED_LATE, f"{case.application_no} の 1 件目")
    [mail] = environment.inbox.to(DESK)
    for text in (case.application_no, "お客様の画面", "申し込みの取り下げ", "取り下げできません。"):
        assert text in text_of(mail)
    assert (await reconcile(environment)).findings == ()


async def test_m8_registrations_that_no_procedure_leads_or_knows_of_are_reported(environment: Environment) -> None:
    """One runs, one was ended by hand, one is unknown to Temporal, one was never started, one has closed."""
    at, long_ago = datetime.now(UTC), datetime.now(UTC) - timedelta(minutes=61)
    firm = insert(MyicsFirmRow).values(customer_no="1000200301", name="青葉会計事務所")
    await change(environment, firm, *(_registration(count, long_ago, at) for count in range(1, 6)))
    await change(
        environment,
        _registrations(4).values(notified_at=None),
        _registrations(5).values(closed_at=at),
        insert(NoticeRow).values(
            key="MR-000001:-:mail.myics_user_invitation.1",
            case_no="MR-000001",
            kind="myics_user_invitation",
            recipient="ichiro@aoba-kaikei.example.jp",
            subject="招待",
            message_id="<1@ics.example>",
            created_at=long_ago,
        ),
    )
    for count in (1, 2):
        handle = await environment.client.start_workflow(
            "Elsewhere", id=f"myics/MR-00000{count}", task_queue=f"nobody-{uuid4()}"
        )
    await handle.terminate()
    report = await reconcile(environment)
    assert [(finding.kind, finding.about, finding.repaired) for finding in report.findings] == [
        (FindingKind.PENDING_MAIL, "MR-000001", False),
        (FindingKind.MYICS_ABANDONED, "MR-000002", False),
        (FindingKind.MYICS_ABANDONED, "MR-000003", False),
        (FindingKind.MYICS_NOT_NOTIFIED, "MR-000004", False),
    ]
    ended, unknown = report.findings[1:3]
    assert "Reset" in ended.detail
    assert "バックアップ" in unknown.detail
    assert "myics%2FMR-000002" in text_of(environment.inbox.to(DESK)[0])
    await end(environment.client.get_workflow_handle("myics/MR-000001"))


def _registration(count: int, changed_at: datetime, notified_at: datetime) -> Any:
    number = f"MR-{count:06d}"
    return insert(MyicsRegistrationRow).values(
        registration_no=number,
        kind=RegistrationKind.USER,
        customer_no="1000200301",
        name="青葉 一郎",
        requested_by="青葉会計事務所",
        requested_at=changed_at,
        stage=RegistrationStage.INVITED,
        expires_on=day_in_japan(notified_at),
        changed_at=changed_at,
        notified_at=notified_at,
    )


def _registrations(count: int) -> Any:
    return update(MyicsRegistrationRow).where(MyicsRegistrationRow.registration_no == f"MR-{count:06d}")


async def test_while_temporal_is_away_nothing_is_found_and_nothing_repaired(
    registry_url: str, smtp_inbox: SmtpInbox
) -> None:
    async with activity_environment(registry_url, smtp_inbox) as environment:
        await environment.apply(form([OFFICE_C]))
        async with environment.sessions.begin() as session:
            await session.execute(update(ApplicationRow).values(started_at=datetime.now(UTC)))
        before = await environment.everything()
        with pytest.raises(RuntimeError, match=r"127\.0\.0\.1:1"):
            await environment.activities()["find_differences"](Reconcile(at=datetime.now(UTC)))
        assert await environment.everything() == before
