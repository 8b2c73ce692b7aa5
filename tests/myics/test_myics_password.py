"""A forgotten password: a link to whoever reads the account's mails, and a new password behind it (M6, M8)."""

import asyncio
from datetime import timedelta

import httpx
import pytest
import pytest_asyncio
from temporalio.client import WorkflowUpdateFailedError

from models.common.calendar import end_of
from models.common.identifiers import MailAddress
from models.common.personal_links import PersonalLink
from models.common.waiting_for import WaitingFor
from models.myics.identifiers import CustomerNo, HolderNo
from models.myics.personal_links import MyicsLinkKind
from models.myics.registrations import RegistrationKind, RegistrationOutcome
from models.myics.store.registrants import LinkRefusedError
from models.myics.store.sign_in import WRONG
from tests.support.customer import errors_on, words
from tests.support.myics_environment import FIRM, OWNER, PASSWORD, Registered, user
from tests.support.myics_site import REGISTER, MyicsBrowserUser, MyicsSite
from tests.support.secret_key import SECRET_KEYS
from web.common.auth import SharedLimit
from web.myics.limits import MyicsLimit
from web.myics.pages_password import FORGOTTEN, MAIL_SENT
from workflows.common import search_attributes

NEW_PASSWORD = "Aoba2027"
TWICE = {"password": NEW_PASSWORD, "password_again": NEW_PASSWORD}
JIRO, NOBODY = "jiro@aoba-kaikei.example.jp", "nobody@aoba-kaikei.example.jp"
RENEW = "/myics/password/new"


@pytest_asyncio.fixture
async def site(site: MyicsSite) -> MyicsSite:
    await site.myics.firm()
    return site


async def ask(browser: MyicsBrowserUser, address: str = OWNER, customer_no: str = FIRM) -> httpx.Response:
    return await browser.send(FORGOTTEN, {"customer_no": customer_no, "address": address})


async def renew(browser: MyicsBrowserUser, token: str, typed: dict[str, str] | None = None) -> httpx.Response:
    return await browser.send(f"{RENEW}?link={token}", typed or TWICE, action=RENEW)


async def renewals(site: MyicsSite) -> list[Registered]:
    return await site.myics.requested(RegistrationKind.RENEWAL)


async def test_m6_a_forgotten_password_is_set_anew_and_everybody_with_the_old_one_is_out(
    site: MyicsSite, browser: MyicsBrowserUser
) -> None:
    assert f'href="{FORGOTTEN}"' in (await browser.get("/myics/sign-in")).text
    async with site.browser() as elsewhere:
        await elsewhere.sign_in()
        assert (await elsewhere.get("/myics/users")).status_code == 200
        answer = await ask(browser)
        assert (answer.status_code, answer.headers["location"]) == (303, MAIL_SENT)
        [renewal] = await renewals(site)
        token = await renewal.link()
        assert OWNER in (await browser.get(f"{RENEW}?link={token}")).text
        refused = await renew(browser, token, TWICE | {"password_again": "Aoba2028"})
        assert (len(errors_on(refused)), NEW_PASSWORD in refused.text) == (1, False)
        refused = await renew(browser, token, {"password": "short", "password_again": "short"})
        assert "半角の英字・数字 8～16 文字" in errors_on(refused)[0]
        assert (await elsewhere.get("/myics/users")).status_code == 200
        answer = await renew(browser, token)
        place = f"/myics/sign-in?done=renewed&customer_no={FIRM}"
        assert (answer.status_code, answer.headers["location"]) == (303, place)
        assert "パスワードを変更しました" in words(await browser.get(place))
        assert (await elsewhere.get("/myics/users")).status_code == 303
    assert WRONG in words(await browser.sign_in(password=PASSWORD))
    assert (await browser.sign_in(password=NEW_PASSWORD)).status_code == 303
    assert (await renewal.handle.result()).outcome is RegistrationOutcome.RENEWED
    assert await renewal.kinds() == ["myics_renewal", "myics_renewed"]
    assert (await renewal.audit()).count("パスワードを再設定した") == 1


@pytest.mark.long
async def test_m8_who_asks_does_not_learn_which_accounts_there_are(site: MyicsSite, browser: MyicsBrowserUser) -> None:
    await site.myics.add(await site.myics.signed_in(FIRM, OWNER, PASSWORD), user(JIRO))  # not registered yet
    await site.myics.firm(CustomerNo("2000200301"), MailAddress("other@midori-kaikei.example.jp"))
    answers = [
        await ask(browser),
        await ask(browser, NOBODY),
        await ask(browser, JIRO),
        await ask(browser, customer_no="9999999999"),
        await ask(browser, "other@midori-kaikei.example.jp"),
    ]
    assert {(answer.status_code, answer.headers["location"], answer.text) for answer in answers} == {
        (303, MAIL_SENT, "")
    }
    assert len(await renewals(site)) == 1
    refused = await ask(browser, "taro", "12")
    assert [line.partition("：")[0] for line in errors_on(refused)] == [
        "お客様番号または顧問先ID",
        "ユーザーアカウント",
    ]
    assert 'value="taro"' in refused.text


@pytest.mark.long
@pytest.mark.parametrize("address", [OWNER, NOBODY])
async def test_m8_one_client_asks_for_an_account_only_so_often_an_hour_whether_it_exists_or_not(
    site: MyicsSite, browser: MyicsBrowserUser, address: str
) -> None:
    most = MyicsLimit.NEW_PASSWORD.value.most
    # The same account, however it is typed.
    answers = [await ask(browser, address, number) for number in (FIRM, f"{FIRM[:3]}-{FIRM[3:]}", FIRM, FIRM)]
    assert [answer.status_code for answer in answers] == [303] * most + [429]
    assert len(await renewals(site)) == (most if address == OWNER else 0)
    async with site.browser("198.51.100.7") as elsewhere:
        assert (await ask(elsewhere, address)).status_code == 303


async def test_m8_nor_too_often_for_whomever(browser: MyicsBrowserUser) -> None:
    for number in range(MyicsLimit.NEW_PASSWORD_FROM.value.most):
        assert (await ask(browser, f"{number}@aoba-kaikei.example.jp")).status_code == 303
    assert (await ask(browser, NOBODY)).status_code == 429


async def test_m8_a_link_is_used_once_by_whoever_is_first(site: MyicsSite) -> None:
    await site.myics.forget_password(OWNER)
    [renewal] = await renewals(site)
    token = await renewal.link()
    results = await asyncio.gather(
        *(site.myics.renewals.set_password(token, f"{NEW_PASSWORD}{n}") for n in range(4)), return_exceptions=True
    )
    assert sum(isinstance(result, HolderNo) for result in results) == 1
    assert ["すでに使われています" in str(each) for each in results if isinstance(each, LinkRefusedError)] == [True] * 3


async def test_m8_each_dead_link_says_what_to_do(site: MyicsSite, browser: MyicsBrowserUser) -> None:
    await ask(browser)
    [first] = await renewals(site)
    superseded = await first.link()
    await ask(browser)
    second = (await renewals(site))[1]
    before = await second.link()
    assert (await first.handle.result()).outcome is RegistrationOutcome.SUPERSEDED
    await second.act("resend")
    token = await second.link(2)
    ends = end_of((await second.row()).expires_on)
    assert ends - site.myics.now() >= timedelta(days=1)
    late = PersonalLink(MyicsLinkKind.NEW_PASSWORD, second.number, 2, site.myics.now() - timedelta(seconds=1))
    of_registration = PersonalLink(MyicsLinkKind.REGISTRATION, second.number, 2, ends).token(SECRET_KEYS)
    dead = {
        superseded: "いちばん新しいメールの URL",
        before: "いちばん新しいメールの URL",
        token[:-1]: "この URL は正しくありません",
        "": "この URL は正しくありません",
        of_registration: "この URL は正しくありません",
        late.token(SECRET_KEYS): "もう一度お申し込みください",
    }
    for link, said in dead.items():
        answer = await browser.get(f"{RENEW}?link={link}")
        assert (answer.status_code, said in words(answer)) == (410, True), said
        with pytest.raises(LinkRefusedError):
            await site.myics.renewals.set_password(link, NEW_PASSWORD)
    assert (await browser.get(f"{REGISTER}?link={token}")).status_code == 410
    assert (await renew(browser, token)).status_code == 303
    assert "すでに使われています" in words(await browser.get(f"{RENEW}?link={token}"))
    assert (await first.kinds()) == ["myics_renewal"]


async def test_m8_a_link_that_nobody_uses_ends_quietly_and_leaves_the_account(site: MyicsSite) -> None:
    await site.myics.forget_password(OWNER)
    [renewal] = await renewals(site)
    await renewal.link()
    await renewal.settled()
    shown = (await renewal.handle.describe()).typed_search_attributes
    assert shown.get(search_attributes.WAITING_FOR) == WaitingFor.APPLICANT  # no operator's queue
    for update_name, facts in (
        ("correct_address", {"mail_address": "new@aoba-kaikei.example.jp"}),
        ("extend_deadline", {"until": "2099-01-01"}),
    ):
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await renewal.act(update_name, **facts)
        assert "もう一度お申し込み" in str(refused.value.cause)
    await renewal.until_day((await renewal.row()).expires_on + timedelta(days=1))
    assert (await renewal.handle.result()).outcome is RegistrationOutcome.EXPIRED
    assert await renewal.kinds() == ["myics_renewal"]
    assert (await site.myics.signed_in(FIRM, OWNER, PASSWORD)).manages


async def test_m8_withdrawn_by_an_operator_the_account_stays_and_the_link_ends(site: MyicsSite) -> None:
    await site.myics.forget_password(OWNER)
    [renewal] = await renewals(site)
    token = await renewal.link()
    await renewal.act("withdraw")
    assert (await renewal.handle.result()).outcome is RegistrationOutcome.WITHDRAWN
    with pytest.raises(LinkRefusedError, match="取り下げ"):
        await site.myics.renewals.open(token)
    assert (await site.myics.signed_in(FIRM, OWNER, PASSWORD)).manages


@pytest.mark.long
async def test_m8_wrong_passwords_of_strangers_keep_nobody_out(site: MyicsSite) -> None:
    """Not whose browser is known, nor who is logged in; and who comes anew gets through by the mail."""
    async with site.browser() as own, site.browser() as new:
        assert (await own.sign_in()).status_code == 303
        for number in range(SharedLimit.GUESSES_OF_STRANGERS.value.most):
            async with site.browser(f"198.51.100.{number}") as stranger:
                assert WRONG in words(await stranger.sign_in(password="Wrong2026"))
        refused = await new.sign_in()
        assert (refused.status_code, "「パスワードをお忘れの方」からお進みください" in words(refused)) == (429, True)
        assert (await own.get("/myics/users")).status_code == 200
        assert (await own.sign_in()).status_code == 303
        await ask(new)
        [renewal] = await renewals(site)
        assert (await renew(new, await renewal.link())).status_code == 303
        assert (await new.sign_in(password=NEW_PASSWORD)).status_code == 303


@pytest.mark.long
async def test_m8_a_stranger_takes_no_link_away(site: MyicsSite, browser: MyicsBrowserUser) -> None:
    """Mails of one day are bounded, and the newest link opens until the next."""
    most = MyicsLimit.NEW_PASSWORD_DAILY.value.most
    for number in range(most + 3):
        async with site.browser(f"198.51.100.{number}") as stranger:
            assert (await ask(stranger)).headers["location"] == MAIL_SENT
    requested = await renewals(site)
    assert len(requested) == most
    answer = await ask(browser)
    assert answer.headers["location"] == MAIL_SENT
    assert "いちばん新しいメールの URL" in words(await browser.get(MAIL_SENT))
    assert (await renew(browser, await requested[-1].link())).status_code == 303


@pytest.mark.long
async def test_m8_a_stopped_account_gets_no_link_and_the_one_it_has_does_not_open(
    site: MyicsSite, browser: MyicsBrowserUser
) -> None:
    manager = await site.myics.signed_in(FIRM, OWNER, PASSWORD)
    await site.myics.register_user(await site.myics.add(manager, user(JIRO)))
    await ask(browser, JIRO)
    [renewal] = await renewals(site)
    token = await renewal.link()
    await site.myics.users.stop(manager, (await site.myics.account(JIRO)).account_id)
    answer = await browser.get(f"{RENEW}?link={token}")
    assert (answer.status_code, "停止されています" in words(answer)) == (410, True)
    with pytest.raises(LinkRefusedError, match="停止"):
        await site.myics.renewals.set_password(token, NEW_PASSWORD)
    assert (await ask(browser, JIRO)).headers["location"] == MAIL_SENT
    assert len(await renewals(site)) == 1
