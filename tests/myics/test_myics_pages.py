"""The pages of MYICS: logging in, and everything behind a personal link (M1 to M3, M5, M6, M8)."""

import re
from datetime import timedelta

import pytest

from models.common.personal_links import PersonalLink
from models.common.refusals import RefusedError
from models.myics.forms import AUTHORITY_CONSENT, TERMS_CONSENT, ClientForm, read
from models.myics.identifiers import HolderNo
from models.myics.personal_links import MyicsLinkKind
from models.myics.registrations import RegistrationKind
from models.myics.store.sign_in import STOPPED, WRONG
from tests.support.customer import errors_on, words
from tests.support.environment import OFFICE_B
from tests.support.myics_environment import FIRM, KEYWORD, OWNER, PASSWORD, user
from tests.support.myics_site import CLIENT, REGISTER, MyicsBrowserUser, MyicsSite
from tests.support.secret_key import SECRET_KEYS
from tests.support.web import CROSS_SITE, hidden_fields, until
from web.myics.pages_register import OTHER_PASSWORD

BOTH = {"authority": "true", "terms": "true"}
TWICE = {"password": PASSWORD, "password_again": PASSWORD}


async def test_m1_to_m3_the_representative_registers_and_logs_in(site: MyicsSite, browser: MyicsBrowserUser) -> None:
    registration = await site.myics.invite()
    token = await registration.link()

    refused = await browser.step(token, "terms", {"authority": "true"})
    assert errors_on(refused) == [f"{TERMS_CONSENT}：「{TERMS_CONSENT}」にチェックを付けてください。"]
    refused = await browser.step(token, "terms", {})
    assert [line.partition("：")[0] for line in errors_on(refused)] == [AUTHORITY_CONSENT, TERMS_CONSENT]
    answer = await browser.step(token, "terms", BOTH)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{REGISTER}?link={token}")

    word = "あ" * 65
    refused = await browser.step(token, "account", {"address": "taro", "keyword": word})
    assert [line.partition("：")[0] for line in errors_on(refused)] == ["ユーザーアカウント", "登録確認用キーワード"]
    assert "64 文字以内" in refused.text
    assert 'value="taro"' in refused.text
    assert word not in refused.text
    answer = await browser.step(token, "account", {"address": OWNER, "keyword": KEYWORD})
    assert (answer.status_code, answer.headers["location"]) == (303, f"{REGISTER}?link={token}")
    assert "仮登録が完了しました" in words(await browser.get(answer.headers["location"]))

    second = await registration.link(2)
    typed = {"keyword": KEYWORD} | TWICE
    refused = await browser.step(second, "confirm", typed | {"password_again": "Aoba2027"})
    assert errors_on(refused) == [f"パスワード（確認のためもう一度）：{OTHER_PASSWORD}"]
    assert PASSWORD not in refused.text
    refused = await browser.step(second, "confirm", typed | {"password": "short", "password_again": "short"})
    assert "半角の英字・数字 8～16 文字" in errors_on(refused)[0]
    refused = await browser.step(second, "confirm", {"keyword": " ", "password": "short", "password_again": ""})
    assert len(errors_on(refused)) == 3
    refused = await browser.step(second, "confirm", typed | {"keyword": "ちがう"})
    assert "キーワードが違います" in errors_on(refused)[0]
    answer = await browser.step(second, "confirm", typed)
    place = f"/myics/sign-in?done=registered&customer_no={FIRM}"
    assert (answer.status_code, answer.headers["location"]) == (303, place)

    page = await browser.get(place)
    assert "ユーザー登録が完了しました" in page.text
    assert f'value="{FIRM}"' in page.text
    answer = await browser.sign_in()
    assert (answer.status_code, answer.headers["location"]) == (303, "/myics/")
    top = words(await browser.get("/myics/"))
    assert "青葉 一郎 様" in top
    assert "事務所 ：事務所のユーザーを登録・変更します" in top


async def test_m3_the_form_sent_twice_says_that_the_mail_is_on_its_way(
    site: MyicsSite, browser: MyicsBrowserUser
) -> None:
    token = await (await site.myics.invite()).link()
    await browser.step(token, "terms", BOTH)
    async with site.browser() as other:
        page = {"address": OWNER, "keyword": KEYWORD}
        assert (await other.step(token, "account", page)).status_code == 303
        again = await browser.get(f"{REGISTER}?link={token}")
        twice = await browser.web.http.post(f"{REGISTER}/account", data=page | {"link": token})
    assert again.status_code == 200
    assert f"確認のメールの送り先 {OWNER}" in words(again)
    assert twice.status_code == 303
    assert f"確認のメールの送り先 {OWNER}" in words(await browser.get(twice.headers["location"]))


async def test_m2_a_wrong_address_is_corrected_on_the_page_behind_the_personal_url(
    site: MyicsSite, browser: MyicsBrowserUser
) -> None:
    registration = await site.myics.invite()
    token = await registration.link()
    await browser.step(token, "terms", BOTH)
    await browser.step(token, "account", {"address": "wrong@aoba-kaikei.example.jp", "keyword": KEYWORD})
    await registration.link(2)
    assert errors_on(await browser.step(token, "address", {"address": ""})) == [
        "正しいメールアドレス：入力してください。"
    ]
    answer = await browser.step(token, "address", {"address": OWNER})
    place = f"{REGISTER}?link={token}&done=corrected"
    assert (answer.status_code, answer.headers["location"]) == (303, place)
    page = words(await browser.get(place))
    assert "メールアドレスの訂正を受け付けました" in page
    assert f"確認のメールの送り先 {OWNER}" in page
    third = await registration.link(3)
    assert (await browser.step(third, "confirm", {"keyword": KEYWORD} | TWICE)).status_code == 303
    assert "すでに使われています" in words(await browser.get(place))


@pytest.mark.long
async def test_m5_a_user_sets_a_password_accepts_the_terms_and_is_on_the_top_page(
    site: MyicsSite, browser: MyicsBrowserUser
) -> None:
    manager = await site.myics.firm()
    registration = await site.myics.add(manager, user("hanako@aoba-kaikei.example.jp", name="青葉 花子"))
    token = await registration.link()
    assert "hanako@aoba-kaikei.example.jp" in (await browser.get(f"{REGISTER}?link={token}")).text
    for password in ("Short12", "a" * 17, "全角パスワード"):
        typed = {"password": password, "password_again": password}
        assert "パスワード" in errors_on(await browser.step(token, "password", typed))[0]
    answer = await browser.step(token, "password", TWICE)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{REGISTER}?link={token}")
    assert len(errors_on(await browser.step(token, "terms", {}))) == 2
    answer = await browser.step(token, "terms", BOTH)
    assert (answer.status_code, answer.headers["location"]) == (303, "/myics/?done=registered")
    top = words(await browser.get("/myics/?done=registered"))
    assert "ユーザー登録が完了しました" in top
    assert "青葉 花子 様" in top
    # 一般: nothing to manage, neither shown nor opened.
    for path in ("/myics/users", "/myics/clients", "/myics/batches", "/myics/users/new", "/myics/clients/new"):
        answer = await browser.get(path)
        assert (answer.status_code, "事務所の管理者の方だけ" in words(answer)) == (403, True), path
        assert f'href="{path}"' not in (await browser.get("/myics/")).text


@pytest.mark.long
async def test_m7_a_clients_user_reads_of_the_client_id_wherever_a_firm_reads_of_its_number(
    site: MyicsSite, browser: MyicsBrowserUser
) -> None:
    manager = await site.myics.firm()
    await site.myics.clients.add(manager, read(ClientForm, {"suffix": "0012", "name": "みどり商店"}))
    midori = "midori@midori.example.jp"
    registration = await site.myics.add(manager, user(midori), HolderNo(CLIENT))
    with pytest.raises(RefusedError, match="すでにこの顧問先IDで登録"):
        await site.myics.add(manager, user(midori), HolderNo(CLIENT))
    shown = [await browser.get(f"{REGISTER}?link={await registration.link()}")]
    await site.myics.register_user(registration)
    assert (await browser.sign_in(CLIENT, midori)).status_code == 303
    shown.append(await browser.get("/myics/?done=registered"))
    await site.myics.forget_password(midori, CLIENT)
    [renewal] = await site.myics.requested(RegistrationKind.RENEWAL)
    shown.append(await browser.get(f"/myics/password/new?link={await renewal.link()}"))
    for page in shown:
        assert re.search(f"顧問先ID[ ：]{CLIENT}", words(page))
        assert "お客様番号" not in page.text
    for form in ("/myics/sign-in", "/myics/password"):
        assert "お客様番号または顧問先ID" in words(await browser.get(form))


@pytest.mark.long
async def test_m8_each_dead_link_has_a_page_that_says_what_to_do(site: MyicsSite, browser: MyicsBrowserUser) -> None:
    manager = await site.myics.firm()
    used = await site.myics.add(manager, user("used@aoba-kaikei.example.jp"))
    used_link = await used.link()
    await site.myics.register_user(used)
    again = await site.myics.add(manager, user("again@aoba-kaikei.example.jp"))
    first_link = await again.link()
    await site.myics.invitations.resend(manager, (await site.myics.account("again@aoba-kaikei.example.jp")).account_id)
    second_link = await again.link(2)
    ended = site.myics.now() - timedelta(minutes=1)
    late_link = PersonalLink(MyicsLinkKind.REGISTRATION, again.number, 2, ended).token(SECRET_KEYS)
    dead = {
        used_link: "すでに使われています",
        first_link: "いちばん新しいメールの URL を開いてください",
        second_link[:-1]: "この URL は正しくありません",
        "": "この URL は正しくありません",
        late_link: "期限は過ぎました",
    }
    for token, said in dead.items():
        answer = await browser.get(f"{REGISTER}?link={token}")
        assert (answer.status_code, said in words(answer)) == (410, True), said
    hidden = hidden_fields(await browser.get(f"{REGISTER}?link={second_link}"), f"{REGISTER}/password")
    for step in ("password", "terms", "account", "confirm"):
        sent = hidden | BOTH | TWICE | {"link": first_link}
        answer = await browser.web.http.request("POST", f"{REGISTER}/{step}", data=sent)
        assert (await browser.get(answer.headers["location"])).status_code == 410, step
    await site.myics.invitations.withdraw(
        manager, (await site.myics.account("again@aoba-kaikei.example.jp")).account_id
    )

    async def withdrawn() -> bool:
        return (await browser.get(f"{REGISTER}?link={second_link}")).status_code == 410

    await until(withdrawn)
    assert "取り下げられた" in words(await browser.get(f"{REGISTER}?link={second_link}"))


async def test_m3_wrong_in_any_of_the_three_is_one_answer_and_too_many_lock(
    site: MyicsSite, browser: MyicsBrowserUser
) -> None:
    await site.myics.firm()
    wrong = [
        await browser.sign_in(password="Wrong2026"),
        await browser.sign_in(address="nobody@aoba-kaikei.example.jp"),
        await browser.sign_in(customer_no="9999999999"),
        await browser.sign_in(customer_no="12"),
    ]
    for answer in wrong:
        assert (answer.status_code, WRONG in words(answer)) == (422, True)
        assert PASSWORD not in answer.text
    assert (await browser.get("/myics/")).headers["location"] == "/myics/sign-in?next=/myics/"


async def test_m3_nothing_typed_is_asked_for_beside_its_field(browser: MyicsBrowserUser) -> None:
    assert errors_on(await browser.send("/myics/sign-in", {})) == [
        "お客様番号または顧問先ID：入力してください。",
        "ユーザーアカウント：入力してください。",
        "パスワード：入力してください。",
    ]


async def test_a_stopped_account_is_out_at_once(site: MyicsSite, browser: MyicsBrowserUser) -> None:
    manager = await site.myics.firm()
    registration = await site.myics.add(manager, user("hanako@aoba-kaikei.example.jp"))
    await site.myics.register_user(registration)
    assert (await browser.sign_in(address="hanako@aoba-kaikei.example.jp")).status_code == 303
    assert (await browser.get("/myics/")).status_code == 200
    await site.myics.users.stop(manager, (await site.myics.account("hanako@aoba-kaikei.example.jp")).account_id)
    assert (await browser.get("/myics/")).status_code == 303
    assert STOPPED in words(await browser.sign_in(address="hanako@aoba-kaikei.example.jp"))
    # What was left open somewhere does not come back with the account.
    await site.myics.users.restart(manager, (await site.myics.account("hanako@aoba-kaikei.example.jp")).account_id)
    assert (await browser.get("/myics/")).status_code == 303


@pytest.mark.long
async def test_sessions_of_myics_and_of_yayoi_ids_do_not_mix(site: MyicsSite, browser: MyicsBrowserUser) -> None:
    await site.myics.firm()
    await browser.sign_in()
    assert (await browser.get("/ledger")).headers["location"] == "/sign-in?next=/ledger"
    # Nor does the token of one open the other.
    token = browser.web.http.cookies["myics"]
    answer = await browser.web.http.get("/ledger", headers={"cookie": f"session={token}"})
    assert answer.status_code == 303
    async with site.browser() as other:
        await other.web.sign_in(OFFICE_B[0])
        assert (await other.get("/myics/")).headers["location"] == "/myics/sign-in?next=/myics/"
        token = other.web.http.cookies["session"]
        assert (await other.web.http.get("/myics/", headers={"cookie": f"myics={token}"})).status_code == 303
    # Logged in as both at once: each is left for itself.
    await browser.web.sign_in(OFFICE_B[0])
    assert (await browser.get("/myics/")).status_code == 200
    await browser.send("/myics/", {}, action="/myics/sign-out")
    assert (await browser.get("/myics/")).status_code == 303
    assert (await browser.get("/ledger")).status_code == 200


async def test_forms_that_were_not_shown_to_this_browser_are_refused(
    site: MyicsSite, browser: MyicsBrowserUser
) -> None:
    await site.myics.firm()
    await browser.sign_in()
    posts = {
        "/myics/sign-in": 403,
        "/myics/sign-out": 403,
        "/myics/password": 403,
        "/myics/password/new": 403,
        f"{REGISTER}/terms": 403,
        f"{REGISTER}/account": 403,
        f"{REGISTER}/address": 403,
        f"{REGISTER}/confirm": 403,
        f"{REGISTER}/password": 403,
        "/myics/users/new": 403,
        "/myics/users/1/stop": 403,
        "/myics/clients/new": 403,
        "/myics/batches": 403,
        "/myics/batches/MB-000001/stop": 403,
        "/myics/batches/MB-000001/resume": 403,
    }
    post = browser.web.http.post
    sent = {path: (await post(path, data={"a": "b"}, headers=CROSS_SITE)).status_code for path in posts}
    assert sent == posts
    # A file is taken on one page only, and never in an encoding of the sender's choice.
    file = {"file": ("a.csv", b"a", "text/csv")}
    for path in posts:
        assert (await post(path, files=file, headers=CROSS_SITE)).status_code == 403, path
        assert (await post(path, files=file)).status_code == (422 if path == "/myics/batches" else 400), path
    kind = {"content-type": "multipart/form-data; boundary=x; charset=utf-7"}
    assert (await browser.web.http.post("/myics/batches", content=b"--x--", headers=kind)).status_code == 400
