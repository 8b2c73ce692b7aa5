"""Operations sent by the desk's forms, on real cases: refused beside their field, taken once, their result shown."""

import html
from collections.abc import AsyncIterator
from datetime import timedelta
from http import HTTPStatus
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import text, update

from models.common.approvals import OWN
from models.common.calendar import day_in_japan, day_in_words
from models.common.desk_links import APPROVALS, desk_case_path, operation_path
from models.common.operator_message import ActionMessage
from models.common.operators import Role
from models.common.possible_operations import CaseNow, PossibleOperation
from models.tables import OperatorRow
from models.yayoi.early_exits import explanation
from models.yayoi.mails import MailKind
from models.yayoi.messages import Outcome
from models.yayoi.operator_actions import Action, AskCancel
from models.yayoi.operator_rules import CANCEL_ALL
from models.yayoi.procedures import SetUpStep, Stage
from tests.support.databases import as_role
from tests.support.desk import DeskSite, desk_on
from tests.support.ending import end
from tests.support.environment import NOBODY, OFFICE_B, OFFICE_C, TARO, Case, Environment, at_rest, form
from tests.support.operator_actions import APPROVED, case_now
from tests.support.signing import SATO, operations_by
from tests.support.web import hidden_fields, text_of
from web.backoffice.case_reader import CaseReader
from web.backoffice.desk_applicant_page import SEEN
from web.backoffice.desk_cases import AWAY, NO_SUCH_CASE
from web.backoffice.desk_operations import MOVED_ON, NO_OTHER_SUPERVISOR, NO_SUCH_OPERATION, ROLE_WANTING
from web.common.operation_sender import GOES_ON, NOT_KNOWN, NotKnown
from workers.database_roles import DatabaseRole
from workers.stack import inbox
from workers.wiring.mail_previews import customer_mail_previews

CALLED = "お電話で確認"
PUT_RIGHT = "間違えたときは、"


@pytest_asyncio.fixture
async def site(environment: Environment) -> AsyncIterator[DeskSite]:
    """The desk on the environment's cases; 佐藤 is logged in."""
    client = environment.client
    sender, reader = operations_by(client, environment.sessions), CaseReader(client)
    async with as_role(environment.sessions, DatabaseRole.DESK) as own:
        previews = customer_mail_previews(environment.settings, own)
        async with desk_on(environment.sessions, sender=sender, reader=reader, previews=previews) as site:
            await site.sign_in("sk")
            yield site


def path(case: Case, action: Action, number: int | None = 1) -> str:
    return operation_path(case.application_no, number, action)


async def opened(http: httpx.AsyncClient, address: str) -> dict[str, str]:
    """Open a form; return what a browser sends along with it unseen."""
    page = await http.get(address)
    assert page.status_code == HTTPStatus.OK, text_of(page)
    return hidden_fields(page)


async def fill_in(
    http: httpx.AsyncClient, address: str, along: dict[str, str] | None = None, **typed: str
) -> httpx.Response:
    """Open a form unless it is open, fill it in and send it; return the page to which that leads."""
    sent = await http.post(address, data={**(along or await opened(http, address)), **typed})
    return await http.get(sent.headers["location"]) if sent.status_code == HTTPStatus.SEE_OTHER else sent


async def recorded(case: Case, reason: str) -> list[str]:
    return [row.by for row in await case.audit() if row.reason == reason]


# --- taken, and shown -------------------------------------------------------------------------------------------------


async def test_an_operation_is_sent_as_who_is_logged_in_and_its_result_and_the_next_step_are_shown(
    environment: Environment, site: DeskSite
) -> None:
    case = await environment.apply(form([OFFICE_C]))
    await at_rest(case, Stage.SHARING)
    done = await fill_in(site.http, path(case, Action.ADD_NOTE), reason=CALLED)
    assert str(done.url).endswith(f"{desk_case_path(case.application_no, 1)}?done=add_note")
    shown = text_of(done)
    assert f"「{Action.ADD_NOTE.label}」を受け付けました。" in shown
    assert f"{Action.ADD_NOTE.label}（担当者 佐藤：{CALLED}）" in shown  # history knows the handle alone
    assert (await case_now(case.office())).next_step in shown
    assert await recorded(case, CALLED) == [str(SATO)]
    assert PUT_RIGHT not in shown
    held = await fill_in(site.http, path(case, Action.HOLD), reason=CALLED)
    said = held.text.partition(PUT_RIGHT)[2].partition("</p>")[0]
    assert path(case, Action.RESUME) in said
    await end(case.application, case.office())


async def test_the_page_of_a_case_says_who_it_is_about_what_is_wrong_and_what_can_be_done(
    environment: Environment, site: DeskSite
) -> None:
    case = await environment.apply(form([OFFICE_B, (NOBODY, OFFICE_C[1])]))
    await at_rest(case, Stage.CORRECTION, 2)
    page = await site.http.get(desk_case_path(case.application_no, 2))
    shown = text_of(page)
    for said in ("弥生 太郎 様", NOBODY, OFFICE_C[1], "弥生ID として登録されていません", Action.CORRECT_PAIR.label):
        assert said in shown
    run_id = (await case_now(case.office(2))).run_id
    assert (
        f"/namespaces/default/workflows/application%2F{case.application_no}%2Foffice%2F2/{run_id}/user-metadata"
        in page.text
    )
    assert f'src="/desk/presence/{case.application_no}"' in page.text
    whole = await site.http.get(desk_case_path(case.application_no))
    assert desk_case_path(case.application_no, 2) in whole.text
    assert CANCEL_ALL in text_of(whole)
    form_of_pair = await site.http.get(path(case, Action.CORRECT_PAIR, 2))
    assert f'value="{NOBODY}"' in form_of_pair.text
    assert f'src="/desk/presence/{case.application_no}"' in form_of_pair.text
    again = await fill_in(
        site.http, path(case, Action.CORRECT_PAIR, 2), reason=CALLED, yayoi_id="stranger@yayoi-taro.example.jp"
    )
    assert "まだ直すところが残っています。" in text_of(again)
    corrected = await fill_in(
        site.http, path(case, Action.CORRECT_PAIR, 2), reason=CALLED, yayoi_id="Ｏｆｆｉｃｅ－Ｃ＠yayoi-taro.example.jp"
    )
    assert "を受け付けました" in text_of(corrected)
    assert "まだ直すところ" not in text_of(corrected)
    await end(case.application, case.office(1), case.office(2))


# --- refused beside the field -----------------------------------------------------------------------------------------


async def test_a_refusal_of_the_rules_and_one_of_a_step_stand_beside_their_field_with_what_was_typed(
    environment: Environment, site: DeskSite
) -> None:
    """Of a step: a colleague goes on leave while the form is open."""
    case = await environment.apply(form([OFFICE_C]))
    await at_rest(case, Stage.SHARING)
    late = await fill_in(site.http, path(case, Action.EXTEND_DEADLINE), reason=CALLED, until="2031-01-01")
    assert late.status_code == HTTPStatus.CONFLICT
    assert 'id="until-error"' in late.text
    assert "いまできる操作" not in late.text
    assert f">{CALLED}</textarea>" in late.text
    misread = await fill_in(site.http, path(case, Action.EXTEND_DEADLINE), reason="", until="来週")
    assert 'id="reason-error"' in misread.text
    along = await opened(site.http, path(case, Action.HAND_OVER))
    async with environment.sessions.begin() as session:
        on_leave = update(OperatorRow).where(OperatorRow.handle == "sm")
        await session.execute(on_leave.values(leave_from=day_in_japan(site.clock.now()), leave_until=None))
    refused = await fill_in(site.http, path(case, Action.HAND_OVER), along, reason=CALLED, to="sm")
    assert "担当者「鈴木」は休暇中です。" in text_of(refused)
    assert 'id="to-error"' in refused.text
    assert await recorded(case, CALLED) == []
    # Temporal answers an update that it has answered with the same: what is corrected is another one.
    async with environment.sessions.begin() as session:
        await session.execute(on_leave.values(leave_from=None, leave_until=None))
    corrected = await fill_in(site.http, path(case, Action.HAND_OVER), hidden_fields(refused), reason=CALLED, to="sm")
    assert "を受け付けました" in text_of(corrected)
    assert await recorded(case, CALLED) == [str(SATO)]
    await end(case.application, case.office())


async def test_what_is_not_possible_now_says_why_and_what_the_case_does_not_have_is_not_there(
    environment: Environment, site: DeskSite
) -> None:
    case = await environment.apply(form([OFFICE_C]))
    await at_rest(case, Stage.SHARING)
    resume = await site.http.get(path(case, Action.RESUME))
    assert (resume.status_code, "保留中ではありません。" in text_of(resume)) == (HTTPStatus.CONFLICT, True)
    for address, said in (
        (operation_path(case.application_no, 1, "burn"), NO_SUCH_OPERATION),
        (operation_path(case.application_no, None, Action.ADD_NOTE), NO_SUCH_OPERATION),
        (operation_path("YS-999999", 1, Action.ADD_NOTE), NO_SUCH_CASE),
        (operation_path(case.application_no, 9, Action.ADD_NOTE), NO_SUCH_CASE),
        (operation_path("nothing", None, Action.ADD_NOTE), NO_SUCH_CASE),
    ):
        answer = await site.http.get(address)
        assert (answer.status_code, said in text_of(answer)) == (HTTPStatus.NOT_FOUND, True), address
    await end(case.application, case.office())


# --- once, and with others --------------------------------------------------------------------------------------------


async def test_a_form_that_comes_again_takes_effect_once(environment: Environment, site: DeskSite) -> None:
    """A double press, and Back with another press a while later: with the same id, whatever its form's number is."""
    case = await environment.apply(form([OFFICE_C]))
    await at_rest(case, Stage.SHARING)
    address = path(case, Action.ADD_NOTE)
    along = await opened(site.http, address)
    for again in (along, along, along | {"form_id": str(uuid4())}):
        done = await fill_in(site.http, address, again, reason=CALLED)
        assert "を受け付けました" in text_of(done)
    assert await recorded(case, CALLED) == [str(SATO)]
    await end(case.application, case.office())


@pytest.mark.long
async def test_an_operation_whose_step_waits_for_the_database_is_answered_and_takes_effect_once(
    environment: Environment, site: DeskSite
) -> None:
    """Within ten seconds: that it goes on by itself, or that it is to be tried later; sent again it is the same."""
    case = await environment.apply(form([OFFICE_C]))
    await at_rest(case, Stage.SHARING)
    address = path(case, Action.ADD_NOTE)
    along = await opened(site.http, address)
    async with environment.sessions.begin() as session:
        await session.execute(text("lock table ledger in exclusive mode"))
        waiting = await fill_in(site.http, address, along, reason=CALLED)
        goes_on = "処理は自動で続いています" in text_of(waiting)
        assert goes_on or "もう一度お試しください" in text_of(waiting)
        assert await recorded(case, CALLED) == []
    again = along | {"form_id": "again"} if goes_on else hidden_fields(waiting)
    assert "を受け付けました" in text_of(await fill_in(site.http, address, again, reason=CALLED))
    assert await recorded(case, CALLED) == [str(SATO)]
    await end(case.application, case.office())


async def test_if_a_colleague_has_moved_the_case_on_that_is_shown_and_what_was_typed_is_kept(
    environment: Environment, site: DeskSite
) -> None:
    case = await environment.apply(form([OFFICE_C]))
    await at_rest(case, Stage.SHARING)
    note, hold = path(case, Action.ADD_NOTE), path(case, Action.HOLD)
    along, along_of_hold = await opened(site.http, note), await opened(site.http, hold)
    await case.act(ActionMessage(reason="先に保留にした"), action=Action.HOLD)
    again = await fill_in(site.http, note, along, reason=CALLED)
    assert again.status_code == HTTPStatus.CONFLICT
    for said in (MOVED_ON, "先に保留にした", CALLED):
        assert said in text_of(again)
    assert await recorded(case, CALLED) == []
    sent = await fill_in(site.http, note, hidden_fields(again), reason=CALLED)
    assert "を受け付けました" in text_of(sent)
    assert await recorded(case, CALLED) == [str(SATO)]
    # What is no longer possible says so, and shows what was typed all the same.
    held = await fill_in(site.http, hold, along_of_hold, reason="二人目も保留")
    for said in ("すでに保留中です。", "二人目も保留", "先に保留にした"):
        assert said in text_of(held)
    await end(case.application, case.office())


async def test_what_was_typed_survives_a_log_in_that_has_ended(environment: Environment, site: DeskSite) -> None:
    case = await environment.apply(form([OFFICE_C]))
    await at_rest(case, Stage.SHARING)
    address = path(case, Action.ADD_NOTE)
    along = await opened(site.http, address)
    await site.http.post("/sign-out-everywhere")
    along |= {"form_id": str(uuid4())}
    led = await site.http.post(address, data={**along, "reason": CALLED})
    assert led.headers["location"].startswith("/sign-in?next=")
    there = httpx.URL(led.headers["location"]).params["next"]
    await site.sign_in("sk")
    back = await site.http.get(there)
    assert f">{CALLED}</textarea>" in back.text
    done = await fill_in(site.http, address, hidden_fields(back), reason=CALLED)
    assert "を受け付けました" in text_of(done)
    assert await recorded(case, CALLED) == [str(SATO)]
    await end(case.application, case.office())


# --- the mail that will go out ----------------------------------------------------------------------------------------


@pytest.mark.long
async def test_the_mail_that_will_go_out_is_shown_with_what_was_typed_and_is_the_one_that_is_sent(
    environment: Environment, site: DeskSite
) -> None:
    """The internal reason is not in it, and no link by which one could act as the customer."""
    case = await environment.apply(form([OFFICE_C]))
    await at_rest(case, Stage.SHARING)
    address, explained = path(case, Action.CANCEL), "お電話のとおり、手続きを終わります。"
    begun = await site.http.get(address)
    assert explanation(Outcome.CANCELLED, "") in text_of(begun)
    typed = {"reason": "与信の照会で否決", "text_for_customer": explained}
    shown = await fill_in(site.http, address, hidden_fields(begun), **typed, preview="1")
    mail = shown.text.partition('<pre class="mail">')[2].partition("</pre>")[0]
    assert explained in mail
    assert "与信" not in mail
    assert "key=" not in mail
    assert MailKind.CANCELLED.subject in shown.text
    assert f">{typed['reason']}</textarea>" in shown.text
    assert (await case.progress()).outcome is None
    await fill_in(site.http, address, hidden_fields(shown), **typed)
    await case.office().result()
    [sent] = [each for each in environment.inbox.to(TARO) if each["Subject"] == MailKind.CANCELLED.subject]
    assert [line for line in inbox.text_of(sent).splitlines() if "http" not in line] == [
        line for line in html.unescape(mail).splitlines() if "http" not in line
    ]


async def test_what_is_sent_while_a_case_goes_on_is_shown_as_it_would_be_sent(
    environment: Environment, site: DeskSite
) -> None:
    """A mail that is sent again, the one about a new deadline, and a new link, which the preview does not hold."""
    case = await environment.apply(form([(NOBODY, OFFICE_C[1])]))
    await at_rest(case, Stage.CORRECTION)
    again = text_of(await site.http.get(path(case, Action.RESEND_MAIL)))
    for said in (MailKind.CORRECTION_NEEDED.subject, "弥生ID として登録されていません", TARO):
        assert said in again
    later = day_in_japan(await case.now()) + timedelta(days=60)
    begun = await site.http.get(path(case, Action.EXTEND_DEADLINE))
    extended = await fill_in(
        site.http, str(begun.url), hidden_fields(begun), reason=CALLED, until=str(later), preview="1"
    )
    for said in (MailKind.DEADLINE_EXTENDED.subject, day_in_words(later), "弥生ID として登録されていません"):
        assert said in text_of(extended)
    renewed = await site.http.get(path(case, Action.RENEW_LINK))
    assert MailKind.CASE_LINK.subject in text_of(renewed)
    assert "key=" not in renewed.text
    assert await case.notices(MailKind.DEADLINE_EXTENDED) == []
    unconfirmed = await environment.apply(form([(OFFICE_B[0], None)], linked=False), by_holder=False)
    await at_rest(unconfirmed, Stage.CONFIRMATION)
    to_the_holder = await site.http.get(path(unconfirmed, Action.RESEND_MAIL))
    assert to_the_holder.status_code == HTTPStatus.OK
    assert "お客様に届くメール" not in to_the_holder.text
    await end(case.application, case.office(), unconfirmed.application, unconfirmed.office())


# --- the applicant's page ---------------------------------------------------------------------------------------------


async def test_the_applicants_page_is_shown_to_look_at_alone_and_audited(
    environment: Environment, site: DeskSite
) -> None:
    """Without a link of the applicant's, and with nothing that lets act as them."""
    case = await environment.apply(form([OFFICE_B, OFFICE_C]))
    await at_rest(case, Stage.SHARING, 2)
    for part in (None, 2):
        page = await site.http.get(f"{desk_case_path(case.application_no, part)}/applicant-page")
        assert "会計事務所との共有を解除してください。" in text_of(page)
        main = page.text.partition("<main")[2].partition("</main")[0]
        assert "<form" not in main
        assert "href" not in main
        assert "key=" not in page.text
        assert ("事業所B" in main) is (part is None)
    seen = [(whom, facts) for whom, action, facts in await site.audited() if action == SEEN]
    number = str(case.application_no)
    assert seen == [("sk", {"case_no": number, "part": None}), ("sk", {"case_no": number, "part": 2})]
    for path in (desk_case_path("YS-999999"), *(desk_case_path(number, part) for part in (3, 2**31, 10**25))):
        assert (await site.http.get(f"{path}/applicant-page")).status_code == HTTPStatus.NOT_FOUND, path
    await end(case.application, case.office(1), case.office(2))


# --- four eyes --------------------------------------------------------------------------------------------------------


async def test_y27_a_cancellation_after_step5_is_asked_for_listed_and_approved_by_another(
    environment: Environment, site: DeskSite
) -> None:
    case = await environment.apply(form([OFFICE_C], delegate=True))
    await at_rest(case, Stage.SET_UP)
    await case.do_step(SetUpStep.SUPPORT_PASSWORD)
    asked = await fill_in(
        site.http, path(case, Action.ASK_CANCEL), reason="お客様のご希望", text_for_customer="お電話のとおりです。"
    )
    assert "責任者の承認を待っています" in text_of(asked)
    approve = path(case, Action.APPROVE)
    refused = await site.http.get(approve)
    assert (refused.status_code, ROLE_WANTING in text_of(refused)) == (HTTPStatus.FORBIDDEN, True)
    listed = await site.http.get(APPROVALS)
    assert "承認待ち（1 件）" in text_of(listed)
    assert "依頼：担当者 佐藤、理由：お客様のご希望" in text_of(listed)
    assert "あなたの依頼です" in text_of(listed)
    async with site.browser() as supervisor:
        await site.sign_in("tn", supervisor)
        listed = await supervisor.get(APPROVALS)
        assert approve in listed.text
        done = await fill_in(supervisor, approve, reason=APPROVED)
        assert "を受け付けました" in text_of(done)
        assert (await case.office().result()).outcome is Outcome.CANCELLED
        assert "承認待ち（0 件）" in text_of(await supervisor.get(APPROVALS))
    assert await recorded(case, APPROVED) == ["operator:tn"]


async def test_y27_nobody_opens_the_approval_of_their_own_and_a_warning_says_if_nobody_could(
    environment: Environment, site: DeskSite
) -> None:
    await site.change("sk", roles=[Role.CASEWORKER.value, Role.SUPERVISOR.value])
    case = await environment.apply(form([OFFICE_C], delegate=True))
    await at_rest(case, Stage.SET_UP)
    await case.do_step(SetUpStep.SUPPORT_PASSWORD)
    ask = path(case, Action.ASK_CANCEL)
    assert NO_OTHER_SUPERVISOR not in text_of(await site.http.get(ask))
    for handle in ("tn", "fj"):
        await site.change(handle, leave_from=day_in_japan(site.clock.now()), leave_until=None)
    assert NO_OTHER_SUPERVISOR in text_of(await site.http.get(ask))
    await case.act(AskCancel(reason="お客様のご希望"))
    own = await site.http.get(path(case, Action.APPROVE))
    assert OWN in text_of(own)
    assert "<form" not in own.text.partition("<main")[2]
    await end(case.application, case.office())


# --- when nobody answers ----------------------------------------------------------------------------------------------

NOW = CaseNow(
    workflow_type="OfficeDataProcedure",
    run_id="run",
    version=7,
    title="事業所C",
    stage=Stage.SHARING,
    next_step="操作は不要です。",
    possible=(PossibleOperation(operation="add_note", label=Action.ADD_NOTE.label),),
)


async def test_what_nobody_answers_for_is_said_so_and_what_was_typed_is_kept(desk: DeskSite) -> None:
    await desk.sign_in("sk")
    desk.cases.cases["YS-000001", 1] = NOW
    address = operation_path("YS-000001", 1, Action.ADD_NOTE)
    along = await opened(desk.http, address)
    desk.cases.away = True
    assert AWAY in text_of(await desk.http.get(address))
    away = await desk.http.post(address, data={**along, "reason": CALLED})
    assert away.status_code == HTTPStatus.SERVICE_UNAVAILABLE
    desk.cases.away = False
    back = await desk.http.get(str(away.url))
    assert f">{CALLED}</textarea>" in back.text
    desk.operations.outcome = NotKnown()
    unknown = await fill_in(desk.http, address, hidden_fields(back), reason=CALLED)
    assert NOT_KNOWN in text_of(unknown)
    again = hidden_fields(unknown)
    assert again["update_id"] == along["update_id"]
    desk.operations.outcome = NotKnown(GOES_ON, accepted=True)
    going_on = await fill_in(desk.http, address, again, reason=CALLED)
    assert "処理は自動で続いています" in text_of(going_on)
    assert {sent[4] for sent in desk.operations.sent} == {along["update_id"]}


async def test_an_id_that_somebody_made_up_is_not_sent(desk: DeskSite) -> None:
    """Update ids are in clear text."""
    await desk.sign_in("sk")
    desk.cases.cases["YS-000001", 1] = NOW
    address = operation_path("YS-000001", 1, Action.ADD_NOTE)
    along = await opened(desk.http, address) | {"update_id": "弥生 太郎"}
    await fill_in(desk.http, address, along, reason=CALLED)
    [(_, operation, content, actor, update_id)] = desk.operations.sent
    assert (operation, content, str(actor)) == ("add_note", {"reason": CALLED}, "operator:sk")
    assert "弥生" not in update_id


async def test_an_auditor_reads_cases_and_is_offered_nothing(desk: DeskSite) -> None:
    await desk.sign_in("kn")
    desk.cases.cases["YS-000001", 1] = NOW
    page = text_of(await desk.http.get(desk_case_path("YS-000001", 1)))
    assert "事業所C" in page
    assert Action.ADD_NOTE.label not in page
    form_of_note = await desk.http.get(operation_path("YS-000001", 1, Action.ADD_NOTE))
    assert form_of_note.status_code == HTTPStatus.FORBIDDEN
