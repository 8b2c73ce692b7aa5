"""An application that waits for the contract's holder, led by its workflows (Y5a): mails, pages, reminders, ends."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest
import pytest_asyncio
from sqlalchemy import select
from temporalio.client import WorkflowUpdateFailedError

from models.common.calendar import day_in_japan, day_in_words, end_of
from models.common.operator_message import ActionMessage
from models.common.personal_links import read_link
from models.common.store.case_status import status_of
from models.common.waiting_for import WaitingFor
from models.tables import (
    ApplicationRow,
    HolderConfirmationRow,
    IssuedContractRow,
    WebhookMessageRow,
    WebhookSubscriberRow,
)
from models.yayoi.case_links import case_path, link_expiry
from models.yayoi.deadlines import APPLICANT_REMINDER_DAYS, HOLDER_MAIL_EVERY, MOST_UNCONFIRMED
from models.yayoi.identifiers import ApplicationNo, ContractId, OfficeToken
from models.yayoi.mails import MailKind
from models.yayoi.messages import Outcome
from models.yayoi.operator_actions import Action, CorrectPair, ExtendDeadline, ResendMail
from models.yayoi.personal_links import YayoiLinkKind
from models.yayoi.procedures import ApplicationStage, SetUpStep, Stage
from tests.support.customer import words
from tests.support.ending import end
from tests.support.environment import (
    NOBODY,
    OFFICE_B,
    OFFICE_C,
    OPERATOR,
    TARO,
    Case,
    Environment,
    at_rest,
    form,
)
from tests.support.holder import application_link, apply_without_link, asked, links_in, named_in, pages_of, press
from tests.support.secret_key import SECRET_KEYS
from tests.support.signing import acting_as, applicant
from tests.support.web import Web, application, end_cases, hidden_fields, pair, until
from web.yayoi.holder_answers import HolderAnswers
from workers.stack.inbox import text_of
from workflows.yayoi.multi_office_application import MultiOfficeApplication

FOREIGN = OfficeToken("b6000037-0000-4000-8000-000000000002")
SAID = ActionMessage(reason="契約者のお電話")


@pytest_asyncio.fixture
async def pages(environment: Environment) -> AsyncIterator[Web]:
    async with pages_of(environment) as web:
        yield web
    await end_cases(web, environment.client)


async def waits(case: Case, number: int = 1) -> None:
    await at_rest(case, Stage.CONFIRMATION, number)


async def stage_of_application(case: Case) -> ApplicationStage:
    return (await case.application.query(MultiOfficeApplication.progress)).stage


async def test_y5a_the_holder_confirms_by_the_link_and_only_then_anything_is_issued_or_mailed(
    environment: Environment, pages: Web
) -> None:
    case = await apply_without_link(environment)
    await waits(case)
    progress = await case.progress()
    assert (progress.waiting_for, progress.waits_until) == (
        WaitingFor.HOLDER,
        environment.calendar.business_days_after(case.due_date, 5),
    )
    assert await stage_of_application(case) is ApplicationStage.CONFIRMATION
    [mail] = environment.inbox.mails
    assert (mail["To"], named_in(mail)) == (TARO, [case.application_no])
    confirm, _ = links_in(mail, case.application_no)
    page = words(await pages.http.get(confirm))
    for shown in ("お申し込みを確認してください", case.application_no, OFFICE_B[0], "8871304"):
        assert shown in page
    assert (await case.progress()).stage is Stage.CONFIRMATION  # opening it changes nothing

    assert "このお申し込みは確認済みです" in words(await press(pages, confirm))
    await at_rest(case, Stage.SET_UP)
    [issued] = await case.issued()
    assert issued.yayoi_id == OFFICE_B[0]

    async def has_receipt() -> bool:
        return bool(await case.notices(MailKind.RECEIPT))

    await until(has_receipt)
    assert "このお申し込みは確認済みです" in words(await pages.http.get(confirm))
    assert [mail["Subject"] for mail in environment.inbox.to(TARO)] == [
        MailKind.CONFIRM_APPLICATIONS.subject,
        MailKind.RECEIPT.subject,
    ]
    await case.do_steps(*SetUpStep)
    await case.application.result()
    actions = [row.action for row in await case.audit()]
    assert actions.count("契約者が申し込みを確認した") == 1
    assert actions.count(f"メールを送信した：{MailKind.CONFIRM_APPLICATIONS.subject}") == 1


@pytest.mark.long
async def test_y5a_the_holder_ends_it_and_nobody_gets_a_mail_of_it(environment: Environment, pages: Web) -> None:
    case = await apply_without_link(environment, OFFICE_B[0], OFFICE_C[0])
    for number in (1, 2):
        await waits(case, number)
    [mail] = environment.inbox.mails
    confirm, ends = links_in(mail, case.application_no)
    assert "このお申し込みを終了しますか" in words(await pages.http.get(ends))
    assert "このお申し込みは終了しました" in words(await press(pages, ends))
    outcomes = (await case.application.result()).offices
    assert [office.outcome for office in outcomes] == [Outcome.REJECTED] * 2
    for link in (confirm, ends):
        assert "このお申し込みは終了しました" in words(await pages.http.get(link))
    assert len(environment.inbox.mails) == 1
    assert await environment.rows(select(IssuedContractRow)) == []


@pytest.mark.long
async def test_y5a_reminded_and_expired_like_a_correction_by_mails_to_the_holder_alone(
    environment: Environment,
) -> None:
    case = await apply_without_link(environment)
    await waits(case)
    began = day_in_japan(await case.now())
    for count, days in enumerate(APPLICANT_REMINDER_DAYS, start=2):
        await case.until_day(environment.calendar.business_days_after(began, days))
        assert len(asked(environment.inbox)) == count
    await case.until(end_of(environment.calendar.business_days_after(case.due_date, 5)))
    assert (await case.office().result()).outcome is Outcome.EXPIRED
    await case.application.result()
    assert {mail["Subject"] for mail in environment.inbox.to(TARO)} == {MailKind.CONFIRM_APPLICATIONS.subject}
    [confirm, _] = links_in(asked(environment.inbox)[0], case.application_no)
    async with pages_of(environment) as pages:
        assert "このお申し込みは終了しています" in words(await pages.http.get(confirm))


@pytest.mark.long
@pytest.mark.parametrize("action", [Action.REPORT_CONFIRMED, Action.REPORT_NOT_CONFIRMED])
async def test_y5a_an_operator_records_what_the_holder_says_on_the_phone_for_the_whole_application(
    environment: Environment, action: Action
) -> None:
    case = await apply_without_link(environment, OFFICE_B[0], OFFICE_C[0])
    for number in (1, 2):
        await waits(case, number)
    await case.office(1).execute_update(action, SAID)
    answers = HolderAnswers(environment.sessions, environment.client)
    await answers.notify_all()
    if action is Action.REPORT_CONFIRMED:
        for number in (1, 2):
            await at_rest(case, Stage.SET_UP, number)
        await end(case.application, case.office(1), case.office(2))
    else:
        outcomes = (await case.application.result()).offices
        assert [office.outcome for office in outcomes] == [Outcome.REJECTED] * 2
    assert (OPERATOR, "契約者のお電話") in {(row.by, row.reason) for row in await case.audit()}
    assert len(asked(environment.inbox)) == 1


async def test_y5a_an_answer_is_refused_where_nobody_waits_for_one(environment: Environment) -> None:
    case = await environment.apply(form([OFFICE_C]))
    await at_rest(case, Stage.SHARING)
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await case.office().execute_update(Action.REPORT_CONFIRMED, SAID)
    assert "契約者の確認を待っている段階ではありません" in str(refused.value.cause)


async def test_y5a_a_foreign_token_waits_until_it_is_corrected_to_one_of_the_contract(
    environment: Environment,
) -> None:
    case = await environment.apply(form([(OFFICE_B[0], FOREIGN), (NOBODY, FOREIGN)][:1]), by_holder=False)
    await waits(case)
    assert (await environment.office(FOREIGN)).frozen_by is None
    await case.act(CorrectPair(reason="お電話", office_token=OFFICE_B[1]))
    await at_rest(case, Stage.SET_UP)
    await HolderAnswers(environment.sessions, environment.client).notify_all()

    async def has_receipt() -> bool:
        return bool(await case.notices(MailKind.RECEIPT))

    await until(has_receipt)


async def test_y5a_what_is_wrong_with_the_id_is_said_once_the_holder_has_confirmed(
    environment: Environment, pages: Web
) -> None:
    case = await apply_without_link(environment, NOBODY)
    await waits(case)
    assert (await case.progress()).open_points == ()
    await press(pages, links_in(asked(environment.inbox)[0], case.application_no)[0])
    await at_rest(case, Stage.CORRECTION)
    assert "弥生ID として登録されていません" in (await case.progress()).open_points[0]
    assert len(await case.notices(MailKind.CORRECTION_NEEDED)) == 1


async def test_y5a_what_the_applicant_changes_afterwards_is_confirmed_anew(
    environment: Environment, pages: Web
) -> None:
    case = await apply_without_link(environment, NOBODY)
    await waits(case)
    await press(pages, links_in(asked(environment.inbox)[0], case.application_no)[0])
    await at_rest(case, Stage.CORRECTION)
    with acting_as(applicant(case.application_no)):
        await case.act(CorrectPair(reason="画面", yayoi_id=OFFICE_C[0]))
    await waits(case)
    assert await case.issued() == []
    assert len(asked(environment.inbox)) == 1  # within the hour
    await case.until(await case.now() + HOLDER_MAIL_EVERY)
    [_, again] = asked(environment.inbox)
    await press(pages, links_in(again, case.application_no)[0])
    await at_rest(case, Stage.SET_UP)
    [issued] = await case.issued()
    assert issued.yayoi_id == OFFICE_C[0]


@pytest.mark.long
async def test_y5a_a_pair_that_is_confirmed_anew_stops_none_of_the_others(environment: Environment, pages: Web) -> None:
    case = await apply_without_link(environment, OFFICE_B[0], NOBODY)
    await waits(case, 2)
    await press(pages, links_in(asked(environment.inbox)[0], case.application_no)[0])
    await at_rest(case, Stage.CORRECTION, 2)
    with acting_as(applicant(case.application_no, 2)):
        await case.act(CorrectPair(reason="画面", yayoi_id=OFFICE_C[0]), 2)
    await waits(case, 2)
    await at_rest(case, Stage.SET_UP, 1)
    assert [issued.yayoi_id for issued in await case.issued()] == [OFFICE_B[0]]
    path = case_path(SECRET_KEYS, case.application_no, link_expiry(case.due_date))
    shown = words(await pages.http.get(path))
    assert "お手続きは、まだ始まっていません" not in shown  # the first pair's has
    assert "弥生ID が訂正されたため、この事業所データだけ、もう一度確認をお願いしています。" in shown

    await case.until(await case.now(2) + HOLDER_MAIL_EVERY, 2)
    [_, again] = asked(environment.inbox)
    _, ends = links_in(again, case.application_no)
    question = words(await pages.http.get(ends))
    assert OFFICE_C[0] in question
    assert OFFICE_B[0] not in question
    assert "ほかの弥生ID のお手続きには影響ありません" in question
    await press(pages, ends)
    assert (await case.office(2).result()).outcome is Outcome.REJECTED
    await case.do_steps(*SetUpStep)
    outcomes = (await case.application.result()).offices
    assert [office.outcome for office in outcomes] == [Outcome.COMPLETED, Outcome.REJECTED]
    assert len(await case.notices(MailKind.COMPLETION_NOTICE)) == len(await case.notices(MailKind.FINISHED)) == 1


@pytest.mark.long
async def test_y5a_only_the_pair_that_is_not_confirmed_anew_expires(environment: Environment, pages: Web) -> None:
    case = await apply_without_link(environment, OFFICE_B[0], NOBODY)
    await waits(case, 2)
    await press(pages, links_in(asked(environment.inbox)[0], case.application_no)[0])
    await at_rest(case, Stage.CORRECTION, 2)
    with acting_as(applicant(case.application_no, 2)):
        await case.act(CorrectPair(reason="画面", yayoi_id=OFFICE_C[0]), 2)
    await waits(case, 2)
    await case.until(end_of(environment.calendar.business_days_after(case.due_date, 5)), 2)
    assert (await case.office(2).result()).outcome is Outcome.EXPIRED
    await at_rest(case, Stage.SET_UP, 1)
    await end(case.application, case.office())


@pytest.mark.long
async def test_y5a_a_mistyped_id_is_corrected_on_the_page_while_it_waits_for_the_holder(
    environment: Environment, pages: Web
) -> None:
    case = await apply_without_link(environment, NOBODY)
    await waits(case)
    path = case_path(SECRET_KEYS, case.application_no, link_expiry(case.due_date))
    page = await pages.http.get(path)
    assert "弥生ID を間違えて入力されたときは、「訂正する」から訂正してください。" in words(page)
    [correct] = map(unescape, re.findall(r'href="(/applications/[^"]*/correct[^"]*)"', page.text))
    typed = {"yayoi_id": OFFICE_C[0], "yayoi_id_confirmation": OFFICE_C[0], "action": "send"}
    empty = await pages.http.get(correct)
    sent = await pages.http.post(correct, data=hidden_fields(empty, correct) | typed)
    assert sent.status_code == 303, words(sent)
    await waits(case)
    await case.until(await case.now() + HOLDER_MAIL_EVERY)
    [first, again] = asked(environment.inbox)
    assert OFFICE_C[0] in text_of(again)
    await press(
        pages, links_in(first, case.application_no)[0]
    )  # whichever mail is opened shows what is applied for now
    await at_rest(case, Stage.SET_UP)
    assert [issued.yayoi_id for issued in await case.issued()] == [OFFICE_C[0]]


async def test_y5a_an_operator_asks_a_holder_whose_address_is_refused(environment: Environment) -> None:
    environment.inbox.unknown.add(TARO)
    case = await apply_without_link(environment)
    await at_rest(case, Stage.CONFIRMATION)
    assert (await case.progress()).waiting_for is WaitingFor.OPERATOR
    environment.inbox.unknown.clear()
    kind = MailKind.CONFIRM_APPLICATIONS
    await case.act(ResendMail(reason="受け取れるとのお電話", kind=kind))
    assert len(asked(environment.inbox)) == 1
    with pytest.raises(WorkflowUpdateFailedError) as too_soon:
        await case.act(ResendMail(reason="もう一度", kind=kind))
    assert "以降に送り直してください" in str(too_soon.value.cause)


@pytest.mark.long
async def test_y5a_of_150_made_up_applications_the_holder_gets_one_mail_an_hour_and_can_do_everything(
    environment: Environment, pages: Web
) -> None:
    """By the API, as a stranger sends them; the contract's number is all that they know."""
    contract, numbers, statuses = "8871304", [], []
    for number in range(150):
        stranger = pair(f"stranger-{number}@evil.example", None)
        answer = await pages.apply(application(stranger, existing_contract_id=contract, accounting_link=False))
        statuses.append(answer.status_code)
        if answer.status_code == 202:
            assert answer.json()["waits_for_holder"]
            numbers.append(ApplicationNo(answer.json()["application_no"]))
        else:
            assert "お申し込みを確認または終了してください" in answer.json()["detail"]
            assert int(answer.headers["retry-after"]) == HOLDER_MAIL_EVERY.total_seconds()
    assert (statuses.count(202), statuses.count(429)) == (MOST_UNCONFIRMED, 150 - MOST_UNCONFIRMED)
    cases = [Case(environment, number, (await row(environment, number)).due_date) for number in numbers]
    for case in cases:
        await case.started()
        await waits(case)
    first = asked(environment.inbox)
    assert (len(first), len(environment.inbox.to(TARO))) == (1, 1)
    # Whoever came after the first mail waits for the next one, an hour later.
    late = [case for case in cases if case.application_no not in named_in(first[0])]
    for case in late:
        await case.until(await case.now() + HOLDER_MAIL_EVERY)
    assert len(environment.inbox.to(TARO)) == 1 + bool(late)
    newest = asked(environment.inbox)[-1]
    assert set(named_in(first[0])) | set(named_in(newest)) == set(numbers)

    # The holder applies by the link in the mail, with and without a token, and ends what they do not know.
    link = application_link(newest)
    [token] = parse_qs(urlsplit(link).query)["holder"]
    page = await pages.http.get(link)
    assert hidden_fields(page, "/apply")["holder_link"] == token
    own = {
        **hidden_fields(page, "/apply"),
        "applicant.family_name": "弥生",
        "applicant.given_name": "太郎",
        "existing_contract_id": contract,
        "accounting_link": "false",
        "network_product": "true",
        "offices.0.office_name": "支店",
        "offices.0.yayoi_id": OFFICE_B[0],
        "offices.0.yayoi_id_confirmation": OFFICE_B[0],
    }
    sent = await pages.http.post("/apply", data=own | {"action": "send"})
    assert sent.status_code == 303, words(sent)
    mine = ApplicationNo(urlsplit(sent.headers["location"]).path.rpartition("/")[2])
    case = Case(environment, mine, (await row(environment, mine)).due_date)
    await case.started()
    await at_rest(case, Stage.SET_UP)
    linked = await environment.apply(form([OFFICE_C]), by_holder=False)
    await at_rest(linked, Stage.SHARING)
    for each in cases:
        mail = next(mail for mail in asked(environment.inbox) if each.application_no in named_in(mail))
        await press(pages, links_in(mail, each.application_no)[1])
        await each.application.result()
    assert await environment.rows(select(IssuedContractRow.yayoi_id)) == [OFFICE_B[0]]
    await end(case.application, case.office(), linked.application, linked.office())


async def row(environment: Environment, number: ApplicationNo) -> ApplicationRow:
    async with environment.sessions() as session:
        return await session.get_one(ApplicationRow, number)


@pytest.mark.long
async def test_y5a_a_sixth_learns_on_the_page_how_to_reach_the_holder(pages: Web) -> None:
    for number in range(MOST_UNCONFIRMED):
        stranger = pair(f"stranger-{number}@evil.example", None)
        form_ = application(stranger, existing_contract_id="6000001", accounting_link=False)
        assert (await pages.apply(form_)).status_code == 202
    empty = await pages.http.get("/apply")
    typed = hidden_fields(empty, "/apply") | {
        "applicant.family_name": "青葉",
        "applicant.given_name": "花子",
        "existing_contract_id": "6000001",
        "accounting_link": "false",
        "network_product": "true",
        "offices.0.office_name": "支店",
        "offices.0.yayoi_id": "office-2@aoba.example.co.jp",
        "offices.0.yayoi_id_confirmation": "office-2@aoba.example.co.jp",
    }
    for action in ("confirm", "send"):
        answer = await pages.http.post("/apply", data=typed | {"action": action})
        assert answer.status_code == 429
        for said in ("確認を待っているお申し込みが", "ご契約のメールアドレス", "お問い合わせ画面"):
            assert said in words(answer)
        assert "office-2@aoba.example.co.jp" in answer.text  # what was typed is kept


async def test_y5a_subscribers_and_the_case_page_learn_for_whom_it_waits(environment: Environment, pages: Web) -> None:
    async with environment.sessions.begin() as session:
        session.add(WebhookSubscriberRow(url="https://books.example/hook", secrets=[], kinds=[]))
    sent = await pages.apply(application(pair(OFFICE_B[0], None), accounting_link=False))
    number = ApplicationNo(sent.json()["application_no"])
    shown = words(await pages.http.get(urlsplit(sent.json()["status_url"])._replace(scheme="", netloc="").geturl()))
    for fact in ("お手続きは、まだ始まっていません。", "ご契約者さまの確認待ち", "ご契約者さまの確認を待っています。"):
        assert fact in shown
    assert TARO not in shown
    case = Case(environment, number, (await row(environment, number)).due_date)
    await case.started()
    await waits(case)
    messages = [
        (message.payload["data"]["office_no"], message.payload["data"]["stage"]["code"])
        for message in await environment.rows(select(WebhookMessageRow).order_by(WebhookMessageRow.stored_at))
        if message.payload["data"]["waiting_for"]["code"] == "holder"
    ]
    assert sorted(messages, key=str) == [(1, "confirmation"), (None, "confirmation")]
    async with environment.sessions() as session:
        status = await status_of(session, number)
        assert status is not None
        assert (status.stage, status.waiting_for) == (ApplicationStage.CONFIRMATION, WaitingFor.HOLDER)
    await end(case.application, case.office())


@pytest.mark.parametrize("link", ["", "x", "/holder/end"], ids=["none", "made up", "of the other kind"])
async def test_y5a_a_link_that_was_not_made_for_it_opens_nothing(
    environment: Environment, pages: Web, link: str
) -> None:
    if link.startswith("/"):
        case = await apply_without_link(environment)
        await waits(case)
        link = parse_qs(urlsplit(links_in(asked(environment.inbox)[0], case.application_no)[1]).query)["link"][0]
        await end(case.application, case.office())
    for answer in (
        await pages.http.get(f"/holder/confirm?link={link}"),
        await pages.http.post("/holder/confirm", data={"link": link}),
    ):
        assert answer.status_code == 404
        assert "このリンク（URL）は使えません" in answer.text
    settled = await environment.rows(select(HolderConfirmationRow.settled_as))
    assert set(settled) <= {None}


async def test_y5a_of_another_contract_the_holders_link_proves_nothing(environment: Environment, pages: Web) -> None:
    case = await apply_without_link(environment)
    await waits(case)
    page = await pages.http.get(application_link(asked(environment.inbox)[0]))
    typed = hidden_fields(page, "/apply") | {
        "applicant.family_name": "青葉",
        "applicant.given_name": "花子",
        "existing_contract_id": ContractId("6000001"),
        "accounting_link": "false",
        "network_product": "true",
        "offices.0.office_name": "支店",
        "offices.0.yayoi_id": OFFICE_C[0],
        "offices.0.yayoi_id_confirmation": OFFICE_C[0],
        "action": "send",
    }
    sent = await pages.http.post("/apply", data=typed)
    assert sent.status_code == 303, words(sent)
    number = urlsplit(sent.headers["location"]).path.rpartition("/")[2]
    waiting = await environment.rows(select(HolderConfirmationRow.application_no).order_by("application_no"))
    assert waiting == sorted([case.application_no, number])
    other = Case(environment, ApplicationNo(number), case.due_date)
    await other.started()
    await end(case.application, case.office(), other.application, other.office())


async def test_y5a_time_alone_confirms_nothing(environment: Environment) -> None:
    case = await apply_without_link(environment)
    await waits(case)
    await case.until(await case.now() + timedelta(days=5))
    await case.office().signal("holder_answered", args=[{"confirmed": True}])
    await case.settled()
    assert ((await case.progress()).stage, await case.issued()) == (Stage.CONFIRMATION, [])


async def test_y27_a_moved_deadline_is_mailed_to_the_holder_with_links_that_open_until_then(
    environment: Environment,
) -> None:
    """Of offices that are moved together by one mail; its links open as long as any answer counts."""
    case = await apply_without_link(environment, OFFICE_B[0], OFFICE_C[0])
    for number in (1, 2):
        await waits(case, number)
    today = day_in_japan(await case.now())
    sooner, later = today + timedelta(days=200), today + timedelta(days=300)
    for number, moved in ((1, later), (2, sooner)):
        await case.act(ExtendDeadline(reason="ご契約者の長期のご不在", until=moved), number)
    for number in (1, 2):
        await case.until(await case.now(number) + 3 * HOLDER_MAIL_EVERY, number)
    first, second = asked(environment.inbox)
    for moved in (sooner, later):
        assert day_in_words(moved) not in text_of(first)
        assert day_in_words(moved) in text_of(second)
    kinds = (YayoiLinkKind.HOLDER_CONFIRMS, YayoiLinkKind.HOLDER_ENDS)
    for kind, address in zip(kinds, links_in(second, case.application_no), strict=True):
        link = read_link(SECRET_KEYS, kind, parse_qs(urlsplit(address).query)["link"][0])
        assert link is not None
        assert link.is_open(end_of(later) - timedelta(seconds=1))
    assert await case.notices(MailKind.DEADLINE_EXTENDED) == []
