"""What customers read before they apply: the guide, the plan and the check of a token, as served."""

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.common.names import shows_nothing
from models.yayoi.application_form import MAX_OFFICE_NAME_LENGTH, NO_FEE
from models.yayoi.identifiers import OfficeToken
from models.yayoi.procedures import Procedure
from tests.support.customer import Customer
from tests.support.web import TOKEN_B, Web, application, hidden_fields, pair, text_of
from web.yayoi.applicant.guide import chosen_procedure, steps_of
from web.yayoi.applicant.plan import MAX_PLANNED, Plan

# --- the guide --------------------------------------------------------------------------------------------------------


async def test_y10_the_guide_says_that_there_is_no_fee(web: Web) -> None:
    assert NO_FEE in text_of(await web.http.get("/"))


async def test_the_guide_leads_to_every_step(web: Web) -> None:
    page = (await web.http.get("/")).text
    for path in ("/plan", "/register", "/token", "/apply", "/support-password", "/set-up", "/relink"):
        assert f'href="{path}"' in page


@pytest.mark.parametrize(
    ("query", "procedure", "there", "not_there"),
    [
        ("link=true&network=true", Procedure.LINKED_NETWORK, ["STEP3", "製品の登録、保有製品の登録", "再連携"], []),
        ("link=true&network=false", Procedure.LINKED_STANDALONE, ["STEP3", "再連携"], ["製品の登録、保有製品の登録"]),
        (
            "link=false&network=true",
            Procedure.UNLINKED_NETWORK,
            ["製品の登録、保有製品の登録"],
            ["STEP3", "再連携", "共有"],
        ),
        (
            "link=false&network=false",
            Procedure.UNLINKED_STANDALONE,
            ["保有製品の登録"],
            ["STEP3", "再連携", "製品の登録、保有"],
        ),
        ("link=addition", Procedure.LINK_ADDITION, ["STEP3", "会計連携の追加を申し込む", "再連携"], ["STEP2", "STEP5"]),
    ],
)
async def test_y9_two_questions_decide_which_steps_apply(
    web: Web, query: str, procedure: Procedure, there: list[str], not_there: list[str]
) -> None:
    text = text_of(await web.http.get(f"/?{query}")).partition("手順を表示する")[2]
    assert f"手順：{procedure} " in text
    for words in there:
        assert words in text
    for words in not_there:
        assert words not in text


@pytest.mark.parametrize("query", ["link=true", "network=false", "link=x&network=true", "link=%00&network="])
async def test_one_answer_alone_is_asked_about_again(web: Web, query: str) -> None:
    answer = await web.http.get(f"/?{query}")
    assert answer.status_code == 200
    assert "連携の利用と製品の両方を選んで" in text_of(answer)


def test_every_procedure_can_be_chosen_and_has_steps() -> None:
    answers = [("addition", "")] + [(link, network) for link in ("true", "false") for network in ("true", "false")]
    found = [procedure for link, network in answers if (procedure := chosen_procedure(link, network))]
    assert set(found) == set(Procedure)
    assert all(steps_of(procedure) for procedure in found)


# --- the plan (STEP1) -------------------------------------------------------------------------------------------------


def plan_of(*offices: tuple[str, bool, str], **more: str) -> dict[str, str]:
    values: dict[str, str] = {}
    for row, (name, used, yayoi_id) in enumerate(offices):
        values |= {f"name{row}": name, f"yayoi_id{row}": yayoi_id} | ({f"used{row}": "1"} if used else {})
    return values | more


async def planned(web: Web, *offices: tuple[str, bool, str], **more: str) -> httpx.Response:
    """Send a plan, and open the page that it leads to."""
    answer = await web.http.post("/plan", data=plan_of(*offices, **more))
    assert answer.status_code == 303, answer.text
    return await web.http.get(answer.headers["location"])


A, B, C = ("A 商店", True, ""), ("B 商店", False, "Ｂ@example.co.jp"), ("C 商店", False, "")


async def test_y1_three_offices_with_one_in_use_need_two_ids(web: Web) -> None:
    text = text_of(await planned(web, A, B, C))
    assert "新たに必要な弥生ID は 2 つ です。そのうち 1 件は、使う弥生ID がまだ決まっていません。" in text
    assert "A 商店 「A 商店」の事業グループ いま使っている弥生ID 不要（管理中）" in text
    assert "B 商店 「B 商店」の事業グループ b@example.co.jp 必要" in text
    assert "C 商店 「C 商店」の事業グループ STEP2 で登録する 必要" in text
    assert "証憑は完全に削除することができません。" in text


async def test_a_plan_where_all_is_managed_needs_no_application(web: Web) -> None:
    page = await planned(web, A)
    assert "新たに必要な弥生ID はありません。お申し込みは不要です。" in text_of(page)
    assert "/apply?draft" not in page.text


async def test_an_empty_plan_is_a_form(web: Web) -> None:
    answer = await web.http.get("/plan")
    assert answer.status_code == 200
    assert "新たに必要な弥生ID" not in answer.text
    more = await planned(web, rows="5")
    assert 'name="name4"' in more.text


async def test_y1_what_cannot_be_one_to_one_is_refused_beside_its_field(web: Web) -> None:
    answer = await planned(
        web, B, ("B 商店", False, "b@example.co.jp"), ("", True, ""), ("D", False, "d"), ("x" * 41, False, "")
    )
    assert answer.status_code == 422
    text = text_of(answer)
    assert "7 か所を確認してください" in text
    assert "1 件目の事業所データの名前 ：同じ名前が 2 回入力されています。" in text
    assert "2 件目の弥生ID（メールアドレス） ：同じ弥生ID が 2 回入力されています。" in text
    assert "3 件目の事業所データの名前 ：入力してください。" in text
    assert "4 件目の弥生ID（メールアドレス） ：メールアドレスの形式で" in text
    assert f"5 件目の事業所データの名前 ：{MAX_OFFICE_NAME_LENGTH} 文字以内で入力してください。" in text
    assert "新たに必要な弥生ID" not in text


@pytest.mark.parametrize(
    "typed", [{"rows": "31"}, {"rows": "9" * 5000}, {"name0": "x" * 20_000}, {f"z{n}": "1" for n in range(290)}]
)
async def test_hostile_sizes_of_a_plan_are_refused(web: Web, typed: dict[str, str]) -> None:
    answer = await web.http.post("/plan", data=typed | {"z": "x" * 20_000} if "z0" in typed else typed)
    assert answer.status_code == 400
    assert '<html lang="ja">' in answer.text
    assert len(answer.text) < 30_000


async def test_markup_in_a_plan_stays_text(web: Web) -> None:
    page = (await planned(web, ("<script>alert(1)</script>", False, ""))).text
    assert "<script" not in page
    assert "&lt;script&gt;" in page


@given(
    st.lists(st.tuples(st.text(min_size=1, max_size=MAX_OFFICE_NAME_LENGTH), st.booleans()), max_size=MAX_PLANNED),
    st.dictionaries(st.text(max_size=12), st.text(max_size=30), max_size=10),
)
def test_y1_a_plan_counts_the_offices_that_are_not_managed(
    offices: list[tuple[str, bool]], junk: dict[str, str]
) -> None:
    ours = {f"{part}{row}" for row in range(MAX_PLANNED) for part in ("name", "used", "yayoi_id")} | {"rows"}
    typed = {name: value for name, value in junk.items() if name not in ours}
    typed |= plan_of(*((name, used, "") for name, used in offices))
    plan = Plan.of(typed)
    shown = [("" if shows_nothing(name) else name.strip(), used) for name, used in offices]
    named = [(name, used) for name, used in shown if name or used]
    assert [(office.name, office.used) for office in plan.offices] == named
    assert len(plan.new) == plan.undecided == sum(not used for _, used in named)
    assert Plan.of(plan.typed).offices == plan.offices  # as it is kept


def test_more_than_one_application_holds_is_split() -> None:
    plan = Plan.of({f"name{row}": f"{row}" for row in range(21)})
    assert (len(plan.new), plan.applications) == (21, 2)


# --- the token (STEP3) ------------------------------------------------------------------------------------------------


async def test_y8_a_pasted_token_is_shown_in_its_one_form(web: Web) -> None:
    typed = " Ｂ0000002ー0000-4000-8000-00000000 0002\n"
    text = text_of(await web.send("/token", {"office_token": typed}))
    assert "正しい形の事業所トークンです。" in text
    assert TOKEN_B in text


async def test_the_check_does_not_disclose_which_tokens_exist(web: Web) -> None:
    known, unknown = TOKEN_B, "f" + TOKEN_B[1:]
    answers = [text_of(await web.send("/token", {"office_token": token})) for token in (known, unknown)]
    assert answers[0].replace(known, "…") == answers[1].replace(unknown, "…")


@pytest.mark.parametrize(
    ("typed", "wrong"),
    [
        ("", "入力してください。"),
        ("b0000002-0000-4000-8000-00000000000", "桁数が違います（入力されたもの：8桁-4桁-4桁-4桁-11桁）。"),
        ("b0000002", "桁数が違います（入力されたもの：8桁）。"),
        ("b0000002000040008000000000000002", "区切りのハイフン（-）がありません。"),
        ("b0000002-0000-4000-8000-00000000000!", "使えない文字（!）が含まれています。"),
        ("事業所トークン：" + TOKEN_B, "事業所トークンのほかの文字が含まれています。"),
        ("x" * 401, "長すぎます。"),
        ("-" * 399, "桁数が違います"),
    ],
)
async def test_y4_what_is_wrong_with_a_token_is_said(web: Web, typed: str, wrong: str) -> None:
    answer = await web.send("/token", {"office_token": typed})
    assert answer.status_code == 422
    assert f"事業所トークン ：{wrong}" in text_of(answer) or wrong in text_of(answer)
    assert 'aria-invalid="true"' in answer.text


@given(st.text(max_size=60))
def test_y4_whatever_is_no_token_is_answered_with_what_to_do(typed: str) -> None:
    try:
        OfficeToken(typed)
    except ValueError as refused:
        said = str(refused)
    else:
        return
    assert said.endswith("ください。")
    assert len(typed) < 6 or typed not in said


@pytest.mark.long
async def test_y4_one_mistake_has_one_message_wherever_a_token_is_typed(customer: Customer) -> None:
    """On the page of STEP3, the form, the correction, the guard of evidence, and to other systems."""
    web, short = customer.web, TOKEN_B[:-1]
    said = "桁数が違います（入力されたもの：8桁-4桁-4桁-4桁-11桁）。"
    form = await web.http.get("/apply")
    typed = hidden_fields(form) | {"offices.0.office_token": short, "action": "confirm"}
    await web.sign_in(customer.issued.yayoi_id)
    by_system = await web.apply(application(pair(token=short)))
    answers = [
        (await web.send("/token", {"office_token": short})).text,
        (await web.http.post("/apply", data=typed)).text,
        (await web.send("/evidence", {"office_token": short})).text,
        by_system.json()["errors"][0]["message"],
    ]
    for answer in answers:
        assert said in answer
