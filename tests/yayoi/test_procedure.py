"""The procedure from the form to the closed case, on the real server with time skipping."""

from collections.abc import AsyncIterator
from datetime import timedelta
from email.message import EmailMessage
from itertools import pairwise
from uuid import uuid4

import pytest
import pytest_asyncio
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.client import WorkflowUpdateFailedError
from temporalio.testing import WorkflowEnvironment

from models.common.calendar import JST, day_in_japan, end_of, opening_of
from models.common.operator_actions import EndCase
from models.common.operator_message import ActionMessage
from models.common.waiting_for import WaitingFor
from models.tables import (
    ApplicationRow,
    BusinessGroupRow,
    GroupMemberRow,
    NoticeRow,
    OfficeRow,
    RememberedLinkRow,
    ServiceLinkRow,
    SharingRow,
    SmartImportRunRow,
    YayoiIdRow,
)
from models.yayoi.identifiers import ContractId, OfficeToken, YayoiId
from models.yayoi.mails import NOTICE_SUBJECT, MailKind
from models.yayoi.messages import Outcome
from models.yayoi.operator_actions import Action, Cancel, CorrectPair
from models.yayoi.procedures import ApplicationStage, SetUpStep, Stage
from models.yayoi.service_links import LinkKind
from models.yayoi.store.pair_status import status_of
from models.yayoi.store.smart_import import SmartImportRuns
from tests.support.ending import end
from tests.support.environment import (
    OFFICE_B,
    OFFICE_C,
    TARO,
    Environment,
    at_rest,
    details_of,
    environment_with_worker,
    form,
)
from tests.support.smtp_inbox import SmtpInbox
from workers.stack.inbox import text_of
from workflows.yayoi.multi_office_application import MultiOfficeApplication

NOBODY = YayoiId("nobody@yayoi-taro.example.jp")
BANK_B = (LinkKind.BANK_ACCOUNT, "しおさい銀行 普通 1234567")
BANK_C = (LinkKind.BANK_ACCOUNT, "みずうみ銀行 普通 7654321")
AIR_C = (LinkKind.AIR_REGI, "Airレジ 本店")


@pytest_asyncio.fixture(
    params=[pytest.param(1000, id="cached"), pytest.param(0, id="uncached", marks=pytest.mark.long)]
)
async def environment(
    request: pytest.FixtureRequest,
    sessions: async_sessionmaker[AsyncSession],
    temporal: WorkflowEnvironment,
    smtp_inbox: SmtpInbox,
) -> AsyncIterator[Environment]:
    async with environment_with_worker(
        sessions, temporal, smtp_inbox, max_cached_workflows=request.param
    ) as environment:
        yield environment


def body(mail: EmailMessage) -> str:
    return text_of(mail)


async def test_from_form_to_closed_case(environment: Environment) -> None:
    """An application for B and C: C waits for its sharing, B does not wait for C."""
    case = await environment.apply(form([OFFICE_B, OFFICE_C]))
    await at_rest(case, Stage.SET_UP, 1)
    await at_rest(case, Stage.SHARING, 2)
    assert (await environment.office(OFFICE_B[1])).frozen_by is None
    assert (await environment.office(OFFICE_C[1])).frozen_by == f"{case.application_no}:2"

    await case.until_day(environment.calendar.business_days_after(day_in_japan(await case.now(2)), 3), 2)
    assert len(await case.notices(MailKind.RELEASE_SHARING_REMINDER)) == 1
    await case.release_sharing(2)
    await at_rest(case, Stage.SET_UP, 2)

    await case.do_steps(*SetUpStep, number=1)
    await case.relink(*BANK_B, day_in_japan(await case.now(1)))
    await case.do_steps(*SetUpStep, number=2)
    await case.relink(*BANK_C, day_in_japan(await case.now(2)), number=2)
    await case.relink(*AIR_C, day_in_japan(await case.now(2)), number=2)

    outcome = await case.application.result()
    assert [office.outcome for office in outcome.offices] == [Outcome.COMPLETED, Outcome.COMPLETED]
    issued = await case.issued()
    assert {row.registered_name for row in issued} == {"弥生 太郎 - 1 (8871304)", "弥生 太郎 - 2 (8871304)"}
    notices = await case.notices(MailKind.COMPLETION_NOTICE)
    assert sorted(notice.recipient for notice in notices) == [OFFICE_B[0], OFFICE_C[0]]
    assert [mail["Subject"] for mail in environment.inbox.to(TARO)] == [
        MailKind.RECEIPT.subject,
        MailKind.RELEASE_SHARING.subject,
        MailKind.RELEASE_SHARING_REMINDER.subject,
        MailKind.FINISHED.subject,
    ]
    progress = await case.application.query(MultiOfficeApplication.progress)
    assert progress.stage is ApplicationStage.CLOSED
    assert len(progress.offices) == 2
    async with environment.sessions() as session:
        assert (await session.get_one(ApplicationRow, case.application_no)).closed_at is not None


async def test_y2_an_unregistered_yayoi_id_waits_for_its_correction_while_its_office_stays_frozen(
    environment: Environment,
) -> None:
    case = await environment.apply(form([(NOBODY, OFFICE_B[1])]))
    await at_rest(case, Stage.CORRECTION)
    [request] = [mail for mail in environment.inbox.to(TARO) if mail["Subject"] == MailKind.CORRECTION_NEEDED.subject]
    assert "弥生ID として登録されていません" in body(request)
    assert (await environment.office(OFFICE_B[1])).frozen_by == f"{case.application_no}:1"
    assert (await SmartImportRuns(environment.sessions).run(OFFICE_B[1], await case.now())).refused_because
    async with environment.sessions.begin() as session:
        session.add(YayoiIdRow(yayoi_id=NOBODY, family_name="弥生", given_name="太郎"))
    # Registered meanwhile: found by the look that comes before each reminder.
    await case.until_day(environment.calendar.business_days_after(day_in_japan(await case.now()), 3))
    await at_rest(case, Stage.SET_UP)
    assert (await environment.office(OFFICE_B[1])).frozen_by is None
    assert await case.notices(MailKind.CORRECTION_REMINDER) == []


async def test_y3_a_member_of_another_group_is_corrected(environment: Environment) -> None:
    case = await environment.apply(form([(YayoiId("office-a@yayoi-taro.example.jp"), OFFICE_B[1])]))
    await at_rest(case, Stage.CORRECTION)
    await case.act(CorrectPair(reason="お電話", yayoi_id=OFFICE_B[0]))
    await at_rest(case, Stage.SET_UP)
    [issued] = await case.issued()
    assert issued.yayoi_id == OFFICE_B[0]


@pytest.mark.long
@pytest.mark.parametrize("known", [False, True], ids=["unknown", "of another contract"])
async def test_y5_a_token_of_nobody_or_of_another_contract_is_corrected(
    environment: Environment, *, known: bool
) -> None:
    token = OfficeToken("99999999-0000-4000-8000-000000000000")
    if known:
        others = select(OfficeRow.office_token).where(OfficeRow.existing_contract_id != "8871304")
        token = OfficeToken((await environment.rows(others))[0])
    case = await environment.apply(form([(OFFICE_B[0], token)]))
    await at_rest(case, Stage.CORRECTION)
    request = (await case.progress()).office_name
    assert request == "事業所データ1"
    await case.act(CorrectPair(reason="お電話", office_token=OFFICE_B[1]))
    await at_rest(case, Stage.SET_UP)
    assert (await case.progress()).office_name == "事業所B"


@pytest.mark.long
async def test_y27_a_pair_that_is_rejected_before_it_was_right_is_thawed(environment: Environment) -> None:
    case = await environment.apply(form([(NOBODY, OFFICE_B[1])]))
    await at_rest(case, Stage.CORRECTION)
    await case.act(EndCase(reason="登録されないため"), action=Action.REJECT)
    assert (await case.office().result()).outcome is Outcome.REJECTED
    assert (await environment.office(OFFICE_B[1])).frozen_by is None
    assert "スマート取引取込の凍結を解除した" in {row.action for row in await case.audit()}
    again = await environment.apply(form([OFFICE_B]))
    await at_rest(again, Stage.SET_UP)


@pytest.mark.long
async def test_y1_an_office_already_managed_needs_nothing_new(environment: Environment) -> None:
    case = await environment.apply(form([(OFFICE_B[0], OfficeToken("a0000001-0000-4000-8000-000000000001"))]))
    await at_rest(case, Stage.CORRECTION)
    [request] = [mail for mail in environment.inbox.to(TARO) if mail["Subject"] == MailKind.CORRECTION_NEEDED.subject]
    assert "すでに『スマート証憑管理』で管理されています" in body(request)


@pytest.mark.long
async def test_y9_the_link_is_added_to_a_contract_id_issued_before(environment: Environment) -> None:
    first = await environment.apply(form([(OFFICE_B[0], None)], linked=False))
    await at_rest(first, Stage.SET_UP)
    await first.do_steps(*SetUpStep)
    await first.application.result()
    [issued] = await first.issued()
    addition = form([OFFICE_B]).model_copy(update={"link_addition": True})
    pair = addition.offices[0].model_copy(update={"issued_contract_id": ContractId("8888888")})
    case = await environment.apply(addition.model_copy(update={"offices": (pair,)}))
    await at_rest(case, Stage.CORRECTION)  # mistyped
    right = ContractId(issued.contract_id)
    await case.act(CorrectPair(reason="お電話", issued_contract_id=right))
    await at_rest(case, Stage.RELINK)
    assert await case.issued() == []
    office = await environment.office(OFFICE_B[1])
    assert (office.contract_id, office.frozen_by) == (issued.contract_id, None)
    await case.relink(*BANK_B, day_in_japan(await case.now()))
    assert (await case.office().result()).outcome is Outcome.COMPLETED
    assert [mail["Subject"] for mail in environment.inbox.to(OFFICE_B[0])][-1] == MailKind.LINK_ADDED.subject
    # The ID manages an office now: it takes no second one (Y1).
    again = addition.model_copy(update={"submission_id": uuid4()})
    second = pair.model_copy(update={"office_token": OFFICE_C[1], "issued_contract_id": right})
    case = await environment.apply(again.model_copy(update={"offices": (second,)}))
    await at_rest(case, Stage.CORRECTION)
    requests = [mail for mail in environment.inbox.to(TARO) if mail["Subject"] == MailKind.CORRECTION_NEEDED.subject]
    assert "すでに別の事業所データを管理しています" in body(requests[-1])
    assert (await environment.office(OFFICE_C[1])).contract_id is None


async def test_y9_the_link_is_added_while_the_first_application_is_still_open(environment: Environment) -> None:
    """And each goes on with what is its own: STEP5 and STEP6 there, the re-link here."""
    first = await environment.apply(form([(OFFICE_B[0], None)], linked=False))
    await at_rest(first, Stage.SET_UP)
    [issued] = await first.issued()
    addition = form([OFFICE_B]).model_copy(update={"link_addition": True, "network_product": None})
    pair = addition.offices[0].model_copy(update={"issued_contract_id": ContractId(issued.contract_id)})
    case = await environment.apply(addition.model_copy(update={"offices": (pair,)}), by_holder=False)
    await at_rest(case, Stage.RELINK)
    assert (await environment.office(OFFICE_B[1])).contract_id == issued.contract_id
    assert (await first.progress()).stage is Stage.SET_UP
    for links, no in ((False, first.application_no), (True, case.application_no)):
        own = await status_of(environment.sessions, OFFICE_B[0], links=links)
        assert own is not None
        assert own.application_no == no

    await first.act(Cancel(reason="お客様のご希望"))  # refused while the link is being added
    while not (text := await details_of(first.office())).count("会計連携の追加のお申し込み"):
        await first.settled()
    assert case.application_no in text
    await case.act(Cancel(reason="お客様のご希望"))
    assert (await case.office().result()).outcome is Outcome.CANCELLED
    await first.office().execute_update(Action.TRY_AGAIN, ActionMessage(reason="取り消したため"))
    assert (await first.office().result()).outcome is Outcome.CANCELLED
    assert (await environment.office(OFFICE_B[1])).contract_id is None


async def test_y23_the_office_of_an_added_link_has_the_group_of_its_id(environment: Environment) -> None:
    first = await environment.apply(form([(OFFICE_B[0], None)], linked=False))
    await at_rest(first, Stage.SET_UP)
    [issued] = await first.issued()
    await first.do_steps(SetUpStep.SUPPORT_PASSWORD, SetUpStep.BUSINESS_GROUP)
    addition = form([OFFICE_B]).model_copy(update={"link_addition": True, "network_product": None})
    pair = addition.offices[0].model_copy(update={"issued_contract_id": ContractId(issued.contract_id)})
    case = await environment.apply(addition.model_copy(update={"offices": (pair,)}))
    await at_rest(case, Stage.RELINK)
    [member] = await environment.rows(GroupMemberRow.of(OFFICE_B[0]))
    assert (await environment.office(OFFICE_B[1])).group_id == member.group_id
    await first.act(ActionMessage(reason="お電話"), action=Action.ADD_NOTE)
    await end(first.application, first.office(), case.application, case.office())


async def test_y9_not_linked_has_no_freeze_no_sharing_and_no_relink(environment: Environment) -> None:
    case = await environment.apply(form([(OFFICE_B[0], None)], linked=False))
    await at_rest(case, Stage.SET_UP)
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await case.release_sharing()
    assert "共有の解除は不要です" in str(refused.value.cause)
    await case.do_steps(*SetUpStep)
    assert (await case.office().result()).outcome is Outcome.COMPLETED
    assert {row.action for row in await case.audit()}.isdisjoint({"スマート取引取込を凍結した", "連携を記録した"})


async def test_y11_the_due_date_is_in_the_receipt(environment: Environment) -> None:
    case = await environment.apply(form())
    await at_rest(case, Stage.SET_UP)
    while not (
        receipts := [mail for mail in environment.inbox.to(TARO) if mail["Subject"] == MailKind.RECEIPT.subject]
    ):
        await case.progress()
    due = case.due_date
    assert f"{due.year}年{due.month}月{due.day}日" in body(receipts[0])
    assert due == environment.calendar.due_date(day_in_japan(await case.now()))


async def test_y12_smart_import_is_refused_while_frozen_and_runs_again_with_the_notice(
    environment: Environment,
) -> None:
    runs = SmartImportRuns(environment.sessions)
    case = await environment.apply(form([OFFICE_C]))
    await at_rest(case, Stage.SHARING)
    now = await case.now()
    before = await environment.rows(
        select(ServiceLinkRow.last_imported_on).where(ServiceLinkRow.office_token == OFFICE_C[1])
    )
    refused = await runs.run(OFFICE_C[1], now)
    assert refused.refused_because is not None
    assert case.application_no in refused.refused_because
    links = select(ServiceLinkRow.last_imported_on).where(ServiceLinkRow.office_token == OFFICE_C[1])
    assert await environment.rows(links) == before
    assert (await runs.run(OFFICE_B[1], now)).refused_because is None  # other offices are untouched
    await case.release_sharing()
    await at_rest(case, Stage.SET_UP)
    assert (await runs.run(OFFICE_C[1], now)).refused_because is None
    recorded = await environment.rows(select(SmartImportRunRow).where(SmartImportRunRow.office_token == OFFICE_C[1]))
    assert [row.refused_because is None for row in recorded] == [False, True]


async def test_y13_sharing_is_asked_for_reminded_and_waited_for(environment: Environment) -> None:
    case = await environment.apply(form([OFFICE_C]))
    await at_rest(case, Stage.SHARING)
    [request] = [mail for mail in environment.inbox.to(TARO) if mail["Subject"] == MailKind.RELEASE_SHARING.subject]
    assert "山田会計事務所" in body(request)
    assert "［設定を解除する］" in body(request)
    started = day_in_japan(await case.now())
    for count, day in enumerate((3, 6), start=1):
        await case.until_day(environment.calendar.business_days_after(started, day))
        assert len(await case.notices(MailKind.RELEASE_SHARING_REMINDER)) == count
    assert await case.issued() == []
    await case.release_sharing()
    await at_rest(case, Stage.SET_UP)
    [sharing] = await environment.rows(select(SharingRow).where(SharingRow.office_token == OFFICE_C[1]))
    assert (sharing.firm, sharing.ended_for) == ("山田会計事務所", f"{case.application_no}:1")
    assert not sharing.released_by_system


async def test_y13_the_case_goes_on_when_the_sharing_has_ended_unreported(environment: Environment) -> None:
    case = await environment.apply(form([OFFICE_C]))
    await at_rest(case, Stage.SHARING)
    async with environment.sessions.begin() as session:
        [row] = (await session.scalars(select(SharingRow).where(SharingRow.office_token == OFFICE_C[1]))).all()
        row.ended_at = func.now()
    await case.until_day(environment.calendar.business_days_after(day_in_japan(await case.now()), 3))
    await at_rest(case, Stage.SET_UP)
    assert await case.notices(MailKind.RELEASE_SHARING_REMINDER) == []


async def test_y13_with_consent_the_system_releases_the_sharing(environment: Environment) -> None:
    case = await environment.apply(form([OFFICE_C], delegate=True))
    await at_rest(case, Stage.SET_UP)
    [sharing] = await environment.rows(select(SharingRow).where(SharingRow.office_token == OFFICE_C[1]))
    assert sharing.released_by_system
    assert await case.notices(MailKind.RELEASE_SHARING) == []


async def test_y14_links_are_remembered_before_they_are_lost(environment: Environment) -> None:
    before = {
        (row.kind, row.service): row.last_imported_on
        for row in await environment.rows(select(ServiceLinkRow).where(ServiceLinkRow.office_token == OFFICE_C[1]))
    }
    case = await environment.apply(form([OFFICE_C], delegate=True))
    await at_rest(case, Stage.SET_UP)
    remembered = await environment.rows(
        select(RememberedLinkRow).where(RememberedLinkRow.application_no == case.application_no)
    )
    assert {(row.kind, row.service): row.last_imported_on for row in remembered} == before
    lost = await environment.rows(select(ServiceLinkRow.lost_at).where(ServiceLinkRow.office_token == OFFICE_C[1]))
    assert all(lost)


async def test_y15_numbers_count_up_over_all_ids_ever_issued_on_the_contract(environment: Environment) -> None:
    first = await environment.apply(form([OFFICE_B]))
    await at_rest(first, Stage.SET_UP)
    second = await environment.apply(form([OFFICE_C], delegate=True))
    await at_rest(second, Stage.SET_UP)
    [one], [two] = await first.issued(), await second.issued()
    assert (one.registered_name, two.registered_name) == ("弥生 太郎 - 1 (8871304)", "弥生 太郎 - 2 (8871304)")
    assert one.contract_id != two.contract_id
    assert (await environment.office(OFFICE_B[1])).contract_id == one.contract_id


async def test_y15_numbers_follow_the_order_of_the_form(environment: Environment) -> None:
    tokens = [OfficeToken(f"{letter}6000012-0000-4000-8000-{number:012}") for number, letter in enumerate("bcdef", 2)]
    ids = [YayoiId(f"office-{number}@tada.example.co.jp") for number in range(2, 7)]
    case = await environment.apply(form(list(zip(ids, tokens, strict=True)), contract=ContractId("6000012")))
    for number in range(1, 6):
        await at_rest(case, Stage.SET_UP, number)
    issued = await case.issued()
    assert [row.number for row in issued] == [1, 2, 3, 4, 5]
    assert [row.contract_id for row in issued] == sorted(row.contract_id for row in issued)


async def test_y18_the_completion_notice_says_all_that_the_customer_needs(environment: Environment) -> None:
    case = await environment.apply(form([OFFICE_C], delegate=True))
    await at_rest(case, Stage.SET_UP)
    [issued] = await case.issued()
    [notice] = environment.inbox.to(OFFICE_C[0])
    assert notice["Subject"] == NOTICE_SUBJECT
    text = body(notice)
    for expected in (
        issued.registered_name,
        issued.contract_id,
        "弥生会計 24 ネットワーク",
        "STEP5",
        "STEP6",
        BANK_C[1],
        AIR_C[1],
        "山田会計事務所",
        "元々ご契約のお客様番号（8871304）は入力しないでください",
    ):
        assert expected in text
    assert BANK_B[1] not in text


async def test_y20_steps_out_of_order_are_refused_with_the_reason(environment: Environment) -> None:
    case = await environment.apply(form([OFFICE_C]))
    await at_rest(case, Stage.SHARING)
    with pytest.raises(WorkflowUpdateFailedError) as early:
        await case.do_step(SetUpStep.SUPPORT_PASSWORD)
    assert "まだ送られていません" in str(early.value.cause)
    await case.release_sharing()
    await at_rest(case, Stage.SET_UP)
    with pytest.raises(WorkflowUpdateFailedError) as wrong:
        await case.do_step(SetUpStep.PRODUCT)
    assert "先に「STEP5 サポート・サービスのパスワード設定」が必要です" in str(wrong.value.cause)
    await case.do_step(SetUpStep.SUPPORT_PASSWORD)
    with pytest.raises(WorkflowUpdateFailedError) as again:
        await case.do_step(SetUpStep.SUPPORT_PASSWORD)
    assert "すでに記録されています" in str(again.value.cause)
    assert (await case.progress()).open_points[0] == SetUpStep.BUSINESS_GROUP.label


async def test_y20_a_yayoi_id_that_joined_another_group_meanwhile_is_refused(environment: Environment) -> None:
    case = await environment.apply(form())
    await at_rest(case, Stage.SET_UP)
    await case.do_step(SetUpStep.SUPPORT_PASSWORD)
    async with environment.sessions.begin() as session:
        group = BusinessGroupRow(name="別の会社")
        session.add(group)
        await session.flush()
        session.add(
            GroupMemberRow(person_id=YayoiIdRow.id_of(OFFICE_B[0]), group_id=group.group_id, administrator=False)
        )
    with pytest.raises(WorkflowUpdateFailedError):
        await case.do_step(SetUpStep.BUSINESS_GROUP)
    assert (await case.progress()).open_points[0] == SetUpStep.BUSINESS_GROUP.label


async def test_y21_a_relink_shows_the_days_that_may_be_missing_or_doubled(environment: Environment) -> None:
    case = await environment.apply(form([OFFICE_C], delegate=True))
    await at_rest(case, Stage.SET_UP)
    today = day_in_japan(await case.now())
    links = {row.service: row.last_imported_on for row in await environment.rows(select(RememberedLinkRow))}
    bank_until, air_until = links[BANK_C[1]], links[AIR_C[1]]
    with pytest.raises(WorkflowUpdateFailedError) as unknown:
        await case.relink(LinkKind.BANK_ACCOUNT, "知らない銀行", today)
    assert "再連携を待っているサービス：口座連携（連携1）、Airレジ（連携2）。" in str(unknown.value.cause)
    await case.relink(*BANK_C, today, asked_from=bank_until - timedelta(days=2))
    await case.relink(*AIR_C, today, asked_from=air_until)
    details = await case.office().query("__temporal_workflow_metadata")
    text = str(details)
    assert f"{bank_until - timedelta(days=2)} ～ {bank_until}" in text  # doubled
    assert f"{air_until + timedelta(days=1)} ～ {today}" in text  # missing: a register starts the day after
    made = await environment.rows(
        select(ServiceLinkRow).where(ServiceLinkRow.lost_at.is_(None), ServiceLinkRow.office_token == OFFICE_C[1])
    )
    assert {row.settings == {} for row in made} == {True}


@pytest.mark.long
async def test_y25_follow_up_reminds_shows_to_operators_and_ends_with_what_is_open(environment: Environment) -> None:
    case = await environment.apply(form())
    await at_rest(case, Stage.SET_UP)
    notified = day_in_japan(await case.now())
    await case.do_step(SetUpStep.SUPPORT_PASSWORD)
    for count, days in enumerate((3, 7), start=1):
        await case.until_day(environment.calendar.business_days_after(notified, days))
        reminders = await case.notices(MailKind.FOLLOW_UP_REMINDER)
        assert len(reminders) == count
        assert reminders[-1].recipient == OFFICE_B[0]
    assert (await case.progress()).waiting_for is WaitingFor.APPLICANT
    await case.until_day(environment.calendar.business_days_after(notified, 10))
    assert (await case.progress()).waiting_for is WaitingFor.OPERATOR
    await case.until(end_of(notified + timedelta(days=30)))
    [outcome] = (await case.application.result()).offices
    assert outcome.outcome is Outcome.INCOMPLETE
    assert outcome.open_points == (
        SetUpStep.BUSINESS_GROUP.label,
        SetUpStep.PRODUCT.label,
        SetUpStep.OWNED_PRODUCT.label,
        "口座連携（連携1）の再連携",
    )
    mailed = body(environment.inbox.to(TARO)[-1])
    assert outcome.open_points[0] in mailed
    assert f"口座連携「{BANK_B[1]}」の再連携" in mailed


async def test_y27_sharing_not_released_expires_thawed_and_notified(environment: Environment) -> None:
    case = await environment.apply(form([OFFICE_C]))
    await at_rest(case, Stage.SHARING)
    await case.until(end_of(case.due_date))
    progress = await case.progress()
    assert progress.overdue
    assert len(await case.notices(MailKind.DELAY)) == 1
    expires = environment.calendar.business_days_after(case.due_date, 5)
    assert await case.until(opening_of(expires))
    assert (await case.progress()).outcome is None
    await case.until(end_of(expires))
    assert (await case.office().result()).outcome is Outcome.EXPIRED
    await case.application.result()
    assert (await environment.office(OFFICE_C[1])).frozen_by is None
    [sharing] = await environment.rows(select(SharingRow).where(SharingRow.office_token == OFFICE_C[1]))
    assert sharing.ended_at is None
    assert await case.issued() == []
    again = await environment.apply(form([OFFICE_C], delegate=True))
    await at_rest(again, Stage.SET_UP)


@pytest.mark.long
async def test_reminders_go_out_at_nine_on_business_days(environment: Environment) -> None:
    case = await environment.apply(form())
    await at_rest(case, Stage.SET_UP)
    await case.until(await case.now() + timedelta(days=31))
    await case.application.result()
    sent = [row.happened_at for row in await case.audit() if MailKind.FOLLOW_UP_REMINDER.subject in row.action]
    assert len(sent) == 2
    for at in sent:
        assert at.astimezone(JST).hour == 9
        assert environment.calendar.is_business_day(day_in_japan(at))
    assert all(one <= two for one, two in pairwise(sent))


async def test_no_mail_is_sent_twice(environment: Environment) -> None:
    case = await environment.apply(form([OFFICE_B, OFFICE_C], delegate=True))
    await at_rest(case, Stage.SET_UP, 1)
    await at_rest(case, Stage.SET_UP, 2)
    ids = [mail["Message-ID"] for mail in environment.inbox.mails]
    assert len(ids) == len(set(ids))
    stored = await environment.rows(select(NoticeRow.message_id).where(NoticeRow.sent_at.is_not(None)))
    assert set(ids) == set(stored)
