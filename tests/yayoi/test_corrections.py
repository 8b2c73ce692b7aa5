"""What somebody has recorded by mistake is corrected by them or by operators, and the audit trail says so."""

import html
import re
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import select, text
from temporalio.client import WorkflowUpdateFailedError

from models.common.actors import Actor, ActorKind
from models.common.calendar import day_in_japan
from models.common.commitments import salted
from models.common.desk_links import desk_case_path
from models.common.operators import Role
from models.common.signatures import SignedPlace
from models.common.signed_acts import SignedAct
from models.common.store.operation_records import OperationRecords
from models.tables import (
    AuditRow,
    BusinessGroupDetailsRow,
    BusinessGroupRow,
    EventRow,
    RememberedLinkRow,
    ServiceLinkRow,
    SetUpStepRow,
    SharingAgainRow,
)
from models.yayoi.business_groups import GroupDetails
from models.yayoi.follow_up import GROUP_EXISTS
from models.yayoi.messages import OfficeRef, Outcome, RecordForEnded
from models.yayoi.operator_actions import (
    Action,
    CorrectRelink,
    ExtendDeadline,
    RetractRelink,
    RetractSetUpStep,
    SetUpStepDone,
)
from models.yayoi.procedures import SetUpStep, Stage
from models.yayoi.relink_form import AFTER_RELINK, FUTURE
from models.yayoi.service_links import LinkKind
from tests.support.customer import AIR, BANK, GROUP, Customer, errors_on, words
from tests.support.environment import OFFICE_B, OFFICE_C, OPERATOR, Case, Environment, at_rest, details_of, form
from tests.support.recorded_paths import BANK_B
from tests.support.signing import SATO, applicant, operations_by, signed
from tests.support.web import until
from web.common.operation_sender import AskedOperation
from web.yayoi.customer.business_group import NOT_CREATED
from workers.commands.relink import correct_relink
from workers.program import ClearError
from workflows.common.details import day
from workflows.yayoi.ended_office_record import EndedOfficeRecord

STEP5, GROUP_MADE = SetUpStep.SUPPORT_PASSWORD, SetUpStep.BUSINESS_GROUP
BY = {"reason": "記録の間違い"}
TODAY = day_in_japan(datetime.now(UTC))


async def set_up(environment: Environment) -> Case:
    case = await environment.apply(form([OFFICE_B]))
    await at_rest(case, Stage.SET_UP)
    return case


async def refused(case: Case, message: CorrectRelink | RetractRelink | RetractSetUpStep | ExtendDeadline) -> str:
    with pytest.raises(WorkflowUpdateFailedError) as refusal:
        await case.act(message)
    return str(refusal.value.cause)


# --- the days of a re-link --------------------------------------------------------------------------------------------


async def correct(customer: Customer, service: str, **typed: str) -> httpx.Response:
    """Fill in the form below a service that is recorded, as the page shows it."""
    page = await customer.http.get("/relink")
    [section] = [
        each
        for each in re.findall(r"<details.*?</details>", page.text, re.DOTALL)
        if f'name="service" value="{service}"' in each
    ]
    hidden = re.findall(r'type="hidden" name="(\w+)" value="(.*?)"', section)
    shown = re.findall(r'name="(relinked_on|asked_from)" value="(.*?)"', section)
    sent = {name: html.unescape(value) for name, value in [*hidden, *shown]} | typed
    return await customer.http.post("/relink/correction", data=sent)


async def test_y21_the_customer_corrects_the_day_of_a_relink_on_its_page(customer: Customer) -> None:
    await customer.web.sign_in(customer.issued.yayoi_id)
    await customer.record_relink(BANK, relinked_on=TODAY.isoformat(), asked_from="")
    assert "抜けている可能性がある日 2026年10月31日" in await customer.page("/relink")
    wrong = await correct(customer, BANK, relinked_on="26/11/28")
    assert errors_on(wrong) == [
        f"{BANK}：再連携した日：日付を、年（西暦 4 桁）・月・日の順に入力してください（例：2026-11-20）。"
    ]
    assert "<details open>" in wrong.text
    answer = await correct(customer, BANK, asked_from="令和８年１０月３１日（土）")
    assert answer.status_code == 303, words(answer)
    page = await customer.page("/relink")
    assert "新しい連携で最初に取り込まれる日 2026年10月31日（土）" in page
    assert "抜けている可能性がある日 ありません" in page
    [link] = await customer.environment.rows(select(RememberedLinkRow).filter_by(service=BANK))
    [made] = await customer.environment.rows(select(ServiceLinkRow).filter_by(service=BANK, lost_at=None))
    assert str(link.first_covered_on) == str(made.first_covered_on) == "2026-10-31"
    [audited] = await audit(customer.case, "再連携の日を訂正した")
    assert (audited.by, audited.facts["before"]["first_covered_on"]) == (await customer.recorded(), TODAY.isoformat())
    assert f"今回 {day(date(2026, 10, 31))} から" in await details_of(customer.case.office())


@pytest.mark.long
@pytest.mark.robustness("final only when sure")
async def test_a_correction_whose_step_could_not_be_taken_is_another_one_when_it_is_tried_again(
    customer: Customer,
) -> None:
    """Temporal gives the same answer to the same update for ever: it would never be delivered."""
    await customer.web.sign_in(customer.issued.yayoi_id)
    await customer.record_relink(BANK, relinked_on=TODAY.isoformat(), asked_from="")
    async with customer.environment.sessions.begin() as session:
        await session.execute(text("lock table ledger in exclusive mode"))
        assert (await correct(customer, BANK, asked_from="2026/10/31")).status_code == 303

        async def has_failed() -> bool:
            [event] = await customer.environment.rows(select(EventRow).filter_by(kind="relink_corrected"))
            return bool(event.refusals)

        await until(has_failed)

    async def is_delivered() -> bool:
        [event] = await customer.environment.rows(select(EventRow).filter_by(kind="relink_corrected"))
        return event.delivered_at is not None and event.refused_because is None

    await until(is_delivered)
    assert "抜けている可能性がある日 ありません" in await customer.page("/relink")
    assert len(await audit(customer.case, "再連携の日を訂正した")) == 1


@pytest.mark.long
@pytest.mark.usefixtures("commands_on_the_tests_server")
async def test_y21_a_day_is_corrected_as_long_as_the_case_is_kept(
    customer: Customer, capsys: pytest.CaptureFixture[str]
) -> None:
    await customer.finish_set_up()
    for service in (BANK, AIR):
        await customer.record_relink(service, relinked_on=TODAY.isoformat(), asked_from="")
    assert (await customer.case.office().result()).outcome is Outcome.COMPLETED
    assert (
        f"[担当者の画面]({desk_case_path(customer.case.application_no, 1)})から追加・訂正できます"
        in await details_of(customer.case.office())
    )
    answers = [await correct(customer, BANK, asked_from="2026/10/31") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 303]
    assert "抜けている可能性がある日 ありません" in await customer.page("/relink")
    [link] = await customer.environment.rows(select(RememberedLinkRow).filter_by(service=BANK))
    assert str(link.first_covered_on) == "2026-10-31"
    assert {entry.by for entry in await audit(customer.case, "再連携の日を訂正した")} == {await customer.recorded()}

    # So does an operator, on the command line.
    address = customer.environment.client.service_client.config.target_host
    database = customer.environment.sessions.kw["bind"].url.render_as_string(hide_password=False)
    update = {"temporal_address": address, "database_url": database}
    settings = customer.environment.settings.model_copy(update=update)
    number = await customer.case.link(LinkKind.BANK_ACCOUNT, BANK)
    said = {"link": number, "relinked_on": f"{TODAY:%Y%m%d}", "asked_from": "２０２６／１０／３０", **BY}
    await correct_relink(settings, customer.case.application_no, 1, "sk", **said)
    assert capsys.readouterr().err == "再連携の日を訂正しました。\n"
    assert "重複する可能性がある日 2026年10月30日（金）" in await customer.page("/relink")
    assert (await audit(customer.case, "再連携の日を訂正した"))[-1].by == "command:sk"
    for wrong, reason in (
        ({"link": 3}, "まだ記録されていません"),
        ({"relinked_on": "来週"}, "日付を、年"),
        ({"relinked_on": str(TODAY + timedelta(days=9))}, FUTURE),
    ):
        with pytest.raises(ClearError, match=reason):
            await correct_relink(settings, customer.case.application_no, 1, "sk", **said | wrong)
    corrected = await audit(customer.case, "再連携の日を訂正した")
    assert all(each.signed and each.update_id for each in corrected)
    await made_up_corrections_are_refused(customer)
    assert len(await audit(customer.case, "再連携の日を訂正した")) == len(corrected)


async def made_up_corrections_are_refused(customer: Customer) -> None:
    """Whoever reaches Temporal can start the procedure that corrects, and corrects nothing without a signature."""
    environment, pair = customer.environment, OfficeRef(case_no=customer.case.application_no, part=1)
    records, update_id = OperationRecords(environment.sessions), str(uuid4())
    case, name = customer.case.office().id, str(Action.CORRECT_RELINK)
    place = SignedPlace(case, str(await records.first_run_id(case)), name, update_id)
    said = salted(BY | {"kind": str(LinkKind.BANK_ACCOUNT), "service": BANK, "relinked_on": str(TODAY)})
    auditor = Actor(ActorKind.OPERATOR, "kn", (Role.AUDITOR,))
    of_another = applicant(customer.case.application_no)

    def act(who: Actor = SATO, *, at: SignedPlace = place, sent: dict[str, Any] = said, **changed: Any) -> SignedAct:
        facts = {"by": str(who), "workflow_id": at.case, "first_run": at.first_run, "operation": at.operation}
        signed_for = {"update_id": at.update_id, "entry": signed(who, at, said).decode(), "message": sent}
        return SignedAct.model_validate(facts | signed_for | changed)

    made_up = {
        "unsigned": None,
        "altered": act(sent=said | {"relinked_on": str(TODAY - timedelta(days=1))}),
        "by another": act(by="operator:tn"),
        "for another case": act(at=place._replace(case=f"{case}0")),
        "for a later workflow": act(at=place._replace(first_run=str(uuid4()))),
        "for another operation": act(at=place._replace(operation=str(Action.ADD_NOTE))),
        "for another update": act(at=place._replace(update_id=str(uuid4()))),
        "as who changes nothing": act(auditor),
        "as who may not": act(of_another),
    }
    for how, signed_act in made_up.items():
        step = RecordForEnded.of(pair, datetime.now(UTC), asked_as=update_id, act=signed_act)
        refusal = await environment.client.execute_workflow(
            EndedOfficeRecord.run, step, id=f"made-up-{uuid4()}", task_queue=environment.settings.temporal_task_queue
        )
        assert refusal is not None, how
        assert "署名" in refusal or "権限" in refusal, how


async def test_a_correction_goes_by_the_cases_own_workflow_until_that_ends(environment: Environment) -> None:
    case = await set_up(environment)
    (kind, service), today = BANK_B, day_in_japan(await case.now())
    await case.relink(kind, service, today)
    asked = AskedOperation(SATO)
    message = CorrectRelink(link=await case.link(kind, service), relinked_on=today, **BY)
    act = await asked.sign(
        operations_by(environment.client, environment.sessions), case.office().id, Action.CORRECT_RELINK, message
    )
    pair = OfficeRef(case_no=case.application_no, part=1)
    step = RecordForEnded.of(pair, datetime.now(UTC), asked_as=asked.update_id, act=act)
    refusal = await environment.client.execute_workflow(
        EndedOfficeRecord.run, step, id=f"too-early-{uuid4()}", task_queue=environment.settings.temporal_task_queue
    )
    assert "まだ終了していません" in str(refusal)
    assert await audit(case, "再連携の日を訂正した") == []


async def test_y21_an_operator_corrects_the_day_or_takes_the_record_back(environment: Environment) -> None:
    case = await set_up(environment)
    (kind, service), today = BANK_B, day_in_japan(await case.now())
    link = {"link": await case.link(kind, service), **BY}
    assert "記録された再連携はありません。" in await refused(case, CorrectRelink(**link, relinked_on=today))
    await case.relink(kind, service, today)
    for wrong, reason in (
        ({"relinked_on": today + timedelta(days=1)}, FUTURE),
        ({"relinked_on": today, "asked_from": today + timedelta(days=1)}, AFTER_RELINK),
    ):
        assert reason in await refused(case, CorrectRelink(**link, **wrong))
    await case.act(CorrectRelink(**link, relinked_on=today, asked_from=today - timedelta(days=3)))
    [row] = await environment.rows(select(RememberedLinkRow))
    assert row.first_covered_on == today - timedelta(days=3)
    await case.act(RetractRelink(**link))
    assert "口座連携（連携1）の再連携" in (await case.progress()).open_points
    [row] = await environment.rows(select(RememberedLinkRow))
    assert (row.relinked_on, row.first_covered_on) == (None, None)
    await case.relink(kind, service, today)
    [row] = await environment.rows(select(RememberedLinkRow))
    assert row.relinked_on == today
    made = await environment.rows(select(ServiceLinkRow).filter_by(service=service, lost_at=None))
    assert [each.first_covered_on for each in made] == [today]
    said = [entry.action for entry in await case.audit() if "再連携" in entry.action]
    assert said == [
        "再連携を記録した",
        "再連携の日を訂正した",
        "再連携の記録を取り消した",
        "再連携を記録した",
    ]


# --- steps ------------------------------------------------------------------------------------------------------------


@pytest.mark.long
async def test_y20_a_step_recorded_by_mistake_is_taken_back_and_can_be_done(environment: Environment) -> None:
    case = await set_up(environment)
    assert "まだ記録されていません" in await refused(case, RetractSetUpStep(**BY, step=STEP5))
    await case.do_step(STEP5)
    await case.act(RetractSetUpStep(**BY, step=STEP5))
    assert await environment.rows(select(SetUpStepRow)) == []
    assert STEP5.label in (await case.progress()).open_points
    await case.do_steps(STEP5, GROUP_MADE)
    assert [row.step for row in await environment.rows(select(SetUpStepRow).order_by(SetUpStepRow.done_at))] == [
        STEP5,
        GROUP_MADE,
    ]
    assert GROUP_EXISTS in await refused(case, RetractSetUpStep(**BY, step=GROUP_MADE))
    await case.act(SetUpStepDone(**BY, step=SetUpStep.PRODUCT))
    reason = await refused(case, RetractSetUpStep(**BY, step=STEP5))
    assert f"後から記録した「{SetUpStep.PRODUCT.label}」を、先に取り消してください。" in reason
    await case.act(RetractSetUpStep(**BY, step=SetUpStep.PRODUCT))
    entries = await audit(case, f"{STEP5.label}の記録を取り消した")
    assert [(entry.by, entry.reason) for entry in entries] == [(OPERATOR, BY["reason"])]


@pytest.mark.long
async def test_y20_whoever_created_the_group_corrects_what_was_typed(customer: Customer) -> None:
    await customer.set_support_password()
    await customer.web.sign_in(customer.issued.yayoi_id)
    assert "内容を訂正する" not in await customer.page("/set-up")
    assert (await customer.create_group()).status_code == 303
    assert "内容を訂正する" in await customer.page("/set-up")
    wrong = await customer.web.send("/group", GROUP | {"details.phone": "1"}, action="/group/correction")
    assert len(errors_on(wrong)) == 1
    answer = await customer.web.send(
        "/group", GROUP | {"group_name": "弥生 C 商会", "details.phone": "06-1234-5678"}, action="/group/correction"
    )
    assert answer.headers["location"] == "/set-up?corrected=true"
    page = await customer.page("/set-up?corrected=true")
    assert "事業グループの内容を訂正しました。" in page
    assert "弥生 C 商会" in page
    [group] = await customer.environment.rows(select(BusinessGroupRow).filter_by(name="弥生 C 商会"))
    [details] = await customer.environment.rows(select(BusinessGroupDetailsRow))
    assert (details.group_id, details.phone) == (group.group_id, "0612345678")
    shown = await customer.http.get("/group")
    assert 'value="06' in shown.text
    [entry] = await audit(customer.case, "事業グループの内容を訂正した")
    assert (entry.by, entry.facts["before"]["group_name"]) == (await customer.recorded(), GROUP["group_name"])
    assert GroupDetails.model_validate(entry.facts["before"]["details"]).phone == "0312345678"


async def test_y20_nobody_corrects_a_group_that_is_not_theirs(customer: Customer) -> None:
    await customer.set_support_password()
    await customer.web.sign_in(customer.issued.yayoi_id)
    hidden = {"event_id": "", **GROUP}
    answer = await customer.http.post("/group/correction", data=hidden)
    assert errors_on(answer) == [NOT_CREATED]
    assert await customer.environment.rows(select(BusinessGroupRow).filter_by(name=GROUP["group_name"])) == []


async def test_y21_what_became_of_the_sharing_is_corrected(customer: Customer) -> None:
    await customer.web.sign_in(customer.issued.yayoi_id)
    for answer in ("no_longer", "again"):
        done = await customer.web.send("/relink", {"answer": answer}, action="/relink/sharing")
        assert done.status_code == 303
    assert "改めて共有しました。" in await customer.page("/relink")
    [noted] = await customer.environment.rows(select(SharingAgainRow))
    assert noted.shared_on == TODAY
    said = [entry.action for entry in await customer.case.audit() if "共有" in entry.action][-2:]
    assert said == ["会計事務所との共有がもう必要ないことを記録した", "会計事務所と改めて共有したことを記録した"]


# --- deadlines --------------------------------------------------------------------------------------------------------


async def test_y27_a_deadline_that_was_moved_too_far_is_moved_back(environment: Environment) -> None:
    case = await environment.apply(form([OFFICE_C]))
    await at_rest(case, Stage.SHARING)
    first = environment.calendar.business_days_after(case.due_date, 5)
    too_far = ExtendDeadline(**BY, until=first + timedelta(days=370))
    assert f"期限は、{first} から" in await refused(case, too_far)
    await case.act(ExtendDeadline(**BY, until=first + timedelta(days=300)))
    assert f"期限は、{first} から" in await refused(case, ExtendDeadline(**BY, until=first - timedelta(days=1)))
    await case.act(ExtendDeadline(**BY, until=first + timedelta(days=7)))
    assert (await case.progress()).waits_until == first + timedelta(days=7)


async def audit(case: Case, action: str) -> list[AuditRow]:
    return [entry for entry in await case.audit() if entry.action == action]
