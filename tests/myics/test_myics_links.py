"""M8: a personal link is signed, used once, expires, is superseded and withdrawn; each refusal says what to do."""

import asyncio
from datetime import timedelta

import pytest

from models.common.identifiers import MailAddress
from models.common.personal_links import read_link
from models.common.refusals import RefusedError
from models.common.secret_keys import SecretKeys
from models.myics.accounts import AccountKind, AccountState
from models.myics.deadlines import USER_DAYS
from models.myics.identifiers import CustomerNo
from models.myics.personal_links import MyicsLinkKind
from models.myics.registrations import RegistrationOutcome
from models.myics.store.registrants import LinkRefusedError, RegistrantPage, SignedUp, read_account
from models.yayoi.personal_links import YayoiLinkKind
from tests.support.myics_environment import FIRM, KEYWORD, OWNER, PASSWORD, MyicsEnvironment, Registered, user
from tests.support.secret_key import SECRET_KEYS
from workers.stack.inbox import text_of

OTHER_FIRM = CustomerNo("1000200309")
JIRO = "jiro@aoba-kaikei.example.jp"


async def invited(myics: MyicsEnvironment) -> tuple[Registered, str]:
    registration = await myics.add(await myics.firm(), user(JIRO))
    return registration, await registration.link()


async def refusal(myics: MyicsEnvironment, token: str) -> str:
    """Every way to use the link is refused with the same words."""
    said = []
    for use in (
        lambda: myics.registrants.open(token),
        lambda: myics.registrants.set_password(token, PASSWORD),
        lambda: myics.registrants.accept_terms(token, authority=True, terms=True),
        lambda: myics.registrants.choose_account(token, read_account(OWNER, KEYWORD)),
        lambda: myics.registrants.confirm(token, KEYWORD, PASSWORD),
    ):
        with pytest.raises(LinkRefusedError) as refused:
            await use()
        said.append(str(refused.value))
    assert len(set(said)) == 1
    return said[0]


async def test_used_twice(myics: MyicsEnvironment) -> None:
    registration, token = await invited(myics)
    await myics.register_user(registration)
    assert "すでに使われています" in await refusal(myics, token)
    assert (await registration.handle.result()).outcome is RegistrationOutcome.REGISTERED
    assert "すでに使われています" in await refusal(myics, token)


async def test_used_by_two_browsers_at_once_it_registers_once(myics: MyicsEnvironment) -> None:
    registration, token = await invited(myics)
    await myics.registrants.set_password(token, PASSWORD)
    results = await asyncio.gather(
        *(myics.registrants.accept_terms(token, authority=True, terms=True) for _ in range(5)), return_exceptions=True
    )
    assert sum(isinstance(result, SignedUp) for result in results) == 1
    assert sum(isinstance(result, LinkRefusedError) for result in results) == 4
    assert (await registration.audit()).count("ユーザー登録を完了した") == 1


async def test_late(myics: MyicsEnvironment) -> None:
    _, token = await invited(myics)
    myics.ahead = timedelta(days=USER_DAYS - 1)
    assert (await myics.registrants.open(token)).page is RegistrantPage.PASSWORD
    myics.ahead = timedelta(days=USER_DAYS + 1)
    assert "期限" in await refusal(myics, token)


async def test_forged(myics: MyicsEnvironment) -> None:
    registration, token = await invited(myics)
    link = read_link(SECRET_KEYS, MyicsLinkKind.REGISTRATION, token)
    assert link is not None
    other_kind = type(link)(YayoiLinkKind.MEMBER_INVITATION, link.procedure_id, 1, link.expires_at)
    for forged in (
        token[:-1],
        token + "a",
        "",
        "x" * 500,
        link.token(SecretKeys("another secret")),
        other_kind.token(SECRET_KEYS),
    ):
        assert "正しくありません" in await refusal(myics, forged)
    assert (await registration.row()).stage == "招待中"


async def test_superseded(myics: MyicsEnvironment) -> None:
    registration, token = await invited(myics)
    await registration.act("resend")
    second = await registration.link(2)
    assert "新しい URL" in await refusal(myics, token)
    assert (await myics.registrants.open(second)).page is RegistrantPage.PASSWORD


async def test_withdrawn(myics: MyicsEnvironment) -> None:
    registration, token = await invited(myics)
    await registration.act("withdraw", text_for_customer="ご担当の変更により取り下げました。")
    await registration.handle.result()
    refused = await refusal(myics, token)
    assert "取り下げられたため、URL は使えません。ご担当の変更により取り下げました。" in refused
    mail = text_of(myics.environment.inbox.to(JIRO)[-1])
    assert "ご担当の変更により取り下げました。" in mail
    assert "お電話" not in refused + mail  # the reason is for the audit trail
    account = await myics.account(JIRO)
    assert (account.state, account.ended_at is not None) == (AccountState.WITHDRAWN, True)


async def test_who_registers_in_the_moment_of_the_withdrawal_stays_registered(myics: MyicsEnvironment) -> None:
    registration, token = await invited(myics)
    await myics.registrants.set_password(token, PASSWORD)
    await myics.registrants.accept_terms(token, authority=True, terms=True)
    await registration.act("withdraw")  # the procedure has not been notified yet
    assert (await registration.handle.result()).outcome is RegistrationOutcome.REGISTERED
    assert (await myics.account(JIRO)).state == AccountState.REGISTERED


async def test_of_two_who_claim_one_address_at_once_one_wins_and_the_other_is_refused(myics: MyicsEnvironment) -> None:
    manager = await myics.firm()
    results = await asyncio.gather(
        *(myics.users.add(manager, manager.holder_no, user(JIRO, name=f"青葉 {n}郎")) for n in range(6)),
        return_exceptions=True,
    )
    refused = [result for result in results if isinstance(result, RefusedError)]
    assert len(refused) == 5
    assert {(error.field, "すでに" in error.message) for each in refused for error in each.errors} == {
        ("address", True)
    }


async def test_with_another_firm_the_same_address_holds_another_account(myics: MyicsEnvironment) -> None:
    registration, _ = await invited(myics)
    await myics.register_user(registration)
    other = await myics.invite(OTHER_FIRM, MailAddress("other@aoba-kaikei.example.jp"))
    token = await other.link()
    await myics.registrants.accept_terms(token, authority=True, terms=True)
    await myics.registrants.choose_account(token, read_account(JIRO, KEYWORD))
    assert (await myics.account(JIRO, OTHER_FIRM)).kind == AccountKind.ADMINISTRATOR


async def test_an_expired_invitation_frees_its_address(myics: MyicsEnvironment) -> None:
    registration, _ = await invited(myics)
    await registration.until_day((await registration.row()).expires_on + timedelta(days=1))
    assert (await registration.handle.result()).outcome is RegistrationOutcome.EXPIRED
    assert (await myics.account(JIRO)).state == AccountState.EXPIRED
    manager = await myics.signed_in(FIRM, OWNER, PASSWORD)
    again = await myics.add(manager, user(JIRO))
    assert (await myics.registrants.open(await again.link())).page is RegistrantPage.PASSWORD
