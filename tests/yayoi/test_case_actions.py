"""What applicants do on the page of their case reaches the procedure, once, and only from there."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.testing import WorkflowEnvironment

from models.common.commitments import new_salt
from models.common.waiting_for import WaitingFor
from models.tables import ApplicationOfficeRow, ApplicationRow, CaseStatusRow, EventRow, SetUpStepRow, SharingRow
from models.yayoi.case_links import case_path
from models.yayoi.customer_events import AnyEvent
from models.yayoi.events import SupportPasswordSetEvent
from models.yayoi.identifiers import YayoiId
from models.yayoi.pair_rules import NOT_REGISTERED, PairProblem, token_held, yayoi_id_held
from models.yayoi.procedures import SetUpStep, Stage
from models.yayoi.store.event_cases import STILL_SHARED
from models.yayoi.store.events import EventRefusedError
from tests.support.case_pages import SOON, act, action, running, taken, two_pairs
from tests.support.web import (
    CROSS_SITE,
    IDS,
    SECRET,
    TOKEN_B,
    TOKEN_C,
    TOKEN_OF_ANOTHER,
    TemporalProxy,
    Web,
    answering,
    end_cases,
    fill_registry,
    hidden_fields,
    pair,
    text_of,
    until,
    web_on,
)
from tests.support.web_procedures import AnsweringOffice
from web.yayoi.applicant.case_actions import NOT_CONSENTED, SENT_BEFORE
from web.yayoi.applicant.case_words import for_applicants
from web.yayoi.applicant.correction import AGAIN, NOTHING, THE_SAME
from web.yayoi.customer.reports import Reported, report
from web.yayoi.event_delivery import EventDelivery

UNREGISTERED = "nobody-at-all@example.co.jp"


@pytest.mark.parametrize(
    ("first", "typed", "problem"),
    [
        pytest.param(TOKEN_B, {"yayoi_id": UNREGISTERED}, NOT_REGISTERED, id="right token"),
        pytest.param(TOKEN_OF_ANOTHER, {"yayoi_id": UNREGISTERED}, None, id="no right token"),
        pytest.param(
            TOKEN_OF_ANOTHER, {"yayoi_id": UNREGISTERED, "office_token": TOKEN_B}, NOT_REGISTERED, id="typed now"
        ),
        pytest.param(TOKEN_B, {"yayoi_id": IDS[1]}, None, id="registered"),
    ],
)
async def test_y2_what_is_still_wrong_after_a_correction_is_said_early_to_who_shows_a_right_token(
    web: Web, first: str, typed: dict[str, str], problem: PairProblem | None
) -> None:
    number = await web.applied(pair("b@example.co.jp", first))
    await web.waits_at(number, 1, Stage.CORRECTION, points=["違います。"])
    async with answering(web):
        await running(web, number)
        fields = typed | {"yayoi_id_confirmation": typed["yayoi_id"], "action": "confirm"}
        text = text_of(await act(web, action(number, "correct"), fields))
    assert "訂正する内容の確認" in text
    assert (NOT_REGISTERED.message in text) == (problem is NOT_REGISTERED)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"office_token": TOKEN_C}, token_held),
        ({"yayoi_id": IDS[1], "yayoi_id_confirmation": IDS[1]}, yayoi_id_held),
        ({"yayoi_id": IDS[2], "yayoi_id_confirmation": IDS[2]}, None),
    ],
    ids=["token", "ID", "free"],
)
async def test_y1_what_another_application_holds_is_said_before_a_correction_is_sent(
    web: Web, typed: dict[str, str], said: Callable[[str | None], PairProblem] | None
) -> None:
    number = await web.applied(pair("b@example.co.jp", TOKEN_B))
    await web.waits_at(number, 1, Stage.CORRECTION, points=["違います。"])
    other = await web.applied(pair(IDS[1], TOKEN_C))
    async with answering(web):
        await running(web, number)
        text = text_of(await act(web, action(number, "correct"), typed | {"action": "confirm"}))
    assert "訂正する内容の確認" in text
    assert (other in text) == (said is not None)
    assert said is None or said(other).message in text


async def test_a_correction_shows_the_name_of_the_office_before_it_is_sent_and_comes_once(web: Web) -> None:
    number = await web.applied(pair("b@example.co.jp", TOKEN_OF_ANOTHER))
    await web.waits_at(number, 1, Stage.CORRECTION, points=["事業所トークンが違います。"])
    async with web.sessions.begin() as session:
        session.add(SharingRow(office_token=TOKEN_C, firm="山田会計事務所"))
    async with answering(web):
        office = await running(web, number)
        path = action(number, "correct")
        form = await web.http.get(path)
        assert TOKEN_OF_ANOTHER in form.text
        typed = {"office_token": "Ｃ" + TOKEN_C[1:], "action": "confirm"}
        confirm = await act(web, path, typed)
        assert confirm.status_code == 200
        text = text_of(confirm)
        assert "まだ、訂正は完了していません。" in text
        assert "事業所データ C 商店 管理に使う弥生ID b@example.co.jp（変更なし）" in text
        assert "会計事務所と共有されています（山田会計事務所）。共有されている間は" in text
        assert await taken(office) == []
        back = await web.http.post(path, data=hidden_fields(confirm) | {"action": "change"})
        assert f'name="office_token" value="{typed["office_token"]}"' in back.text
        sent = [await web.http.post(path, data=hidden_fields(confirm) | {"action": "send"}) for _ in range(2)]
        assert {answer.status_code for answer in sent} == {303}
        [event] = await web.rows(select(EventRow))
        assert await taken(office) == [f"applicant:{number}/1 {event.event_id} None {TOKEN_C}"]
        assert {answer.headers["location"] for answer in sent} == {
            f"{case_path(SECRET, number, SOON)}&event={event.event_id}"
        }
        assert "訂正を受け付け、内容をもう一度確認しました。" in (await web.http.get(sent[0].headers["location"])).text
        other = hidden_fields(confirm) | {"action": "send", "office_token": TOKEN_B}
        answer = await web.http.post(path, data=other)
        assert (answer.status_code, SENT_BEFORE in answer.text) == (409, True)


async def test_y5_a_token_of_another_contract_reveals_no_name(web: Web) -> None:
    number = await web.applied(pair())
    await web.waits_at(number, 1, Stage.CORRECTION, points=["事業所トークンが違います。"])
    confirm = await act(web, action(number, "correct"), {"office_token": TOKEN_OF_ANOTHER, "action": "confirm"})
    assert confirm.status_code == 200
    assert "このご契約では見つかりません" in confirm.text
    assert "よその商店" not in confirm.text


@pytest.mark.parametrize(
    ("typed", "field", "message"),
    [
        ({}, "yayoi_id", NOTHING),
        pytest.param({"yayoi_id": "x"}, "yayoi_id", "メールアドレスの形式で", marks=pytest.mark.long),
        ({"yayoi_id": "x@example.co.jp"}, "yayoi_id_confirmation", AGAIN),
        pytest.param(
            {"yayoi_id_confirmation": "x@example.co.jp"}, "yayoi_id_confirmation", AGAIN, marks=pytest.mark.long
        ),
        pytest.param({"office_token": "b"}, "office_token", "「8桁-4桁-4桁-4桁-12桁」", marks=pytest.mark.long),
        ({"office_token": TOKEN_B.upper()}, "office_token", THE_SAME),
        ({"yayoi_id": "x@example.co.jp", "office_token": "b"}, "office_token", "「8桁-4桁-4桁-4桁-12桁」"),
        ({"yayoi_id": "x@example.co.jp", "office_token": "b"}, "yayoi_id_confirmation", AGAIN),
        ({"yayoi_id": "B@example.co.jp", "yayoi_id_confirmation": "b@example.co.jp"}, "yayoi_id", THE_SAME),
    ],
)
async def test_y7_y4_what_is_wrong_with_a_correction_is_said_beside_its_field(
    web: Web, typed: dict[str, str], field: str, message: str
) -> None:
    number = await web.applied(pair())
    await web.waits_at(number, 1, Stage.CORRECTION, points=["弥生ID が違います。"])
    for how in ("confirm", "send"):
        answer = await act(web, action(number, "correct"), {"action": how} | typed)
        assert answer.status_code == 422
        assert f'<a href="#{field}">' in answer.text
        assert re.search(rf'id="{field}-error"><strong>[^<]*{re.escape(message)}', answer.text)
        assert all(f'name="{name}" value="{value}"' in answer.text for name, value in typed.items())
    assert await web.rows(select(EventRow)) == []


async def shared(web: Web) -> None:
    async with web.sessions.begin() as session:
        session.add(SharingRow(office_token=TOKEN_B, firm="山田会計事務所"))


async def test_y13_a_claim_that_sharing_has_ended_counts_only_when_it_has(web: Web) -> None:
    number = await web.applied(pair())
    await web.waits_at(number, 1, Stage.SHARING)
    await shared(web)
    async with answering(web):
        office = await running(web, number)
        path = action(number, "sharing")
        refused = await act(web, path, {"action": "released"})
        assert refused.status_code == 409
        assert STILL_SHARED in refused.text
        assert "山田会計事務所" in refused.text
        assert await taken(office) == []
        async with web.sessions.begin() as session:
            await session.execute(update(SharingRow).values(ended_at=datetime.now(UTC)))
        answer = await act(web, path, {"action": "released"})
        assert answer.status_code == 303
        assert [what.split()[0::2] for what in await taken(office)] == [[f"applicant:{number}/1", "sharing_released"]]
        assert "共有が解除されたことを確認しました。" in (await web.http.get(answer.headers["location"])).text


async def test_y13_the_system_releases_the_sharing_only_with_consent(web: Web) -> None:
    number = await web.applied(pair())
    await web.waits_at(number, 1, Stage.SHARING)
    await shared(web)
    async with answering(web):
        office = await running(web, number)
        path = action(number, "sharing")
        refused = await act(web, path, {"action": "delegate"}, form=1)
        assert refused.status_code == 422
        assert NOT_CONSENTED in refused.text
        assert await taken(office) == []
        answer = await act(web, path, {"action": "delegate", "consent": "true"}, form=1)
        assert answer.status_code == 303
        assert [what.split()[0::2] for what in await taken(office)] == [[f"applicant:{number}/1", "release_sharing"]]


async def test_y27_a_withdrawal_says_what_will_happen_and_comes_once(web: Web) -> None:
    number = await two_pairs(web)
    async with answering(web):
        office = await running(web, number)
        path = action(number, "withdraw")
        text = text_of(await web.http.get(path))
        for consequence in (
            "1 件目「B 商店」（弥生ID：b@example.co.jp）のお申し込みを取り下げます。",
            "取り下げを取り消すことはできません。",
            "「スマート取引取込」は、お申し込みの前と同じように利用できます。",
            "ほかの事業所データのお手続きには影響ありません。",
        ):
            assert consequence in text
        answer = await act(web, path)
        assert answer.status_code == 303
        assert [what.split()[0::2] for what in await taken(office)] == [[f"applicant:{number}/1", "withdraw"]]
        assert "取り下げを受け付けました。" in (await web.http.get(answer.headers["location"])).text


async def test_y27_a_reason_that_the_applicant_gives_is_their_text(web: Web) -> None:
    number = await web.applied(pair())
    async with answering(web):
        office = await running(web, number)
        too_long = await act(web, action(number, "withdraw"), {"reason": "あ" * 201})
        assert too_long.status_code == 422
        assert "200 文字以内で入力してください。" in too_long.text
        answer = await act(web, action(number, "withdraw"), {"reason": " 二重に\n申し込んだため "})
        assert answer.status_code == 303
        [sent] = await office.query(AnsweringOffice.texts)
        assert sent == "二重に 申し込んだため／二重に 申し込んだため"


async def test_y27_what_the_procedure_refuses_is_said_in_the_applicants_words(web: Web) -> None:
    number = await web.applied(pair())
    async with answering(web):
        office = await running(web, number)
        step = {"reason": "お電話", "step": "support_password"}
        await office.execute_update("report_set_up_step", step)
        answer = await act(web, action(number, "withdraw"))
        assert answer.status_code == 409
        assert "STEP5 を始めた後は取り下げられません。" in answer.text
        for for_operators in ("cancel", "いまできる操作", "add_note"):
            assert for_operators not in answer.text


async def test_y27_once_step5_has_begun_the_page_no_longer_offers_to_withdraw(web: Web) -> None:
    number = await web.applied(pair())
    assert "/withdraw?" in (await web.http.get(case_path(SECRET, number, SOON))).text
    async with web.sessions.begin() as session:
        session.add(
            SetUpStepRow(
                application_no=number,
                office_no=1,
                step="support_password",
                done_at=datetime.now(UTC),
                reported_by="申込者",
            )
        )
    page = (await web.http.get(case_path(SECRET, number, SOON))).text
    assert "/withdraw?" not in page
    assert "STEP5 を始めた後は、この画面で取り下げることはできません。" in page


async def test_an_office_that_has_ended_is_not_acted_upon(web: Web) -> None:
    number = await web.applied(pair())
    async with web.sessions.begin() as session:
        await session.execute(update(ApplicationOfficeRow).values(closed_at=datetime.now(UTC), outcome="取り下げ"))
        await session.execute(update(ApplicationRow).values(closed_at=datetime.now(UTC)))
    page = await web.http.get(case_path(SECRET, number, SOON))
    assert "お手続きは終了しました" in page.text
    assert "/withdraw?" not in page.text
    said: list[tuple[str, dict[str, str]]] = [
        ("withdraw", {}),
        ("sharing", {"action": "released"}),
        ("sharing", {"action": "delegate", "consent": "true"}),
        ("correct", {"action": "send", "office_token": TOKEN_C}),
    ]
    for name, fields in said:
        # A page that was opened before is refused; opened now, it says so before anything is typed.
        opened = await web.http.get(action(number, name))
        assert "<form" not in opened.text
        late = await web.http.post(action(number, name), data=fields | {"event_id": str(uuid4())})
        for answer in (opened, late):
            assert answer.status_code == 409
            assert "この事業所データのお手続きはすでに終了しています。" in answer.text


@pytest.mark.parametrize(
    ("stage", "waiting_for", "offered"),
    [
        (Stage.CHECK, WaitingFor.SYSTEM, {"withdraw"}),
        (Stage.CORRECTION, WaitingFor.APPLICANT, {"withdraw", "correct"}),
        (Stage.CORRECTION, WaitingFor.SYSTEM, {"withdraw"}),
        (Stage.SHARING, WaitingFor.APPLICANT, {"withdraw", "sharing"}),
        (Stage.SHARING, WaitingFor.SYSTEM, {"withdraw"}),
        (Stage.SET_UP, WaitingFor.APPLICANT, {"withdraw"}),
        (Stage.AFTER_CLOSING, WaitingFor.SYSTEM, set[str]()),
    ],
)
async def test_what_cannot_be_done_now_is_said_before_anything_is_typed(
    web: Web, stage: Stage, waiting_for: WaitingFor, offered: set[str]
) -> None:
    number = await web.applied(pair())
    await web.started(number)
    await web.waits_at(number, 1, stage, waiting_for=waiting_for, points=["だめです。"])
    page = await web.http.get(case_path(SECRET, number, SOON))
    for name in ("correct", "sharing", "withdraw"):
        opened = await web.http.get(action(number, name))
        assert (opened.status_code == 200) == (f"/{name}?" in page.text) == (name in offered)
        assert (opened.status_code == 409) == ("<form" not in opened.text)


async def test_right_after_a_withdrawal_the_page_says_that_it_is_worked_on_and_offers_nothing(web: Web) -> None:
    number = await web.applied(pair())
    await web.started(number)
    await web.waits_at(number, 1, Stage.SET_UP, points=[step.label for step in SetUpStep])
    answer = await act(web, action(number, "withdraw"))  # its procedure does not run yet: it is taken, and waits
    assert answer.status_code == 303
    for shown in (answer.headers["location"], case_path(SECRET, number, SOON)):
        page = await web.http.get(shown)
        assert "お客様の操作を受け付けました。お手続きに反映しています。" in page.text
        for ended in ("お客様の操作が必要です", "/withdraw?", "/support-password", "STEP5"):
            assert ended not in page.text
    async with web.sessions.begin() as session:
        await session.execute(update(EventRow).values(delivered_at=datetime.now(UTC)))
        await session.execute(update(CaseStatusRow).filter_by(part=1).values(ending="取り下げ"))
    page = await web.http.get(case_path(SECRET, number, SOON))
    assert "お手続きを終了する処理をしています。" in page.text
    assert "お客様の操作が必要です" not in page.text
    assert "/withdraw?" not in page.text


@pytest.mark.long
async def test_what_is_done_while_temporal_is_away_is_taken_and_delivered_later(
    sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment
) -> None:
    await fill_registry(sessions)
    proxy = TemporalProxy(temporal.client.service_client.config.target_host)
    async with web_on(sessions, await proxy.client()) as web:
        number = await two_pairs(web)
        answer = await act(web, action(number, "withdraw"))
        assert answer.status_code == 303
        waiting = text_of(await web.http.get(answer.headers["location"]))
        assert "受け付けました。反映まで、しばらくお待ちください。" in waiting
        await proxy.open()
        async with answering(web, temporal.client):
            await web.started(number)
            reachable = Web(web.app, web.http, sessions, temporal.client, web.task_queue)
            office = await reachable.office(number, 1)

            async def delivered() -> bool:
                [event] = await web.rows(select(EventRow))
                return event.delivered_at is not None

            await until(delivered)
            assert [what.split()[0::2] for what in await taken(office)] == [[f"applicant:{number}/1", "withdraw"]]
            assert "取り下げを受け付けました。" in (await web.http.get(answer.headers["location"])).text
        await proxy.close()
        await end_cases(web, temporal.client)


async def test_what_was_done_is_shown_on_the_page_of_its_own_case_alone(web: Web) -> None:
    mine, other = await web.applied(pair()), await web.applied(pair("c@example.co.jp", TOKEN_C))
    async with web.sessions.begin() as session:
        session.add(
            EventRow(
                event_id=(event := uuid4()),
                digest="",
                kind="withdrawn",
                payload={},
                sent_by=f"applicant:{mine}/1",
                salt=new_salt(),
                application_no=mine,
                office_no=1,
                refused_because="だめです。いまできる操作：cancel",
            )
        )
    refused = "先ほどの操作は、受け付けられませんでした。だめです。"
    assert refused in (await web.http.get(f"{case_path(SECRET, mine, SOON)}&event={event}")).text
    for address in (
        f"{case_path(SECRET, other, SOON)}&event={event}",
        f"{case_path(SECRET, mine, SOON)}&event={uuid4()}",
        f"{case_path(SECRET, mine, SOON)}&event=x",
    ):
        assert "先ほどの操作" not in (await web.http.get(address)).text


@pytest.mark.parametrize(
    "kind", ["pair_corrected", "sharing_release_claimed", "sharing_release_consented", "withdrawn"]
)
async def test_other_systems_cannot_speak_for_the_applicant(web: Web, kind: str) -> None:
    number = await web.applied(pair())
    event = {"event_id": str(uuid4()), "kind": kind}
    assert (await web.report(event | {"application_no": number, "office_no": 1})).status_code == 422


async def test_forms_of_a_case_are_taken_from_its_own_pages_alone(web: Web) -> None:
    number = await web.applied(pair())
    for name in ("correct", "sharing", "withdraw"):
        typed = {"event_id": str(uuid4()), "action": "released"}
        answer = await web.http.post(action(number, name), data=typed, headers=CROSS_SITE)
        assert answer.status_code == 403
    assert await web.rows(select(EventRow)) == []


class RefusingDelivery(EventDelivery):
    """Refuses whatever is reported, as the procedure does to operators."""

    def __init__(self, reason: str) -> None:
        self.reason = reason

    async def take_from(self, who: YayoiId, event: AnyEvent) -> Any:  # noqa: ARG002 whatever it says
        raise EventRefusedError(self.reason)


async def test_y27_what_is_refused_on_the_pages_after_the_notice_says_nothing_that_only_operators_can_do() -> None:
    delivery = RefusingDelivery("STEP5 は記録済みです。いまできる操作：cancel、hold")
    about = {"event_id": uuid4(), "contract_id": "7000001", "yayoi_id": "b@example.co.jp"}
    done = SupportPasswordSetEvent.model_validate(about | {"kind": "support_password_set"})
    assert await report(delivery, done, YayoiId("b@example.co.jp")) == Reported("STEP5 は記録済みです。")


def test_reasons_lose_what_only_operators_can_do() -> None:
    assert for_applicants("だめです。いまできる操作：cancel、hold") == "だめです。"
    assert for_applicants("一つ目。二つ目（cancel）を使ってください。三つ目。") == "一つ目。"
    assert for_applicants("ふつうの理由。もう一文。") == "ふつうの理由。もう一文。"
    assert for_applicants(None) == ""
