"""Nothing on a page or in a mail of MYICS leads to where nothing can be done, however far a registration is (M1–M8)."""

import re
from collections.abc import Awaitable, Callable
from datetime import timedelta

import httpx
import pytest

from models.myics.deadlines import USER_DAYS
from models.myics.registrations import RegistrationKind, RegistrationOutcome, RegistrationStage
from tests.support.case_walk import Page
from tests.support.myics_environment import (
    FIRM,
    OWNER,
    PASSWORD,
    MyicsEnvironment,
    Registered,
    user,
)
from tests.support.myics_site import CLIENT, MyicsBrowserUser, MyicsSite
from tests.support.web import until
from workers.stack.inbox import text_of

JIRO, NEW = "jiro@aoba-kaikei.example.jp", "new-jiro@aoba-kaikei.example.jp"
State = Callable[[MyicsEnvironment], Awaitable[None]]
"""Brings a registration there."""


async def representative_invited(myics: MyicsEnvironment) -> None:
    await (await myics.invite()).link()


async def representative_provisional(myics: MyicsEnvironment) -> None:
    registration = await myics.invite()
    await myics.choose_account(registration)
    await registration.link(2)


async def representative_registered(myics: MyicsEnvironment) -> None:
    await myics.firm()


async def representative_withdrawn(myics: MyicsEnvironment) -> None:
    registration = await myics.invite()
    await registration.link()
    await registration.act("withdraw")
    await registration.handle.result()


async def user_invited(myics: MyicsEnvironment) -> None:
    await (await myics.add(await myics.firm(), user(JIRO))).link()


async def user_registered(myics: MyicsEnvironment) -> None:
    registration = await myics.add(await myics.firm(), user(JIRO))
    await myics.register_user(registration)
    await registration.handle.result()


async def user_sent_another(myics: MyicsEnvironment) -> None:
    registration = await myics.add(manager := await myics.firm(), user(JIRO))
    await registration.link()
    await myics.invitations.resend(manager, (await myics.account(JIRO)).account_id)
    await registration.link(2)


async def user_withdrawn(myics: MyicsEnvironment) -> None:
    registration = await myics.add(manager := await myics.firm(), user(JIRO))
    await registration.link()
    await myics.invitations.withdraw(manager, (await myics.account(JIRO)).account_id)
    await registration.handle.result()


async def user_expired(myics: MyicsEnvironment) -> None:
    await user_invited(myics)
    myics.ahead = timedelta(days=USER_DAYS + 1)


async def forgotten(myics: MyicsEnvironment) -> Registered:
    await myics.forget_password(OWNER)
    renewal = (await myics.requested(RegistrationKind.RENEWAL))[-1]
    await renewal.link()
    return renewal


async def password_forgotten(myics: MyicsEnvironment) -> None:
    await myics.firm()
    await forgotten(myics)


async def password_set_anew(myics: MyicsEnvironment) -> None:
    await myics.firm()
    renewal = await forgotten(myics)
    await myics.renewals.set_password(await renewal.link(), "Aoba2027")
    await myics.notify()
    await renewal.handle.result()


async def password_forgotten_twice(myics: MyicsEnvironment) -> None:
    await myics.firm()
    first = await forgotten(myics)
    await forgotten(myics)
    await first.handle.result()


async def password_not_set(myics: MyicsEnvironment) -> None:
    await myics.firm()
    renewal = await forgotten(myics)
    await renewal.act("withdraw")
    await renewal.handle.result()


async def changing(myics: MyicsEnvironment, right: str = NEW) -> Registered:
    manager = await myics.signed_in(FIRM, OWNER)
    await myics.correct_address(manager, JIRO, right)
    change = (await myics.requested(RegistrationKind.ADDRESS))[-1]
    await change.link()
    return change


async def address_changing(myics: MyicsEnvironment) -> None:
    await user_registered(myics)
    await changing(myics)


async def address_changed(myics: MyicsEnvironment) -> None:
    await user_registered(myics)
    change = await changing(myics)
    await myics.address_changes.confirm(await change.link(), PASSWORD)
    await myics.notify()
    await change.handle.result()


async def address_changed_otherwise(myics: MyicsEnvironment) -> None:
    await user_registered(myics)
    first = await changing(myics)
    await changing(myics, f"2{NEW}")
    await first.handle.result()


async def address_not_changed(myics: MyicsEnvironment) -> None:
    await user_registered(myics)
    change = await changing(myics)
    await change.act("withdraw")
    await change.handle.result()


Kind, Stage = RegistrationKind, RegistrationStage
STATES: dict[tuple[RegistrationKind, RegistrationStage], State] = {
    (Kind.REPRESENTATIVE, Stage.INVITED): representative_invited,
    (Kind.REPRESENTATIVE, Stage.PROVISIONAL): representative_provisional,
    (Kind.REPRESENTATIVE, Stage.REGISTERED): representative_registered,
    (Kind.REPRESENTATIVE, Stage.CLOSED): representative_withdrawn,
    (Kind.USER, Stage.INVITED): user_invited,
    (Kind.USER, Stage.REGISTERED): user_registered,
    (Kind.USER, Stage.CLOSED): user_withdrawn,
    (Kind.RENEWAL, Stage.RENEWING): password_forgotten,
    (Kind.RENEWAL, Stage.RENEWED): password_set_anew,
    (Kind.RENEWAL, Stage.SUPERSEDED): password_forgotten_twice,
    (Kind.RENEWAL, Stage.CLOSED): password_not_set,
    (Kind.ADDRESS, Stage.CONFIRMING): address_changing,
    (Kind.ADDRESS, Stage.CHANGED): address_changed,
    (Kind.ADDRESS, Stage.SUPERSEDED): address_changed_otherwise,
    (Kind.ADDRESS, Stage.CLOSED): address_not_changed,
}
"""By what is registered, and how far it is."""
WITHOUT_LINK = {Stage.RECEIVED, Stage.USERS}
"""Of a client, whose users are mailed."""
FURTHER: list[State] = [user_sent_another, user_expired]


def test_every_stage_of_everything_that_is_mailed_a_link_is_walked() -> None:
    kinds = {kind for kind in Kind if kind.has_link}
    assert {kind for kind, _ in STATES} == kinds
    assert {stage for _, stage in STATES} == set(Stage) - WITHOUT_LINK
    assert {(kind, stage) for kind in kinds for stage in (kind.first_stage, Stage.CLOSED)} <= STATES.keys()


@pytest.mark.long
@pytest.mark.parametrize(("kind", "stage"), STATES, ids=str)
async def test_m8_every_link_that_was_mailed_leads_on_at_every_stage(
    site: MyicsSite, kind: RegistrationKind, stage: RegistrationStage
) -> None:
    await STATES[kind, stage](site.myics)

    async def is_there() -> bool:
        rows = [await each.row() for each in await site.myics.requested(kind)]
        if stage is Stage.CLOSED:  # a row keeps the stage at which it was ended
            return any(row.outcome in {RegistrationOutcome.WITHDRAWN, RegistrationOutcome.EXPIRED} for row in rows)
        return stage in {row.stage for row in rows}

    await until(is_there)
    await every_link_leads_on(site)


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


async def every_link_leads_on(site: MyicsSite) -> None:
    starts = links_mailed(site.myics)
    assert starts
    async with site.browser() as browser:
        assert await walked(browser, starts) == []


@pytest.mark.parametrize(
    "state",
    [pytest.param(each, marks=[] if each is user_expired else [pytest.mark.long]) for each in FURTHER],
    ids=lambda state: state.__name__,
)
async def test_m8_every_link_that_was_mailed_leads_on_though_it_is_the_former_or_too_old(
    site: MyicsSite, state: State
) -> None:
    await state(site.myics)
    await every_link_leads_on(site)


async def test_m4_m7_every_link_of_the_pages_behind_the_sign_in_leads_on(site: MyicsSite) -> None:
    manager = await site.myics.firm()
    await site.myics.add(manager, user(JIRO))
    async with site.browser() as browser:
        assert (await browser.sign_in()).status_code == 303
        await browser.send("/myics/clients/new", {"suffix": "0012", "name": "みどり商店"})
        assert await walked(browser, ["/myics", f"/myics/clients/{CLIENT}/users"]) == []
