"""The form and its confirmation as served: rules, errors beside their fields, and what protects them."""

import asyncio
import logging
import re
from html.parser import HTMLParser

import httpx
import pytest
from sqlalchemy import select

from models.tables import (
    ApplicationOfficeRow,
    ApplicationRow,
    BusinessGroupRow,
    GroupMemberRow,
    OfficeRow,
    SharingRow,
    YayoiIdRow,
)
from models.yayoi.case_links import case_path, link_expiry
from models.yayoi.identifiers import OfficeToken
from models.yayoi.pair_rules import IN_ANOTHER_GROUP, MANAGED_ALREADY, NOT_REGISTERED
from models.yayoi.procedures import Procedure
from models.yayoi.store.intake import NO_SUCH_CONTRACT
from tests.support.web import (
    CROSS_SITE,
    IDS,
    NETWORK,
    SAME_ORIGIN,
    SECRET,
    TOKEN_B,
    TOKEN_C,
    TOKEN_OF_ANOTHER,
    Web,
    pair,
    text_of,
)
from web.common.auth import SharedLimit
from web.common.security import WithoutPeople

MANAGED = "a0000001-0000-4000-8000-000000000001"


class Form(HTMLParser):
    """What a browser would send back, and what a screen reader would find."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.values: dict[str, str] = {}
        self.inputs: dict[str, dict[str, str | None]] = {}
        self.ids: set[str] = set()
        self.described_by: set[str] = set()
        self.labelled: set[str] = set()
        self.links: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        facts = dict(attrs)
        if (identity := facts.get("id")) is not None:
            assert identity not in self.ids
            self.ids.add(identity)
        self.described_by |= set((facts.get("aria-describedby") or "").split())
        if tag == "label":
            self.labelled.add(facts.get("for") or "")
        if tag == "a" and (facts.get("href") or "").startswith("#"):
            self.links.add((facts["href"] or "")[1:])
        if tag == "input":
            name = facts["name"] or ""
            self.inputs[name] = facts
            if facts["type"] not in {"radio", "checkbox"} or "checked" in facts:
                self.values[name] = facts.get("value") or ""


def filled(form: Form) -> dict[str, str]:
    return form.values | {
        "applicant.family_name": "弥生",
        "applicant.given_name": "太郎",
        "existing_contract_id": NETWORK,
        "accounting_link": "true",
        "network_product": "true",
        "offices.0.office_name": "本店",
        "offices.0.yayoi_id": "b@example.co.jp",
        "offices.0.yayoi_id_confirmation": "b@example.co.jp",
        "offices.0.office_token": TOKEN_B,
        "consents.stop_smart_import": "true",
        "consents.relink_required": "true",
        "action": "send",
    }


async def opened(web: Web) -> Form:
    return Form((await web.http.get("/apply")).text)


async def test_y10_the_form_says_that_there_is_no_fee(web: Web) -> None:
    assert "お申し込みによる追加料金は発生しません。" in text_of(await web.http.get("/apply"))


async def test_the_form_warns_as_step4_does(web: Web) -> None:
    text = text_of(await web.http.get("/apply"))
    for warning in (
        "組み合わせを 間違えないよう ご注意ください",
        "他の事業グループに参加している弥生ID はご利用いただけません",
        "「スマート取引取込」を利用しません",
        "共有したままでは、お手続きを進めることができません",
        "［口座連携の設定］の内容は初期化されます",
    ):
        assert warning in text


async def test_every_field_has_a_label_and_its_descriptions_exist(web: Web) -> None:
    empty = await web.http.get("/apply")
    assert '<html lang="ja">' in empty.text
    wrong = await web.http.post("/apply", data=(await opened(web)).values)
    for form in (Form(empty.text), Form(wrong.text)):
        visible = {str(facts["id"]) for facts in form.inputs.values() if facts["type"] != "hidden"}
        assert visible <= form.labelled <= form.ids
        assert form.described_by <= form.ids


async def test_an_empty_form_is_answered_with_every_error_beside_its_field_and_linked_on_top(web: Web) -> None:
    answer = await web.http.post("/apply", data=(await opened(web)).values)
    assert answer.status_code == 422
    form = Form(answer.text)
    wrong = {
        "applicant-family_name",
        "applicant-given_name",
        "existing_contract_id",
        "accounting_link",
        "network_product",
        "offices-0-yayoi_id",
        "offices-0-yayoi_id_confirmation",
    }
    assert form.links - {"main"} == wrong
    assert wrong <= form.ids
    assert {f"{field}-error" for field in wrong} <= form.described_by
    text = text_of(answer)
    assert "7 か所を確認してください" in text
    assert text.count("入力してください。") == 10  # five fields, beside each and on top
    assert text.count("いずれかを選んでください。") == text.count("どちらかを選んでください。") == 2


async def test_what_was_typed_is_kept_and_escaped(web: Web) -> None:
    typed = filled(await opened(web)) | {"applicant.family_name": '"><script>alert(1)</script>'}
    answer = await web.http.post("/apply", data=typed)
    assert answer.status_code == 422
    assert "<script" not in answer.text
    form = Form(answer.text)
    kept = {name: form.values[name] for name in typed if name in form.values and not name.startswith("offices.1")}
    del kept["form_id"]
    assert kept == {name: value for name, value in typed.items() if name in kept} | {"rows": "1"}
    assert kept["submission_id"] == typed["submission_id"]
    assert len(kept) == 14


async def test_rows_are_added_and_removed_without_script(web: Web) -> None:
    typed = filled(await opened(web)) | {"offices.1.yayoi_id": "c@example.co.jp", "action": "add"}
    three = Form((await web.http.post("/apply", data=typed)).text)
    assert three.values["rows"] == "3"
    assert three.values["offices.2.yayoi_id"] == ""
    two = Form((await web.http.post("/apply", data=three.values | {"action": "remove-0"})).text)
    assert two.values["rows"] == "2"
    assert two.values["offices.0.yayoi_id"] == "c@example.co.jp"
    one = Form((await web.http.post("/apply", data=two.values | {"action": "remove-1"})).text)
    same = Form((await web.http.post("/apply", data=one.values | {"action": "remove-0"})).text)
    assert one.values["rows"] == same.values["rows"] == "1"
    assert same.values["submission_id"] == typed["submission_id"]
    most = Form((await web.http.post("/apply", data=one.values | {"rows": "20", "action": "add"})).text)
    assert most.values["rows"] == "20"


async def test_y7_y4_errors_of_the_pairs_name_the_pair(web: Web) -> None:
    typed = filled(await opened(web)) | {"offices.0.yayoi_id_confirmation": "x@example.co.jp"}
    text = text_of(await web.http.post("/apply", data=typed))
    assert "1 件目の弥生ID（確認のためもう一度） ：弥生ID と一致しません。もう一度入力してください。" in text
    typed = filled(await opened(web)) | {"offices.0.office_token": "12"}
    text = text_of(await web.http.post("/apply", data=typed))
    assert f"1 件目の事業所トークン ：{OfficeToken.why_not('12')}" in text


async def test_y9_without_the_link_neither_token_nor_consents_are_asked_for(web: Web) -> None:
    typed = filled(await opened(web)) | {"accounting_link": "false", "offices.0.office_token": ""}
    del typed["consents.stop_smart_import"], typed["consents.relink_required"]
    assert (await web.http.post("/apply", data=typed)).status_code == 303


async def test_y9_the_link_can_be_added_to_an_id_that_was_issued_before(web: Web) -> None:
    page = await web.http.get("/apply")
    assert "会計連携の追加（連携を利用せずに発行されたサービス契約ID で、これから連携を利用する）" in text_of(page)
    typed = filled(await opened(web)) | {
        "accounting_link": "addition",
        "offices.0.issued_contract_id": "７１０００００",
    }
    del typed["network_product"]  # the contract's own product is known
    assert (await web.http.post("/apply", data=typed)).status_code == 303
    [row] = await web.rows(select(ApplicationRow))
    assert row.procedure == Procedure.LINK_ADDITION
    [pair] = await web.rows(select(ApplicationOfficeRow))
    assert pair.issued_contract_id == "7100000"


async def test_y9_the_page_asks_for_what_an_addition_needs(web: Web) -> None:
    typed = filled(await opened(web)) | {"accounting_link": "addition", "offices.0.office_token": ""}
    refused = await web.http.post("/apply", data=typed)
    assert refused.status_code == 422
    text = text_of(refused)
    assert "1 件目の事業所トークン ：事業所トークンを入力してください。" in text
    assert "1 件目の発行済みのサービス契約ID ：発行済みのサービス契約ID を入力してください。" in text
    assert Form(refused.text).values["accounting_link"] == "addition"
    typed |= {"offices.0.office_token": TOKEN_B, "offices.0.issued_contract_id": "123"}
    assert "1 件目の発行済みのサービス契約ID ：サービス契約ID（お客様番号）は 6、7、8 のいずれか" in text_of(
        await web.http.post("/apply", data=typed)
    )
    typed |= {"accounting_link": "true", "offices.0.issued_contract_id": "7100000"}
    assert "会計連携の追加ではないため、空欄にしてください。" in text_of(await web.http.post("/apply", data=typed))
    for consent in ("consents.stop_smart_import", "consents.relink_required"):
        del typed[consent]
    typed |= {"accounting_link": "addition", "existing_contract_id": ""}
    assert "スマート取引取込を利用しないことに同意してください。" in text_of(await web.http.post("/apply", data=typed))


UNLINKED = {"accounting_link": "false", "offices.0.office_token": ""}


async def test_y18_without_the_link_each_office_needs_a_name_of_its_own(web: Web) -> None:
    two = {"offices.1.yayoi_id": "c@example.co.jp", "offices.1.yayoi_id_confirmation": "c@example.co.jp"}
    typed = filled(await opened(web)) | UNLINKED | two
    unnamed = text_of(await web.http.post("/apply", data=typed))
    assert "1 か所を確認してください" in unnamed
    assert "2 件目の事業所データの名前 ：入力してください。" in unnamed
    alike = text_of(await web.http.post("/apply", data=typed | {"offices.1.office_name": " 本店　"}))
    assert "2 件目の事業所データの名前 ：同じ名前が 2 回入力されています。" in alike
    assert (await web.http.post("/apply", data=typed | {"offices.1.office_name": "駅前店"})).status_code == 303
    rows = await web.rows(select(ApplicationOfficeRow).order_by(ApplicationOfficeRow.office_no))
    assert [row.office_name for row in rows] == ["本店", "駅前店"]


async def test_y18_what_the_registry_calls_an_office_goes_before_what_was_typed(web: Web) -> None:
    typed = filled(await opened(web)) | {
        "offices.1.office_name": "よその名前",
        "offices.1.yayoi_id": "c@example.co.jp",
        "offices.1.yayoi_id_confirmation": "c@example.co.jp",
        "offices.1.office_token": TOKEN_OF_ANOTHER,
    }
    assert (await web.http.post("/apply", data=typed)).status_code == 303
    rows = await web.rows(select(ApplicationOfficeRow).order_by(ApplicationOfficeRow.office_no))
    assert [row.office_name for row in rows] == ["B 商店", "よその名前"]


async def test_a_row_that_nobody_has_begun_asks_for_nothing(web: Web) -> None:
    """What a row needs is said as required from when something was typed into it."""

    def said(answer: httpx.Response) -> list[str]:
        return re.findall(r"弥生ID（メールアドレス） (\S+)", text_of(answer))

    empty = await web.http.get("/apply")
    assert said(empty) == ["必須", "入力する場合は必須"]
    assert "2 件目（任意）" in text_of(empty)
    typed = filled(await opened(web)) | {"offices.1.office_name": "駅前店", "action": "add"}
    begun = await web.http.post("/apply", data=typed)
    assert said(begun) == ["必須", "必須", "入力する場合は必須"]


async def test_one_thing_has_one_name_in_the_field_and_in_the_summary(web: Web) -> None:
    answer = await web.http.post("/apply", data=(await opened(web)).values)
    summary, _, fields = answer.text.partition("</section>")
    for path, label in re.findall(r'<a href="#([\w-]+)">([^<]+)</a>：', summary):
        name = label.rpartition("件目の")[2]
        legend_or_label = re.search(rf'(?:<label for="{path}">|<legend>)({re.escape(name)})<? ?', fields)
        assert legend_or_label, (path, name)


async def confirmed(web: Web, **typed: str) -> httpx.Response:
    return await web.http.post("/apply", data=filled(await opened(web)) | typed | {"action": "confirm"})


async def test_y5_the_confirmation_repeats_each_pair_with_the_name_of_its_office_and_stores_nothing(web: Web) -> None:
    second = {
        "offices.1.yayoi_id": "Ｃ@example.co.jp",
        "offices.1.yayoi_id_confirmation": "c@example.co.jp",
        "offices.1.office_token": TOKEN_C.upper(),
    }
    answer = await confirmed(web, **second)
    assert answer.status_code == 200
    text = text_of(answer)
    assert "まだ、お申し込みは完了していません。" in text
    assert f"1 件目 事業所データ B 商店 管理に使う弥生ID b@example.co.jp 事業所トークン {TOKEN_B}" in text
    assert f"2 件目 事業所データ C 商店 管理に使う弥生ID c@example.co.jp 事業所トークン {TOKEN_C}" in text
    assert "お申し込みによる追加料金は発生しません。" in text
    assert "見つからない事業所データがあります" not in text
    assert await web.rows(select(ApplicationRow)) == []


async def test_y5_an_office_of_another_contract_is_not_named_but_can_be_applied_for(web: Web) -> None:
    answers = [
        await confirmed(web, **{"offices.0.office_token": token}) for token in (TOKEN_OF_ANOTHER, "f" + TOKEN_B[1:])
    ]
    for answer in answers:
        assert answer.status_code == 200
        assert "見つからない事業所データがあります" in answer.text
        assert "このご契約では見つかりません" in answer.text
        assert "後で訂正が必要になり" in answer.text
        assert "よその商店" not in answer.text
    # Whether another contract has it is not disclosed either.
    known, unknown = (
        re.sub(r"\s+", " ", re.sub(r'value="[^"]*"|[0-9a-f]{8}-[0-9a-f-]{27}', "", answer.text)) for answer in answers
    )
    assert known == unknown
    sent = Form(answers[0].text).values | {"action": "send"}
    assert (await web.http.post("/apply", data=sent)).status_code == 303


async def test_y13_a_sharing_is_said_before_the_form_is_sent_to_who_shows_the_offices_token(web: Web) -> None:
    async with web.sessions.begin() as session:
        session.add(SharingRow(office_token=TOKEN_B, firm="山田会計事務所"))
        session.add(SharingRow(office_token=TOKEN_OF_ANOTHER, firm="よその会計事務所"))
    second = {
        "offices.1.yayoi_id": "c@example.co.jp",
        "offices.1.yayoi_id_confirmation": "c@example.co.jp",
        "offices.1.office_token": TOKEN_OF_ANOTHER,
    }
    text = text_of(await confirmed(web, **second))
    assert text.count("会計事務所と共有されています") == 1
    assert "（山田会計事務所）。共有されている間は、お手続きを進められません。" in text
    assert "よその会計事務所" not in text
    delegated = text_of(await confirmed(web, **{"consents.delegate_unsharing": "yes"}))
    assert "（山田会計事務所）。お申し込みの後に、弥生が代わりに解除します。" in delegated


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ({"offices.0.yayoi_id": "nobody@example.co.jp"}, NOT_REGISTERED.message),
        ({"offices.0.yayoi_id": IDS[1]}, IN_ANOTHER_GROUP.message),
        ({"offices.0.office_token": MANAGED}, MANAGED_ALREADY.message),
    ],
)
async def test_y1_y2_y3_what_is_wrong_is_said_before_the_form_is_sent_to_who_shows_a_token_of_the_contract(
    web: Web, typed: dict[str, str], message: str
) -> None:
    async with web.sessions.begin() as session:
        session.add(OfficeRow(office_token=MANAGED, existing_contract_id=NETWORK, name="A 商店", contract_id=NETWORK))
        group = BusinessGroupRow(name="別の会社")
        session.add(group)
        await session.flush()
        person = YayoiIdRow.id_of(IDS[1])
        session.add(GroupMemberRow(person_id=person, group_id=group.group_id, administrator=True))
    both = typed | {"offices.0.yayoi_id_confirmation": typed.get("offices.0.yayoi_id", IDS[0])}
    own, foreign = (
        text_of(await confirmed(web, **{"offices.0.office_token": TOKEN_B} | both)),
        text_of(await confirmed(web, **both | {"offices.0.office_token": TOKEN_OF_ANOTHER})),
    )
    said = message.replace(" ", "")  # there are more of them on the page: a place that it names is a link
    assert said in own.replace(" ", "")
    assert "このままでは進められない点があります" in own
    without_link = {"accounting_link": "false", "offices.0.office_token": ""}
    unproven = foreign + text_of(await confirmed(web, **both | without_link))
    assert said not in unproven.replace(" ", "")


async def test_the_confirmation_goes_back_with_everything_kept_and_on_with_the_same(web: Web) -> None:
    typed = filled(await opened(web)) | {"consents.delegate_unsharing": "true", "action": "confirm"}
    confirmation = Form((await web.http.post("/apply", data=typed)).text).values
    back = Form((await web.http.post("/apply", data=confirmation | {"action": "change"})).text).values
    for values in (confirmation, back):
        kept = {name: value for name, value in values.items() if name not in {"rows", "form_id"}}
        assert kept == {name: typed[name] for name in kept}
        assert set(kept) >= {name for name in typed if not name.startswith("offices.1")} - {"action", "rows", "form_id"}
    answer = await web.http.post("/apply", data=confirmation | {"action": "send"})
    assert answer.status_code == 303
    [row] = await web.rows(select(ApplicationRow))
    assert row.consents["delegate_unsharing"]
    receipt = text_of(await web.http.get(answer.headers["location"]))
    assert "お申し込みを受け付けました" in receipt


async def test_what_would_be_refused_is_refused_before_the_confirmation(web: Web) -> None:
    unknown = await confirmed(web, existing_contract_id="8000000")
    assert unknown.status_code == 422
    assert NO_SUCH_CONTRACT in unknown.text
    other_product = await confirmed(web, network_product="false")
    assert "「ネットワーク製品」を選んでください。" in other_product.text
    await web.applied(pair())
    held = await confirmed(web)
    assert held.status_code == 422
    assert "手続き中のお申し込み（申込番号 YS-" in held.text


async def test_y9_without_the_link_the_confirmation_repeats_the_yayoi_ids_alone(web: Web) -> None:
    answer = await confirmed(web, accounting_link="false", **{"offices.0.office_token": ""})
    text = text_of(answer)
    assert "1 件目 事業所データ 本店 管理に使う弥生ID b@example.co.jp" in text
    for word in ("事業所トークン", "スマート取引取込", "見つかりません"):
        assert word not in text


@pytest.mark.long
async def test_nobody_tries_tokens_in_numbers(web: Web) -> None:
    typed = filled(await opened(web)) | {"action": "confirm"}
    most = SharedLimit.SUBMISSION.value.most
    for number in range(most):
        await web.http.post("/apply", data=typed | {"form_id": str(number)})
        await web.http.post("/apply", data=typed | {"form_id": str(number), "existing_contract_id": "8"})  # no try
    answer = await web.http.post("/apply", data=typed)
    assert answer.status_code == 429
    assert "受け付けを止めています" in answer.text
    assert (await web.http.post("/apply", data=typed | {"action": "add"})).status_code == 200


async def test_a_good_form_leads_to_the_case_page_and_a_double_click_to_the_same(web: Web) -> None:
    typed = filled(await opened(web))
    answers = await asyncio.gather(*(web.http.post("/apply", data=typed) for _ in range(3)))
    assert {answer.status_code for answer in answers} == {303}
    [address] = {answer.headers["location"] for answer in answers}
    [row] = await web.rows(select(ApplicationRow))
    assert address == case_path(SECRET, row.application_no, link_expiry(row.due_date)) + "&received=1"
    text = text_of(await web.http.get(address))
    due = row.due_date
    assert row.application_no in text
    assert f"{due.year}年{due.month}月{due.day}日（{'月火水木金土日'[due.weekday()]}） まで" in text


async def test_a_form_that_was_sent_and_changed_is_not_a_second_application(web: Web) -> None:
    typed = filled(await opened(web))
    await web.http.post("/apply", data=typed)
    answer = await web.http.post("/apply", data=typed | {"offices.0.office_token": TOKEN_C})
    assert answer.status_code == 409
    assert "すでに受け付けています" in text_of(answer)
    assert len(await web.rows(select(ApplicationRow))) == 1


@pytest.mark.parametrize("submission_id", ["", "x"])
async def test_a_form_without_its_id_is_asked_for_again(web: Web, submission_id: str) -> None:
    answer = await web.http.post("/apply", data=filled(await opened(web)) | {"submission_id": submission_id})
    assert answer.status_code == 400
    assert "申込フォームを開き直してください" in text_of(answer)


@pytest.mark.parametrize(
    ("content_type", "content"),
    [
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data\r\n\r\n1\r\n--x--"),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="a"; filename="b"\r\n\r\n1\r\n',
        ),
        (
            "multipart/form-data; boundary=x",
            b"".join(b'--x\r\nContent-Disposition: form-data; name="%d"\r\n\r\n1\r\n' % n for n in range(300)),
        ),
        ("application/x-www-form-urlencoded", b"rows=" + b"9" * 5000 + b"&action=remove-" + b"9" * 5000),
        ("application/x-www-form-urlencoded", b"rows=\xff&submission_id=%ff&applicant.family_name=%00"),
        ("text/plain", b"x"),
        ("application/json", b"{}"),
    ],
)
async def test_whatever_is_sent_as_a_form_gets_a_page_in_answer(web: Web, content_type: str, content: bytes) -> None:
    for said, statuses in ((CROSS_SITE, {403}), (SAME_ORIGIN, {200, 400})):
        headers = {"content-type": content_type} | said
        answer = await web.http.post("/apply", content=content, headers=headers)
        assert answer.status_code in statuses
        assert '<html lang="ja">' in answer.text


async def test_every_answer_is_protected(web: Web) -> None:
    for path in ("/apply", "/static/style.css", "/nowhere", "/api/nowhere", "/healthz"):
        headers = (await web.http.get(path)).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"


async def test_what_does_not_exist_is_said_in_japanese(web: Web) -> None:
    page, api = await web.http.get("/nowhere"), await web.http.get("/api/nowhere")
    assert (page.status_code, api.status_code) == (404, 404)
    assert "お探しのページはありません" in page.text
    assert api.headers["content-type"] == "application/problem+json"
    wrong_way = await web.http.get("/api/applications")
    assert (wrong_way.status_code, wrong_way.json()["status"]) == (405, 405)


def test_the_key_of_a_link_and_who_asked_stay_out_of_the_access_log() -> None:
    args = ("127.0.0.1:5", "GET", "/applications/YS-000001?key=secret", "1.1", 200)
    record = logging.LogRecord("uvicorn.access", logging.INFO, "", 0, '%s - "%s %s HTTP/%s" %d', args, None)
    assert WithoutPeople().filter(record)
    assert record.getMessage() == '- - "GET /applications/YS-000001 HTTP/1.1" 200'


async def test_the_access_log_is_filtered_while_the_app_runs(web: Web) -> None:
    del web
    assert any(isinstance(one, WithoutPeople) for one in logging.getLogger("uvicorn.access").filters)
