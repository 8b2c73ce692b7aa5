"""Nothing on a page or in a mail of MYICS leads to where nothing can be done, however far a registration is (M1–M8)."""

import re
from collections.abc import Awaitable, Callable
from datetime import timedelta

import httpx
import pytest

from models.myics.deadlines import USER_DAYS
from tests.support.case_walk import Page
from tests.support.myics_environment import OWNER, MyicsEnvironment, user
from tests.support.myics_site import CLIENT, MyicsBrowserUser, MyicsSite
from workers.stack.inbox import text_of

JIRO = "jiro@aoba-kaikei.example.jp"
State = Callable[[MyicsEnvironment], Awaitable[None]]
"""Brings a registration there."""


async def representative_invited(myics: MyicsEnvironment) -> None:
    await (await myics.invite()).link()


async def representative_registered(myics: MyicsEnvironment) -> None:
    await myics.firm()


async def user_invited(myics: MyicsEnvironment) -> None:
    await (await myics.add(await myics.firm(), user(JIRO))).link()


async def user_registered(myics: MyicsEnvironment) -> None:
    registration = await myics.add(await myics.firm(), user(JIRO))
    await myics.register_user(registration)


async def user_superseded(myics: MyicsEnvironment) -> None:
    registration = await myics.add(manager := await myics.firm(), user(JIRO))
    await registration.link()
    await myics.invitations.resend(manager, (await myics.account(JIRO)).account_id)
    await registration.link(2)


async def user_withdrawn(myics: MyicsEnvironment) -> None:
    registration = await myics.add(manager := await myics.firm(), user(JIRO))
    await registration.link()
    await myics.invitations.withdraw(manager, (await myics.account(JIRO)).account_id)


async def user_expired(myics: MyicsEnvironment) -> None:
    await user_invited(myics)
    myics.ahead = timedelta(days=USER_DAYS + 1)


async def password_forgotten(myics: MyicsEnvironment) -> None:
    await myics.firm()
    await myics.forget_password(OWNER)


STATES: list[State] = [
    representative_invited,
    representative_registered,
    user_invited,
    user_registered,
    user_superseded,
    user_withdrawn,
    user_expired,
    password_forgotten,
]


async def walked(browser: MyicsBrowserUser, starts: list[str]) -> list[str]:
    """Follow every link inside the pages from these on; return what leads nowhere."""
    dead_ends, ahead, seen = [], list(starts), set[str]()
    while ahead:
        path = ahead.pop()
        if path in seen or not path.startswith("/"):
            continue
        seen.add(path)
        answer = await browser.get(path)
        while answer.is_redirect:
            answer = await browser.get(answer.headers["location"])
        if not answer.headers["content-type"].startswith("text/html"):
            assert answer.status_code == httpx.codes.OK, path
            continue
        page = Page(path, answer.text)
        dead_ends += [f"{path.partition('?')[0]} {each}" for each in _wrong_with(page, answer)]
        ahead += page.main_links
    return dead_ends


def _wrong_with(page: Page, answer: httpx.Response) -> list[str]:
    main = answer.text.partition("<main")[2].partition("</main>")[0]
    wrong = []
    if answer.status_code != httpx.codes.OK and not page.main_links:
        wrong.append(f"answers {answer.status_code} and leads nowhere")
    named = re.sub(r"<[^>]*>", "", main)
    if re.search(r"MYICS ?サポート(?:へ|に)", named) and not re.search(
        r'href="(?:tel:|mailto:|https?://|/enquiry)', main
    ):
        wrong.append("names the support without a way to reach it")
    return wrong


def links_mailed(myics: MyicsEnvironment) -> list[str]:
    mails = myics.environment.inbox.mails
    return [link for mail in mails for link in re.findall(r"http://web\.test(/myics\S*)", text_of(mail))]


@pytest.mark.parametrize(
    "state",
    [pytest.param(each, marks=[] if each is user_expired else [pytest.mark.long]) for each in STATES],
    ids=lambda state: state.__name__,
)
async def test_m8_every_link_that_was_mailed_leads_on_however_far_the_registration_is(
    site: MyicsSite, state: State
) -> None:
    await state(site.myics)
    starts = links_mailed(site.myics)
    assert starts
    async with site.browser() as browser:
        assert await walked(browser, starts) == []


async def test_m4_m7_every_link_of_the_pages_behind_the_sign_in_leads_on(site: MyicsSite) -> None:
    manager = await site.myics.firm()
    await site.myics.add(manager, user(JIRO))
    async with site.browser() as browser:
        assert (await browser.sign_in()).status_code == 303
        await browser.send("/myics/clients/new", {"suffix": "0012", "name": "みどり商店"})
        assert await walked(browser, ["/myics", f"/myics/clients/{CLIENT}/users"]) == []
