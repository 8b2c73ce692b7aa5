"""M3 to M8: staff and clients, their users, who may manage, and logging in."""

import asyncio

import pytest

from models.common.identifiers import MailAddress
from models.common.refusals import RefusedError
from models.common.waiting_for import WaitingFor
from models.myics.accounts import AccountKind, AccountState
from models.myics.forms import ClientForm, UserForm, read
from models.myics.identifiers import ClientId, ClientSuffix, CustomerNo, HolderNo
from models.myics.registrations import RegistrationOutcome, RegistrationStage
from models.myics.store.permissions import NotPossibleError
from models.myics.store.registrants import RegistrantPage
from models.myics.store.sign_in import STOPPED, WRONG, SignInRefusedError
from tests.support.environment import details_of
from tests.support.myics_cases import status_of
from tests.support.myics_environment import FIRM, OWNER, PASSWORD, MyicsEnvironment, Registered, user
from workers.stack.inbox import text_of

JIRO, SABURO = "jiro@aoba-kaikei.example.jp", "saburo@aoba-kaikei.example.jp"
ADMINISTRATOR = AccountKind.ADMINISTRATOR


async def refused_sign_in(myics: MyicsEnvironment, holder: str, address: str, password: str) -> str:
    with pytest.raises(SignInRefusedError) as refused:
        await myics.signed_in(holder, address, password)
    return str(refused.value)


async def test_m4_a_user_is_listed_at_once_and_gets_a_mail_with_a_url(myics: MyicsEnvironment) -> None:
    manager = await myics.firm()
    registration = await myics.add(manager, user(JIRO))
    listed = {each.address: each for each in await myics.users.listed(manager, manager.holder_no)}
    assert list(listed) == [OWNER, JIRO]
    assert (listed[JIRO].state, listed[JIRO].kind) == (AccountState.INVITED, AccountKind.GENERAL)
    assert (await myics.registrants.open(await registration.link())).page is RegistrantPage.PASSWORD
    [mail] = registration.mails(JIRO)
    assert mail["Subject"] == "日本ICS株式会社 MYICS ユーザー新規作成のお知らせ"
    assert "青葉会計事務所" in text_of(mail)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"address": "x"}, "address"),
        ({"name": " "}, "name"),
        ({"name": "あ" * 101}, "name"),
        ({"kind": "特別"}, "kind"),
    ],
)
def test_m4_what_is_typed_wrong_is_refused_beside_its_field(wrong: dict[str, str], field: str) -> None:
    typed = {"address": JIRO, "name": "青葉 次郎", "kind": "一般", **wrong}
    with pytest.raises(RefusedError) as refused:
        read(UserForm, typed)
    assert [error.field for error in refused.value.errors] == [field]


async def test_m4_only_administrators_of_the_firm_itself_manage(myics: MyicsEnvironment) -> None:
    manager = await myics.firm()
    await myics.register_user(await myics.add(manager, user(JIRO)))
    general = await myics.signed_in(FIRM, JIRO, PASSWORD)
    other = await myics.firm(CustomerNo("1000200302"), MailAddress("hanako@sakura.example.jp"))
    for member in (general, other):
        with pytest.raises(NotPossibleError):
            await myics.users.add(member, HolderNo(FIRM), user(SABURO))
        with pytest.raises(NotPossibleError):
            await myics.users.stop(member, manager.account_id)
    with pytest.raises(NotPossibleError):
        await myics.clients.listed(general)


async def test_m5_password_then_terms_and_the_user_is_in(myics: MyicsEnvironment) -> None:
    registration = await myics.add(await myics.firm(), user(JIRO))
    token = await registration.link()
    await myics.registrants.set_password(token, PASSWORD)
    await myics.notify()
    await registration.at(RegistrationStage.PROVISIONAL)
    assert (await myics.registrants.open(token)).page is RegistrantPage.TERMS
    assert await refused_sign_in(myics, FIRM, JIRO, PASSWORD) == WRONG  # not before the terms
    signed_up = await myics.registrants.accept_terms(token, authority=True, terms=True)
    await myics.notify()
    assert (await registration.handle.result()).outcome is RegistrationOutcome.REGISTERED
    assert signed_up is not None
    assert (await myics.signed_in(FIRM, JIRO, PASSWORD)).account_id == signed_up.account_id
    assert await registration.kinds() == ["myics_user_invitation", "myics_registered"]


@pytest.mark.long
async def test_m7_a_client_is_listed_at_once_and_its_users_register_as_staff_does(myics: MyicsEnvironment) -> None:
    manager = await myics.firm()
    form = ClientForm(suffix=ClientSuffix("００12"), name="みなと商店", users=(user("minato@minato.example.jp"),))
    number = await myics.clients.add(manager, form)
    await myics.notify()
    client = ClientId("10002003010012")
    assert [(each.client_id, each.users) for each in await myics.clients.listed(manager)] == [(client, 0)]
    [first] = await myics.users.listed(manager, HolderNo(client))
    registration = Registered(myics, first.registration_no)
    whole = Registered(myics, number)
    await whole.at(RegistrationStage.USERS)
    await myics.register_user(registration)
    assert (await whole.handle.result()).outcome is RegistrationOutcome.REGISTERED
    member = await myics.signed_in("1000-2003-01-0012", "minato@minato.example.jp", PASSWORD)
    assert (member.holder_no, member.manages) == (HolderNo(client), False)
    later = await myics.add(manager, user("second@minato.example.jp", ADMINISTRATOR), HolderNo(client))
    await myics.register_user(later)
    assert not (await myics.signed_in(client, "second@minato.example.jp", PASSWORD)).manages


@pytest.mark.long
async def test_m7_statuses_are_stored_with_the_registrations_and_say_in_the_end_how_they_ended(
    myics: MyicsEnvironment,
) -> None:
    manager = await myics.firm()
    form = ClientForm(suffix=ClientSuffix("0012"), name="みなと商店", users=(user("minato@minato.example.jp"),))
    number = await myics.clients.add(manager, form)
    [first] = await myics.users.listed(manager, HolderNo("10002003010012"))
    whole, registration = Registered(myics, number), Registered(myics, first.registration_no)
    stages = [(await status_of(myics, each.number)).stage for each in (whole, registration)]
    assert stages == [RegistrationStage.RECEIVED, RegistrationStage.INVITED]
    await myics.notify()
    await whole.at(RegistrationStage.USERS)
    status = await status_of(myics, number)
    assert (status.stage, status.waiting_for) == (RegistrationStage.USERS, WaitingFor.APPLICANT)
    assert f"{registration.number}　| 登録待ち" in await details_of(whole.handle)
    await registration.link()
    await registration.settled()
    status = await status_of(myics, registration.number)
    assert (status.waiting_for, status.until) == (WaitingFor.APPLICANT, (await registration.row()).expires_on)
    await myics.register_user(registration)
    await whole.handle.result()
    for each in (whole, registration):
        status = await status_of(myics, each.number)
        assert (status.stage, status.outcome) == (RegistrationStage.CLOSED, RegistrationOutcome.REGISTERED)
    assert f"{registration.number}　| 登録済み" in await details_of(whole.handle)


async def test_m7_the_last_four_digits_are_checked_and_taken_once(myics: MyicsEnvironment) -> None:
    manager = await myics.firm()
    for wrong in ("12", "00123", "abcd"):
        with pytest.raises(RefusedError, match="4 桁"):
            read(ClientForm, {"suffix": wrong, "name": "みなと商店"})
    form = ClientForm(suffix=ClientSuffix("0012"), name="みなと商店")
    results = await asyncio.gather(*(myics.clients.add(manager, form) for _ in range(4)), return_exceptions=True)
    assert sum(isinstance(result, RefusedError) for result in results) == 3
    assert len(await myics.clients.listed(manager)) == 1


async def test_y8_a_client_is_found_however_its_name_or_number_is_typed(myics: MyicsEnvironment) -> None:
    manager = await myics.firm()
    for suffix, name in (("0012", "ＡＢＣ　商店"), ("0013", "カ\u3099クエン（株）"), ("0014", "みなと屋")):
        await myics.clients.add(manager, read(ClientForm, {"suffix": suffix, "name": name}))
    typed = {"abc商店": "0012", "ＡＢＣ": "0012", "ｶﾞｸｴﾝ(株)": "0013", "００-１４": "0014", " みなと ": "0014"}
    for find, suffix in typed.items():
        assert [each.client_id for each in await myics.clients.listed(manager, find=find)] == [f"{FIRM}{suffix}"], find
    assert await myics.clients.listed(manager, find="%") == []
    assert len(await myics.clients.listed(manager, find=" ")) == 3


def test_y8_the_kind_of_a_user_may_have_blanks_around_it() -> None:
    assert read(UserForm, {"address": JIRO, "name": "青葉 次郎", "kind": " 管理者　"}).kind is ADMINISTRATOR


@pytest.mark.long
async def test_m7_a_withdrawn_client_withdraws_who_has_not_registered(myics: MyicsEnvironment) -> None:
    manager = await myics.firm()
    users = (user("one@minato.example.jp"), user("two@minato.example.jp"))
    number = await myics.clients.add(manager, ClientForm(suffix=ClientSuffix("0012"), name="みなと商店", users=users))
    await myics.notify()
    listed = await myics.users.listed(manager, HolderNo("10002003010012"))
    one, two = (Registered(myics, each.registration_no) for each in listed)
    await myics.register_user(one)
    await two.link()
    await Registered(myics, number).act("withdraw")
    assert (await Registered(myics, number).handle.result()).outcome is RegistrationOutcome.WITHDRAWN
    assert (await two.handle.result()).outcome is RegistrationOutcome.WITHDRAWN
    assert (await one.handle.result()).outcome is RegistrationOutcome.REGISTERED


async def test_m8_an_address_holds_one_account_per_firm_or_client(myics: MyicsEnvironment) -> None:
    manager = await myics.firm()
    await myics.add(manager, user(JIRO))
    with pytest.raises(RefusedError, match="すでに"):
        await myics.users.add(manager, manager.holder_no, user(JIRO.upper()))
    await myics.clients.add(manager, ClientForm(suffix=ClientSuffix("0012"), name="みなと商店", users=(user(JIRO),)))


@pytest.mark.long
async def test_the_last_administrator_cannot_be_stopped_or_demoted_even_by_two_at_once(myics: MyicsEnvironment) -> None:
    manager = await myics.firm()
    await myics.register_user(await myics.add(manager, user(JIRO, ADMINISTRATOR)))
    second = await myics.signed_in(FIRM, JIRO, PASSWORD)
    results = await asyncio.gather(
        myics.users.change_kind(manager, second.account_id, AccountKind.GENERAL),
        myics.users.stop(second, manager.account_id),
        return_exceptions=True,
    )
    assert sum(isinstance(result, NotPossibleError) for result in results) == 1
    left = second if results[0] else manager
    for change in (
        myics.users.change_kind(left, left.account_id, AccountKind.GENERAL),
        myics.users.stop(left, left.account_id),
    ):
        with pytest.raises(NotPossibleError, match="最後の管理者"):
            await change


@pytest.mark.long
async def test_a_stopped_account_is_refused_until_it_is_started_again(myics: MyicsEnvironment) -> None:
    manager = await myics.firm()
    registration = await myics.add(manager, user(JIRO))
    await myics.register_user(registration)
    member = await myics.signed_in(FIRM, JIRO, PASSWORD)
    await myics.users.stop(manager, member.account_id)
    assert await refused_sign_in(myics, FIRM, JIRO, PASSWORD) == STOPPED
    assert await myics.sign_in.member(member.account_id) is None
    await myics.users.restart(manager, member.account_id)
    await myics.signed_in(FIRM, JIRO, PASSWORD)
    assert {"アカウントを停止した", "アカウントの停止を解いた"} <= set(await registration.audit())


async def test_what_is_wrong_is_not_said(myics: MyicsEnvironment) -> None:
    await myics.firm()
    for holder, address, password in (
        (FIRM, OWNER, "Wrong2026"),
        (FIRM, "nobody@aoba-kaikei.example.jp", PASSWORD),
        ("1000200399", OWNER, PASSWORD),
        ("x", "y", "z"),
    ):
        assert await refused_sign_in(myics, holder, address, password) == WRONG


async def test_an_administrator_sends_again_and_withdraws_from_the_list(myics: MyicsEnvironment) -> None:
    manager = await myics.firm()
    registration = await myics.add(manager, user(JIRO))
    await registration.link()
    account = await myics.account(JIRO)
    await myics.invitations.resend(manager, account.account_id)
    await registration.link(2)
    await myics.invitations.withdraw(manager, account.account_id)
    assert (await registration.handle.result()).outcome is RegistrationOutcome.WITHDRAWN
    with pytest.raises(NotPossibleError, match="終了"):
        await myics.invitations.resend(manager, account.account_id)
