"""STEP6 on its pages: in order, with the new number and STEP5's password, by the pair's own Yayoi ID (Y20)."""

from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.testing import WorkflowEnvironment

from models.tables import (
    BusinessGroupDetailsRow,
    BusinessGroupRow,
    EventRow,
    GroupMemberRow,
    OfficeRow,
    SetUpStepRow,
    SupportPasswordRow,
)
from models.yayoi.identifiers import ContractId, YayoiId
from models.yayoi.procedures import SetUpStep
from models.yayoi.store.event_cases import EXISTING_CONTRACT
from models.yayoi.store.pair_status import NOT_YOURS
from tests.support.customer import GROUP, SUPPORT_PASSWORD, Customer, customer_after_notice, errors_on, words
from tests.support.environment import OFFICE_B, OFFICE_C, YAYOI
from tests.support.matrices import mostly_long
from tests.support.smtp_inbox import SmtpInbox
from tests.support.web import PASSWORD, elsewhere
from web.common.auth import SharedLimit
from web.yayoi.customer.pair_page import NO_CASE
from web.yayoi.customer.products import TRY_AGAIN

PRODUCT, OWNED = "/products/register", "/products/owned"


async def steps(customer: Customer) -> list[str]:
    return await customer.environment.rows(select(SetUpStepRow.step).order_by(SetUpStepRow.done_at))


async def test_y20_every_step_in_its_order_and_the_page_says_what_is_next(customer: Customer) -> None:
    await customer.web.sign_in(customer.issued.yayoi_id)
    expected = list(SetUpStep)
    for number, step in enumerate(expected):
        page = await customer.page("/set-up")
        assert f"次はこちら {step.label}" in page
        assert page.count("済み") == number
        match step:
            case SetUpStep.SUPPORT_PASSWORD:
                answer = await customer.set_support_password()
            case SetUpStep.BUSINESS_GROUP:
                answer = await customer.create_group()
            case SetUpStep.PRODUCT:
                answer = await customer.register(PRODUCT)
            case _:
                answer = await customer.register(OWNED)
        assert answer.status_code == 303, words(answer)
        assert await steps(customer) == expected[: number + 1]
    assert answer.headers["location"] == "/set-up?done=owned_product"
    page = await customer.page(answer.headers["location"])
    assert "STEP6 保有製品の登録が完了しました。" in page
    assert "再連携が必要なサービスが 2 件残っています。" in page


async def test_y20_the_group_is_made_with_all_that_was_asked(customer: Customer) -> None:
    await customer.set_support_password()
    await customer.web.sign_in(customer.issued.yayoi_id)
    assert (await customer.create_group()).status_code == 303
    [group_id] = await customer.environment.rows(
        select(BusinessGroupRow.group_id).where(BusinessGroupRow.name == GROUP["group_name"])
    )
    async with customer.environment.sessions() as session:
        details = await session.get_one(BusinessGroupDetailsRow, group_id)
        member = (await session.scalars(GroupMemberRow.of(customer.issued.yayoi_id))).one()
        office = await session.get_one(OfficeRow, OFFICE_C[1])
    assert (details.business_form, details.family_name, details.given_name) == ("corporation", "弥生", "太郎")
    # Half-width katakana, hiragana and full-width digits are taken, and kept in one form (Y8).
    assert (details.family_name_kana, details.given_name_kana, details.phone) == ("ヤヨイ", "タロウ", "0312345678")
    assert (member.group_id, member.administrator, office.group_id) == (group_id, True, group_id)


@pytest.mark.long
async def test_no_personal_data_of_the_group_is_in_history(customer: Customer) -> None:
    await customer.finish_set_up()
    history = str(await customer.case.office().fetch_history())
    assert "business_group" in history
    for personal in (GROUP["group_name"], "ヤヨイ", "0312345678", SUPPORT_PASSWORD, customer.issued.yayoi_id):
        assert personal not in history


@pytest.mark.long
@pytest.mark.parametrize(
    ("field", "typed", "said"),
    mostly_long(
        [
            ("details.business_form", "", "どちらかを選んでください。"),
            ("group_name", "", "入力してください。"),
            ("details.family_name", "Yayoi", "全角で入力してください（例：弥生　太郎）。"),
            ("details.given_name_kana", "太郎", "全角カタカナで入力してください（例：ヤヨイ）。"),
            ("details.phone", "1234", "電話番号は、市外局番から 10 桁または 11 桁の数字で"),
            ("details.phone", " ", "入力してください。"),
        ],
        each_time=[("group_name", "", "入力してください。")],
    ),
)
async def test_y20_what_is_wrong_is_said_beside_its_field(
    customer: Customer, field: str, typed: str, said: str
) -> None:
    await customer.set_support_password()
    await customer.web.sign_in(customer.issued.yayoi_id)
    answer = await customer.create_group(**{field: typed})
    [error] = errors_on(answer)
    assert said in error
    assert f'id="{field.replace(".", "-")}-error"' in answer.text
    assert 'value="弥生 C 商店"' in answer.text or field == "group_name"  # what was typed is kept
    assert await steps(customer) == [SetUpStep.SUPPORT_PASSWORD]


@pytest.mark.parametrize("path", mostly_long(["/group", PRODUCT, OWNED], each_time=[PRODUCT]))
async def test_y20_before_its_turn_a_step_is_refused_with_what_comes_first(customer: Customer, path: str) -> None:
    await customer.web.sign_in(customer.issued.yayoi_id)
    answer = await customer.http.get(path)
    assert answer.status_code == 409
    assert f"順番が違います。先に「{SetUpStep.SUPPORT_PASSWORD.label}」が必要です。" in words(answer)
    assert "STEP5 サポート・サービスのパスワード設定へ進む" in words(answer)


async def test_y20_a_step_sent_before_its_turn_is_refused_by_the_procedure(customer: Customer) -> None:
    """The page that was open when the order was another is no way around it."""
    await customer.set_support_password()
    await customer.web.sign_in(customer.issued.yayoi_id)
    opened = await customer.http.get("/group")
    assert opened.status_code == 200
    answer = await customer.http.post(
        OWNED, data={"contract_id": customer.issued.contract_id, "password": SUPPORT_PASSWORD}
    )
    assert answer.status_code == 409
    assert "順番が違います" in words(answer)
    assert await steps(customer) == [SetUpStep.SUPPORT_PASSWORD]


@pytest.mark.long
async def test_y20_existing_number_other_number_and_wrong_password_are_refused(customer: Customer) -> None:
    await customer.set_support_password()
    await customer.web.sign_in(customer.issued.yayoi_id)
    await customer.create_group()
    for changes, said in (
        ({"contract_id": YAYOI}, f"お客様番号：{EXISTING_CONTRACT}"),
        ({"contract_id": "7999999"}, f"お客様番号：{NOT_YOURS}"),
        ({"contract_id": "6000001"}, f"お客様番号：{NOT_YOURS}"),
        ({"password": SUPPORT_PASSWORD.lower()}, f"パスワード：{TRY_AGAIN}"),
        ({"password": PASSWORD}, f"パスワード：{TRY_AGAIN}"),
        ({"password": ""}, "パスワード：入力してください。"),
        ({"contract_id": YAYOI, "password": ""}, f"お客様番号：{EXISTING_CONTRACT}／パスワード：入力してください。"),
        ({"contract_id": "", "password": ""}, "お客様番号：入力してください。／パスワード：入力してください。"),
    ):
        answer = await customer.register(PRODUCT, **changes)
        assert errors_on(answer) == said.split("／")
        if password := changes.get("password"):
            assert password not in answer.text
    assert await steps(customer) == [SetUpStep.SUPPORT_PASSWORD, SetUpStep.BUSINESS_GROUP]
    assert (await customer.register(PRODUCT)).status_code == 303


async def test_y20_another_yayoi_id_does_nothing_for_this_pair(customer: Customer) -> None:
    await customer.set_support_password()
    await customer.web.sign_in(OFFICE_B[0])
    answer = await customer.http.get("/group")
    assert answer.status_code == 409
    assert NO_CASE in words(answer)
    assert customer.issued.contract_id not in await customer.page("/set-up")


async def test_whoever_is_not_signed_in_is_led_to_the_sign_in_and_back(customer: Customer) -> None:
    for path in ("/set-up", "/group", PRODUCT, OWNED, "/relink", "/ledger", "/ledger.csv", "/evidence", "/members"):
        answer = await customer.http.get(path)
        assert (answer.status_code, answer.headers["location"]) == (303, f"/sign-in?next={path}")


@pytest.mark.long
async def test_y9_only_network_products_are_registered(
    sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment, smtp_inbox: SmtpInbox
) -> None:
    pair = YayoiId("office-2@shiraishi.example.co.jp"), None
    standalone: dict[str, Any] = {"contract": ContractId("6000002"), "network": False, "linked": False}
    async with customer_after_notice(sessions, temporal, smtp_inbox, pair, **standalone) as customer:
        await customer.set_support_password()
        await customer.web.sign_in(customer.issued.yayoi_id)
        await customer.create_group()
        answer = await customer.http.get(PRODUCT)
        assert answer.status_code == 409
        assert "ネットワーク製品だけの手続きです。このお申し込みでは不要です。" in words(answer)
        assert SetUpStep.PRODUCT.label not in await customer.page("/set-up")
        assert (await customer.register(OWNED)).status_code == 303


async def test_a_step_an_operator_took_on_the_phone_leaves_the_password_to_be_set(customer: Customer) -> None:
    await customer.case.do_step(SetUpStep.SUPPORT_PASSWORD)
    assert (await customer.set_support_password()).status_code == 303
    await customer.web.sign_in(customer.issued.yayoi_id)
    await customer.create_group()
    assert (await customer.register(PRODUCT)).status_code == 303
    assert len(await customer.environment.rows(select(SupportPasswordRow))) == 1
    assert await customer.environment.rows(select(EventRow.kind).where(EventRow.kind == "support_password_set")) == []


@pytest.mark.long
async def test_y20_tries_of_step5_and_step6_are_counted_apart(customer: Customer) -> None:
    """Outsiders fill no count of who is signed in, and one's own wrong ones end soon."""
    await customer.set_support_password()
    await customer.web.sign_in(customer.issued.yayoi_id)
    await customer.create_group()
    async with elsewhere(customer.http) as stranger:
        wrong = customer.notice | {"yayoi_id": "stranger@example.jp"}
        for _ in range(SharedLimit.GUESSES.value.most + 1):
            await customer.web.send("/support-password", wrong, http=stranger)
    answers = [
        await customer.register("/products/register", password="Wrong123")
        for _ in range(SharedLimit.GUESSES.value.most - 1)
    ]
    assert {answer.status_code for answer in answers} == {422}
    assert (await customer.register("/products/register", contract_id="700")).status_code == 422
    assert (await customer.register("/products/register")).status_code == 303
    assert (await customer.register("/products/owned", password="Wrong123")).status_code == 422
    assert (await customer.register("/products/owned")).status_code == 429
