"""M8: a user's address is corrected by the firm's administrators, or the desk, and is in the audit trail."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select

from models.common.identifiers import MailAddress
from models.common.refusals import RefusedError
from models.common.waiting_for import WaitingFor
from models.myics.deadlines import USER_DAYS
from models.myics.forms import CorrectionForm
from models.myics.identifiers import CustomerNo
from models.myics.registrations import RegistrationKind, RegistrationOutcome, RegistrationStage
from models.myics.store.permissions import NotPossibleError
from models.myics.store.registrants import LinkRefusedError, RegistrantPage
from models.myics.store.sign_in import Member, SignInRefusedError
from models.tables import AuditRow
from tests.support.customer import errors_on, words
from tests.support.myics_environment import FIRM, OWNER, PASSWORD, MyicsEnvironment, Registered, user
from tests.support.myics_site import MyicsBrowserUser, MyicsSite
from web.common.auth import SharedLimit
from workers.commands import myics as myics_command
from workers.program import ClearError
from workers.stack.inbox import text_of

WRONG_ONE = "hanoko@aoba-kaikei.example.jp"
HANAKO = "hanako@aoba-kaikei.example.jp"
NEW = "new@aoba-kaikei.example.jp"


async def invited(myics: MyicsEnvironment) -> tuple[Member, Registered]:
    manager = await myics.firm()
    registration = await myics.add(manager, user(WRONG_ONE, name="青葉 花子"))
    await registration.link()
    return manager, registration


async def registered(myics: MyicsEnvironment) -> tuple[Member, Registered]:
    manager = await myics.firm()
    registration = await myics.add(manager, user(HANAKO, name="青葉 花子"))
    await myics.register_user(registration)
    return manager, registration


async def requested(myics: MyicsEnvironment, manager: Member, right: str = NEW) -> Registered:
    await myics.correct_address(manager, HANAKO, right)
    return (await myics.requested(RegistrationKind.ADDRESS))[-1]


async def audited(myics: MyicsEnvironment, number: str, action: str) -> AuditRow:
    [row] = await myics.rows(select(AuditRow).where(AuditRow.case_no == number, AuditRow.action == action))
    assert isinstance(row, AuditRow)
    return row


@pytest.mark.parametrize("begun", [False, True])
async def test_m8_an_invited_users_address_is_corrected_and_the_invitation_goes_there(
    myics: MyicsEnvironment, begun: bool
) -> None:
    manager, registration = await invited(myics)
    first = await registration.link()
    if begun:  # whoever reads at the wrong address has set a password
        await myics.registrants.set_password(first, PASSWORD)
        await myics.notify()
        await registration.at(RegistrationStage.PROVISIONAL)
    await registration.settled()
    await myics.correct_address(manager, WRONG_ONE, HANAKO)
    second = await registration.link(2)
    assert len(registration.mails(HANAKO)) == 1
    with pytest.raises(LinkRefusedError, match="新しい URL"):
        await myics.registrants.open(first)
    assert (await myics.registrants.open(second)).page is RegistrantPage.PASSWORD
    await registration.at(RegistrationStage.INVITED)
    entry = await audited(myics, registration.number, "メールアドレスを訂正した")
    assert (entry.by, entry.facts) == (f"firm:{FIRM}", {"before": WRONG_ONE, "by_account": manager.account_id})
    history = (await registration.handle.fetch_history()).to_json()
    assert HANAKO not in history
    await myics.registrants.set_password(second, PASSWORD)
    await myics.registrants.accept_terms(second, authority=True, terms=True)
    await myics.notify()
    assert (await registration.handle.result()).outcome is RegistrationOutcome.REGISTERED
    assert (await myics.signed_in(FIRM, HANAKO, PASSWORD)).name == "青葉 花子"


async def test_m8_an_operators_correction_too_leaves_no_password_of_whoever_reads_at_the_wrong_address(
    myics: MyicsEnvironment,
) -> None:
    _, registration = await invited(myics)
    await myics.registrants.set_password(await registration.link(), PASSWORD)
    await myics.notify()
    await registration.at(RegistrationStage.PROVISIONAL)
    await registration.act("correct_address", mail_address=HANAKO)
    assert (await myics.registrants.open(await registration.link(2))).page is RegistrantPage.PASSWORD
    assert (await registration.progress()).stage is RegistrationStage.INVITED


async def test_m8_an_address_holds_one_account_also_after_a_correction(myics: MyicsEnvironment) -> None:
    manager, registration = await invited(myics)
    with pytest.raises(RefusedError, match="すでにこのお客様番号で"):
        await myics.correct_address(manager, WRONG_ONE, OWNER)
    assert (await myics.account(WRONG_ONE)).registration_no == registration.number


@pytest.mark.long
async def test_m8_a_registered_users_address_changes_once_its_owner_has_confirmed_it(myics: MyicsEnvironment) -> None:
    manager, registration = await registered(myics)
    await myics.forget_password(HANAKO)
    [renewal] = await myics.requested(RegistrationKind.RENEWAL)
    renewing = await renewal.link()
    change = await requested(myics, manager)
    token = await change.link()
    assert (await myics.signed_in(FIRM, HANAKO, PASSWORD)).name == "青葉 花子"
    assert (await myics.address_changes.open(token)).address == NEW
    await myics.address_changes.confirm(token, PASSWORD)
    await myics.notify()
    assert (await change.handle.result()).outcome is RegistrationOutcome.CHANGED
    assert (await myics.signed_in(FIRM, NEW, PASSWORD)).name == "青葉 花子"
    with pytest.raises(SignInRefusedError, match="いずれかが違います"):
        await myics.signed_in(FIRM, HANAKO, PASSWORD)
    with pytest.raises(LinkRefusedError):
        await myics.renewals.open(renewing)
    with pytest.raises(LinkRefusedError, match="すでに完了"):
        await myics.address_changes.confirm(token, PASSWORD)
    subject = "日本ICS株式会社 MYICS ユーザーアカウント変更のお知らせ"
    assert [mail["Subject"] for mail in (change.mails(NEW)[-1], change.mails(HANAKO)[-1])] == [subject, subject]
    assert NEW not in text_of(change.mails(HANAKO)[-1])
    asked = await audited(myics, registration.number, "ユーザーアカウントの変更を受け付けた")
    done = await audited(myics, registration.number, "ユーザーアカウントを変更した")
    assert (asked.by, done.by, done.facts) == (f"firm:{FIRM}", f"registrant:{done.case_no}", {"before": HANAKO})


@pytest.mark.long
async def test_m8_whoever_reads_at_a_mistyped_address_does_not_get_the_account(
    site: MyicsSite, browser: MyicsBrowserUser
) -> None:
    """They guess as at the log-in, and lock nobody out."""
    manager, _ = await registered(site.myics)
    token = await (await requested(site.myics, manager)).link()
    for _ in range(SharedLimit.GUESSES.value.most):
        answer = await browser.send(f"/myics/address?link={token}", {"password": "Guess2026"}, action="/myics/address")
        assert "パスワードが違います" in words(answer)
    answer = await browser.send(f"/myics/address?link={token}", {"password": PASSWORD}, action="/myics/address")
    assert answer.status_code == 429
    async with site.browser("198.51.100.7") as owner:
        assert (await owner.sign_in(address=HANAKO)).status_code == 303


async def test_m8_an_address_that_got_an_account_meanwhile_is_refused_at_the_end(myics: MyicsEnvironment) -> None:
    manager, _ = await registered(myics)
    with pytest.raises(RefusedError, match="同じです"):
        await requested(myics, manager, HANAKO)
    with pytest.raises(RefusedError, match="すでにこのお客様番号で"):
        await requested(myics, manager, OWNER)
    token = await (await requested(myics, manager)).link()
    await myics.add(manager, user(NEW))
    with pytest.raises(RefusedError, match="すでにこのお客様番号で"):
        await myics.address_changes.confirm(token, PASSWORD)
    assert (await myics.signed_in(FIRM, HANAKO, PASSWORD)).name == "青葉 花子"


@pytest.mark.long
async def test_m8_a_change_requested_again_ends_the_one_before(myics: MyicsEnvironment) -> None:
    manager, _ = await registered(myics)
    first = await requested(myics, manager)
    token = await first.link()
    second = await requested(myics, manager, "other@aoba-kaikei.example.jp")
    assert (await first.handle.result()).outcome is RegistrationOutcome.SUPERSEDED
    with pytest.raises(LinkRefusedError, match="新しい URL"):
        await myics.address_changes.confirm(token, PASSWORD)
    token = await second.link()
    confirming = (myics.address_changes.confirm(token, PASSWORD) for _ in range(3))
    results = await asyncio.gather(*confirming, return_exceptions=True)
    assert sum(isinstance(result, LinkRefusedError) for result in results) == 2


async def test_m8_a_change_that_nobody_confirms_is_reminded_and_closed(myics: MyicsEnvironment) -> None:
    manager, _ = await registered(myics)
    change = await requested(myics, manager)
    token = await change.link()
    await change.until_day((await change.row()).expires_on + timedelta(days=1))
    assert (await change.handle.result()).outcome is RegistrationOutcome.EXPIRED
    kinds = await change.kinds()
    assert (kinds[0], set(kinds[1:])) == ("myics_address_change", {"myics_address_change_reminder"})
    myics.ahead = timedelta(days=USER_DAYS + 1)
    with pytest.raises(LinkRefusedError, match="期限"):
        await myics.address_changes.open(token)


@pytest.mark.long
async def test_m8_an_operator_corrects_where_the_mail_of_a_change_goes_and_not_yet_the_account(
    myics: MyicsEnvironment,
) -> None:
    manager, _ = await registered(myics)
    myics.environment.inbox.unknown.add(NEW)
    change = await requested(myics, manager)
    await change.waits_for(WaitingFor.OPERATOR)
    await change.act("correct_address", mail_address="right@aoba-kaikei.example.jp")
    token = await change.link(2)
    assert (await myics.account(HANAKO)).state == "登録済み"
    await myics.address_changes.confirm(token, PASSWORD)
    assert (await myics.account("right@aoba-kaikei.example.jp")).name == "青葉 花子"


@pytest.mark.long
async def test_m8_only_administrators_of_the_firm_correct_addresses(myics: MyicsEnvironment) -> None:
    _, registration = await registered(myics)
    hanako = await myics.signed_in(FIRM, HANAKO, PASSWORD)
    other = await myics.firm(CustomerNo("1000200302"), MailAddress("jiro@sakura.example.jp"))
    account = await myics.account(HANAKO)
    for member in (hanako, other):
        with pytest.raises(NotPossibleError):
            await myics.users.correct_address(
                member, account.account_id, CorrectionForm(address=MailAddress("x@example.jp"))
            )
    assert await myics.requested(RegistrationKind.ADDRESS) == []
    assert (await registration.row()).address == HANAKO


async def test_m8_the_desk_has_another_address_confirmed_for_a_registered_account(myics: MyicsEnvironment) -> None:
    await registered(myics)
    settings = myics.environment.settings.model_copy(
        update={"database_url": str(myics.environment.sessions.kw["bind"].url.render_as_string(hide_password=False))}
    )
    said = {"by": "command:sk", "reason": "お電話"}
    with pytest.raises(ClearError, match="見つかりません"):
        await myics_command.change_address(settings, FIRM, "nobody@aoba-kaikei.example.jp", NEW, **said)
    with pytest.raises(ClearError, match="メールアドレスの形式"):
        await myics_command.change_address(settings, FIRM, HANAKO, "new", **said)
    await myics_command.change_address(settings, "1000-200301", HANAKO.upper(), NEW, **said)
    await myics.notify()
    [change] = await myics.requested(RegistrationKind.ADDRESS)
    entry = await audited(myics, change.number, "ユーザーアカウントの変更を受け付けた")
    assert (entry.by, entry.reason) == ("command:sk", "お電話")
    await myics.address_changes.confirm(await change.link(), PASSWORD)


@pytest.mark.long
async def test_m8_an_administrator_corrects_an_address_on_the_pages(site: MyicsSite, browser: MyicsBrowserUser) -> None:
    _, registration = await registered(site.myics)
    await browser.sign_in()
    hanako = await site.myics.account(HANAKO)
    place = f"/myics/users/{hanako.account_id}/address"
    assert f'href="{place}"' in (await browser.get("/myics/users")).text
    assert errors_on(await browser.send(place, {"address": "x"}))[0].startswith("正しいメールアドレス：")
    assert "すでに" in errors_on(await browser.send(place, {"address": OWNER}))[0]
    answer = await browser.send(place, {"address": NEW})
    assert answer.headers["location"] == "/myics/users?done=changing"
    assert f"新しいアドレス {NEW} の確認を待っています" in words(await browser.get(answer.headers["location"]))
    [change] = await site.myics.requested(RegistrationKind.ADDRESS)
    link = f"/myics/address?link={await change.link()}"
    shown = words(await browser.get(link))
    assert f"新しいユーザーアカウント {NEW}" in shown
    assert HANAKO not in shown
    assert errors_on(await browser.send(link, {"password": ""})) == ["いまのパスワード：入力してください。"]
    assert "パスワードが違います" in errors_on(await browser.send(link, {"password": "Guess2026"}))[0]
    answer = await browser.send(link, {"password": PASSWORD})
    assert answer.headers["location"] == f"/myics/sign-in?done=address&customer_no={FIRM}"
    assert "ユーザーアカウントを変更しました" in words(await browser.get(answer.headers["location"]))
    assert (await browser.get(link)).status_code == 410
    assert (await registration.row()).closed_at is not None

    await browser.add_user(WRONG_ONE)
    wrong = await site.myics.account(WRONG_ONE)
    answer = await browser.send(f"/myics/users/{wrong.account_id}/address", {"address": HANAKO})
    assert answer.headers["location"] == "/myics/users?done=corrected"
    assert (await site.myics.account(HANAKO)).state == "招待中"
