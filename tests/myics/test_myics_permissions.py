"""The pages on which a firm manages its users, its clients and its files (M4, M7, M8)."""

import re
from collections.abc import AsyncIterator
from http import HTTPStatus
from urllib.parse import unquote

import pytest
import pytest_asyncio
from sqlalchemy import select

from models.common.identifiers import MailAddress
from models.myics.deadlines import MOST_BYTES
from models.myics.identifiers import CustomerNo, RegistrationNo
from models.myics.store.users import LAST_ADMINISTRATOR
from models.tables import AuditRow
from tests.support.customer import errors_on, words
from tests.support.myics_environment import FIRM, OWNER, Registered
from tests.support.myics_site import CLIENT, MyicsBrowserUser, MyicsSite
from tests.support.web import hidden_fields, until

HANAKO = "hanako@aoba-kaikei.example.jp"
OTHER_FIRM = CustomerNo("2000200301")


@pytest_asyncio.fixture
async def manager(site: MyicsSite) -> AsyncIterator[MyicsBrowserUser]:
    """The representative's browser."""
    await site.myics.firm()
    async with site.browser() as browser:
        assert (await browser.sign_in()).status_code == 303
        yield browser


async def test_m4_added_a_user_is_listed_at_once_and_managed_in_the_list(
    site: MyicsSite, manager: MyicsBrowserUser
) -> None:
    added = await manager.add_user(HANAKO)
    assert (added.status_code, added.headers["location"]) == (303, "/myics/users?done=added")
    listed = words(await manager.get("/myics/users?done=added"))
    assert "ユーザーを追加しました" in listed
    assert f"{HANAKO} 招待中 一般" in listed
    again = await manager.add_user(HANAKO)
    assert "すでにこのお客様番号で登録" in errors_on(again)[0]
    assert f'value="{HANAKO}"' in again.text
    refused = await manager.send("/myics/users/new", {"address": "x", "name": " ", "kind": "社長"})
    said = [line.partition("：")[0] for line in errors_on(refused)]
    assert said == ["ユーザーアカウント", "使用者", "ユーザー種別"]

    hanako = await site.myics.account(HANAKO)
    registration = Registered(site.myics, await _number(site, HANAKO))
    first = await registration.link()
    assert (await manager.act(hanako.account_id, "resend")).status_code == 303
    second = await registration.link(2)
    assert first != second
    await site.myics.registrants.set_password(second, "Aoba2026")
    await site.myics.registrants.accept_terms(second, authority=True, terms=True)

    # The last administrator stays one; another may take the place.
    owner = await site.myics.account(OWNER)
    for action in ("general", "stop"):
        refused = await manager.act(owner.account_id, action)
        assert (refused.status_code, LAST_ADMINISTRATOR in words(refused)) == (409, True)
    assert (await manager.act(hanako.account_id, "administrator")).headers["location"].endswith("done=administrator")
    assert f"{HANAKO} 登録済み 管理者" in words(await manager.get("/myics/users"))
    assert (await manager.act(hanako.account_id, "stop")).status_code == 303
    assert f"{HANAKO} 停止 管理者" in words(await manager.get("/myics/users"))
    assert (await manager.act(hanako.account_id, "restart")).status_code == 303
    assert (await manager.act(owner.account_id, "general")).status_code == 303
    assert (await manager.get("/myics/users")).status_code == 403


async def test_m4_m7_a_name_that_was_mistyped_is_corrected(site: MyicsSite, manager: MyicsBrowserUser) -> None:
    """Of a user and of a client, by the firm's administrators; the audit trail says who, and a search finds it."""
    await manager.add_user(HANAKO)
    hanako = await site.myics.account(HANAKO)
    await manager.send("/myics/clients/new", {"suffix": "0012", "name": "みどり商点"})
    user, client = f"/myics/users/{hanako.account_id}/name", f"/myics/clients/{CLIENT}/name"
    assert f'href="{user}"' in (await manager.get("/myics/users")).text
    assert f'href="{client}"' in (await manager.get("/myics/clients")).text
    for place in (user, client):
        assert len(errors_on(await manager.send(place, {"name": " "}))) == 1
    done = await manager.send(user, {"name": "青葉 華子"})
    assert done.headers["location"] == "/myics/users?done=name"
    assert "名前を訂正しました" in words(listed := await manager.get(done.headers["location"]))
    assert "青葉 華子" in words(listed)
    done = await manager.send(client, {"name": "みどり商店"})
    assert f"顧問先ID {CLIENT} の名称を訂正しました" in words(await manager.get(done.headers["location"]))
    found = await manager.send("/myics/clients", {"find": "商店"}, action="/myics/clients")
    assert "みどり商店" in words(found)
    corrected = select(AuditRow).where(AuditRow.action.contains("を訂正した")).order_by(AuditRow.action)
    entries = await site.myics.rows(corrected)
    assert [entry.action for entry in entries] == ["使用者の名前を訂正した", "顧問先の名称を訂正した"]
    assert len({entry.by for entry in entries}) == 1


async def test_m7_nobody_corrects_the_name_of_another_firms_client(site: MyicsSite) -> None:
    await site.myics.firm()
    async with site.browser() as manager:
        await manager.sign_in()
        await manager.send("/myics/clients/new", {"suffix": "0012", "name": "みどり商店"})
    await site.myics.firm(OTHER_FIRM, MailAddress("other@other.example.jp"))
    async with site.browser() as other:
        await other.sign_in(OTHER_FIRM, "other@other.example.jp")
        for path in (f"/myics/clients/{CLIENT}/name", "/myics/clients/no-id/name"):
            assert (await other.get(path)).status_code == HTTPStatus.FORBIDDEN, path


@pytest.mark.long
async def test_m7_a_client_is_listed_at_once_with_users_of_its_own(site: MyicsSite, manager: MyicsBrowserUser) -> None:
    new = await manager.get("/myics/clients/new")
    assert FIRM in words(new)
    refused = await manager.send("/myics/clients/new", {"suffix": "12", "name": ""})
    assert [line.partition("：")[0] for line in errors_on(refused)] == ["顧問先ID の下 4 桁", "顧問先名称"]
    added = await manager.send("/myics/clients/new", {"suffix": "００１２", "name": "みどり商店"})
    assert (added.status_code, added.headers["location"]) == (303, f"/myics/clients?added={CLIENT}")
    assert f"みどり商店 顧問先ID：{CLIENT} 登録済みのユーザー：0 人" in words(await manager.get("/myics/clients"))
    twice = await manager.send("/myics/clients/new", {"suffix": "0012", "name": "みどり商店"})
    assert "すでに登録されています" in errors_on(twice)[0]
    for find, there in (("みどり", True), ("0012", True), ("青い", False), ("%", False)):
        page = await manager.send("/myics/clients", {"find": find})
        assert (page.status_code, CLIENT in page.text) == (200, there), find
        assert find not in unquote(str(page.url))  # no address holds a client's name

    added = await manager.add_user("midori@midori.example.jp", client=CLIENT)
    place = f"/myics/clients/{CLIENT}/users"
    assert added.headers["location"] == f"{place}?done=added"
    assert "midori@midori.example.jp" in (await manager.get(place)).text
    assert "midori@midori.example.jp" not in (await manager.get("/myics/users")).text
    account = await site.myics.account("midori@midori.example.jp", CLIENT)
    registration = Registered(site.myics, await _number(site, "midori@midori.example.jp", CLIENT))
    await registration.link()
    withdrawn = await manager.act(account.account_id, "withdraw", client=CLIENT)
    assert withdrawn.headers["location"] == f"{place}?done=withdraw"

    async def listed_as_withdrawn() -> bool:
        return "midori@midori.example.jp 取り下げ 一般" in words(await manager.get(place))

    await until(listed_as_withdrawn)


async def test_m7_one_firm_and_its_clients_see_nothing_of_another(site: MyicsSite, manager: MyicsBrowserUser) -> None:
    await manager.send("/myics/clients/new", {"suffix": "0012", "name": "みどり商店"})
    await manager.add_user(HANAKO)
    await manager.upload("clients", _csv(2))
    [batch] = await site.myics.batches.listed(await site.myics.signed_in(FIRM, OWNER, "Aoba2026"))
    hanako = await site.myics.account(HANAKO)
    await site.myics.firm(OTHER_FIRM, MailAddress("jiro@midori-kaikei.example.jp"))
    async with site.browser() as other:
        await other.sign_in(OTHER_FIRM, "jiro@midori-kaikei.example.jp")
        for place in (
            f"/myics/clients/{CLIENT}/users",
            f"/myics/clients/{CLIENT}/users/new",
            "/myics/clients/99/users",
            f"/myics/clients/{OTHER_FIRM}/users",
            f"/myics/clients/{OTHER_FIRM}0012/users",
            f"/myics/batches/{batch.batch_no}",
            f"/myics/batches/{batch.batch_no}/refused.csv",
            "/myics/batches/none",
        ):
            answer = await other.get(place)
            assert answer.status_code == 403, place
            assert "みどり商店" not in answer.text
        for place in ("/myics/users", "/myics/clients", "/myics/batches"):
            page = await other.get(place)
            assert page.status_code == 200
            assert not any(secret in page.text for secret in (HANAKO, "みどり商店", batch.batch_no))
        for action in ("withdraw", "stop", "general"):
            answer = await other.get(f"/myics/users/{hanako.account_id}/{action}")
            assert (answer.status_code, HANAKO in answer.text) == (409, False), action
        for action in ("resend", "withdraw", "stop", "administrator"):
            answer = await other.web.http.post(f"/myics/users/{hanako.account_id}/{action}")
            assert (answer.status_code, "見つかりません" in words(answer)) == (409, True), action
        answer = await other.web.http.post(f"/myics/batches/{batch.batch_no}/stop")
        assert (await other.get(answer.headers["location"])).status_code == 403
    assert (await site.myics.account(HANAKO)).state == "招待中"


async def test_m8_a_file_in_shift_jis_is_processed_and_its_refused_rows_come_back(manager: MyicsBrowserUser) -> None:
    answer = await manager.upload("clients", (_csv(3).decode() + "12,短い\n0001,二重\n").encode("cp932"))
    assert answer.status_code == 303
    place = answer.headers["location"]

    async def ended() -> bool:
        return "終了しました" in words(await manager.get(place))

    await until(ended)
    page = words(await manager.get(place))
    assert "5 件中 5 件" in page
    assert "登録した行 3 件" in page
    assert "5 12、短い 顧問先ID下4桁：" in page
    assert "すでに登録されています" in page
    file = await manager.get(f"{place}/refused.csv")
    assert file.headers["content-type"] == "text/csv; charset=utf-8"
    assert "attachment" in file.headers["content-disposition"]
    assert file.content.decode("utf-8-sig").count("短い") == 1
    assert "顧問先2" in (await manager.get("/myics/clients")).text
    listed = await manager.get("/myics/batches")
    assert '<strong class="refused">登録できなかった行が 2 件あります</strong>' in listed.text
    assert '<p class="notice refused" role="status">終了しました。' in (await manager.get(place)).text
    assert "ほかの 3 件は登録しました" in page


@pytest.mark.long
@pytest.mark.parametrize("kind", ["clients", "users"])
async def test_m8_a_template_is_downloaded_and_taken_as_it_is(manager: MyicsBrowserUser, kind: str) -> None:
    [path] = re.findall(rf'href="([^"]*/{kind}\.csv)"', (await manager.get("/myics/batches")).text)
    template = await manager.get(path)
    assert template.headers["content-type"] == "text/csv; charset=utf-8"
    assert f'filename="{kind}-template.csv"' in template.headers["content-disposition"]
    place = (await manager.upload(kind, template.content, f"{kind}-template.csv")).headers["location"]

    async def ended() -> bool:
        return "すべて登録しました" in words(await manager.get(place))

    await until(ended)
    assert 'class="notice" role="status"' in (await manager.get(place)).text


async def test_m8_what_stops_is_said_before_somebody_is_stopped(site: MyicsSite, manager: MyicsBrowserUser) -> None:
    await manager.add_user(HANAKO)
    hanako, owner = await site.myics.account(HANAKO), await site.myics.account(OWNER)
    listed = await manager.get("/myics/users")
    assert f'action="/myics/users/{hanako.account_id}/withdraw"' not in listed.text
    withdrawing = await manager.get(f"/myics/users/{hanako.account_id}/withdraw")
    assert "URL から登録できなくなります" in words(withdrawing)
    assert "取り下げを取り消すことはできません" in words(withdrawing)
    assert 'href="/myics/users"' in withdrawing.text
    assert (await site.myics.account(HANAKO)).state == "招待中"

    registration = Registered(site.myics, await _number(site, HANAKO))
    await site.myics.register_user(registration)
    await manager.act(hanako.account_id, "administrator")
    for action, said in (
        ("stop", "すぐに MYICS を利用できなくなります"),
        ("general", "登録・変更や一括登録ができなくなります"),
    ):
        question = await manager.get(f"/myics/users/{hanako.account_id}/{action}")
        assert (question.status_code, said in words(question)) == (200, True)
        own = await manager.get(f"/myics/users/{owner.account_id}/{action}")
        assert "元に戻せるのは、ほかの管理者の方だけです" in words(own)
    # What cannot be done any more is said instead of the question.
    refused = await manager.get(f"/myics/users/{hanako.account_id}/withdraw")
    assert (refused.status_code, "すでに終了しています" in words(refused)) == (409, True)
    assert (await site.myics.account(HANAKO)).state == "登録済み"


@pytest.mark.long
async def test_m8_a_file_is_stopped_and_resumed(manager: MyicsBrowserUser) -> None:
    place = (await manager.upload("clients", _csv(1000))).headers["location"]
    assert (await manager.send(place, {}, action=f"{place}/stop")).status_code == 303
    page = words(await manager.get(place))
    assert "続きから登録します" in page
    assert (await manager.send(place, {}, action=f"{place}/resume")).status_code == 303
    assert "登録は続きます" in words(await manager.get(place))


async def test_m8_the_same_form_sent_twice_is_one_file(site: MyicsSite, manager: MyicsBrowserUser) -> None:
    page = await manager.get("/myics/batches")
    async with site.browser() as other:
        other.web.http.cookies = manager.web.http.cookies
        hidden = hidden_fields(page, "/myics/batches") | {"kind": "clients"}
        files = {"file": ("a.csv", _csv(2), "text/csv")}
        answers = [await other.web.http.post("/myics/batches", data=hidden, files=files) for _ in range(2)]
    assert answers[0].headers["location"] == answers[1].headers["location"]


async def test_m8_what_is_no_file_of_rows_is_refused_as_a_whole(manager: MyicsBrowserUser) -> None:
    for name, content, said in (
        ("list.xlsx", b"PK\3\4", "「CSV」を選んで保存し直してください"),
        ("list.csv", b"PK\3\4\0\0", "「CSV」を選んで保存し直してください"),
        ("list.csv", b"", "ファイルが空です"),
        ("list.csv", "名前\nみどり".encode(), "見出しに"),
        ("list.csv", b"a" * (MOST_BYTES + 1), "ファイルが大きすぎます（5 MB まで）"),
    ):
        answer = await manager.upload("clients", content, name)
        assert said in errors_on(answer)[0]
    assert "選んでください" in errors_on(await manager.upload("firms", _csv(1)))[0]
    none = await manager.web.http.post("/myics/batches", data={"kind": "clients"})
    assert "登録するファイルを選んでください" in errors_on(none)[0]
    assert (await manager.upload("clients", b"a" * (MOST_BYTES + 200_000))).status_code == 413
    # Everywhere else the small limit stays.
    assert (await manager.web.http.post("/myics/users/new", content=b"a" * 70_000)).status_code == 413


def _csv(rows: int) -> bytes:
    return ("顧問先ID下4桁,顧問先名称\n" + "".join(f"{n:04},顧問先{n}\n" for n in range(rows))).encode()


async def _number(site: MyicsSite, address: str, holder: str = FIRM) -> RegistrationNo:
    return RegistrationNo((await site.myics.account(address, holder)).registration_no)
