"""M1 to M3, M6, M8: the representative of an accounting firm registers."""

from datetime import timedelta

import pytest
from sqlalchemy import insert, select
from temporalio.client import WorkflowUpdateFailedError

from models.common.calendar import day_in_japan
from models.common.identifiers import MailAddress
from models.common.refusals import RefusedError
from models.common.waiting_for import WaitingFor
from models.myics.accounts import AccountKind, AccountState
from models.myics.deadlines import INVITATION_DAYS, MOST_CORRECTIONS, WRONG_KEYWORDS
from models.myics.forms import CorrectionForm
from models.myics.registrations import RegistrationOutcome, RegistrationStage
from models.myics.store.registrants import LinkRefusedError, RegistrantPage, read_account
from models.tables import MyicsAccountRow, MyicsFirmRow
from tests.support.environment import details_of
from tests.support.myics_environment import FIRM, KEYWORD, OWNER, PASSWORD, MyicsEnvironment, Registered
from workers.stack.inbox import text_of
from workflows.common.operator_turn import CANCELLATION_ASKED


async def provisional(myics: MyicsEnvironment) -> tuple[Registered, str]:
    registration = await myics.invite()
    token = await registration.link()
    await myics.registrants.accept_terms(token, authority=True, terms=True)
    await myics.registrants.choose_account(token, read_account(OWNER, KEYWORD))
    await myics.notify()
    return registration, await registration.link(2)


async def refused_operation(registration: Registered, name: str, json: object) -> str:
    with pytest.raises(WorkflowUpdateFailedError) as failed:
        await registration.handle.execute_update(name, json)
    return str(failed.value.cause)


async def test_m1_the_invitation_has_the_very_subject_and_a_personal_link(myics: MyicsEnvironment) -> None:
    registration = await myics.invite()
    token = await registration.link()
    [mail] = registration.mails(OWNER)
    assert mail["Subject"] == "日本ICS株式会社【重要】Webサービスサイト (MYICS) 開設のご案内とユーザー登録のお願い"
    assert "青葉 一郎 様" in text_of(mail)
    assert FIRM in text_of(mail)
    opened = await myics.registrants.open(token)
    assert (opened.page, str(opened.holder_no), opened.holder_name) == (
        RegistrantPage.TERMS,
        str(FIRM),
        "青葉会計事務所",
    )


@pytest.mark.parametrize(("authority", "terms"), [(True, False), (False, True), (False, False)])
async def test_m1_both_boxes_are_required(myics: MyicsEnvironment, authority: bool, terms: bool) -> None:
    token = await (await myics.invite()).link()
    with pytest.raises(RefusedError) as refused:
        await myics.registrants.accept_terms(token, authority=authority, terms=terms)
    missing = [name for name, checked in (("authority", authority), ("terms", terms)) if not checked]
    assert [error.field for error in refused.value.errors] == missing
    assert (await myics.registrants.open(token)).page is RegistrantPage.TERMS
    with pytest.raises(LinkRefusedError, match="順番"):
        await myics.registrants.choose_account(token, read_account(OWNER, KEYWORD))


async def test_m2_account_and_keyword_make_a_provisional_account_and_check_the_address(myics: MyicsEnvironment) -> None:
    registration = await myics.invite()
    token = await registration.link()
    own = MailAddress("daihyo@aoba-kaikei.example.jp")
    await myics.registrants.accept_terms(token, authority=True, terms=True)
    await myics.registrants.choose_account(token, read_account(own, KEYWORD))
    await myics.notify()
    second = await registration.link(2)
    account = await myics.account(own)
    assert (account.state, account.kind) == (AccountState.PROVISIONAL, AccountKind.ADMINISTRATOR)
    assert "仮登録" in registration.mails(own)[0]["Subject"]
    assert (await myics.registrants.open(second)).page is RegistrantPage.CONFIRM
    assert (await registration.progress()).stage is RegistrationStage.PROVISIONAL
    first = await myics.registrants.open(token)
    assert (first.page, first.address) == (RegistrantPage.MAIL_SENT, own)
    with pytest.raises(LinkRefusedError, match="順番"):
        await myics.registrants.choose_account(token, read_account(OWNER, KEYWORD))


WRONG = MailAddress("wrong@aoba-kaikei.example.jp")


async def provisional_at_a_wrong_address(myics: MyicsEnvironment) -> tuple[Registered, str]:
    """Return the link by which the account was chosen; the mail that checks the address is not sent yet."""
    registration = await myics.invite()
    token = await registration.link()
    await myics.registrants.accept_terms(token, authority=True, terms=True)
    await myics.registrants.choose_account(token, read_account(WRONG, KEYWORD))
    return registration, token


async def test_m2_a_wrong_address_is_corrected_by_the_registrant_until_it_is_confirmed(myics: MyicsEnvironment) -> None:
    registration, token = await provisional_at_a_wrong_address(myics)
    await myics.notify()
    to_the_wrong_one = await registration.link(2)
    await myics.registrants.correct_address(token, CorrectionForm(address=OWNER))
    await myics.notify()
    to_the_right_one = await registration.link(3)
    with pytest.raises(LinkRefusedError, match="新しい URL"):
        await myics.registrants.open(to_the_wrong_one)
    assert len(registration.mails(WRONG)) == 1
    assert "メールアドレスを訂正した" in await registration.audit()
    assert "メールアドレスが訂正された" in await details_of(registration.handle)
    await myics.registrants.confirm(to_the_right_one, KEYWORD, PASSWORD)
    await myics.notify()
    assert (await registration.handle.result()).outcome is RegistrationOutcome.REGISTERED
    assert (await myics.account(OWNER)).registration_no == registration.number
    with pytest.raises(LinkRefusedError, match="すでに使われています"):
        await myics.registrants.correct_address(token, CorrectionForm(address=WRONG))


async def test_m2_corrected_before_the_mail_went_out_only_the_right_address_gets_it(myics: MyicsEnvironment) -> None:
    registration, token = await provisional_at_a_wrong_address(myics)
    await myics.registrants.correct_address(token, CorrectionForm(address=OWNER))
    await myics.notify()
    await myics.registrants.open(await registration.link(2))
    await registration.settled()
    assert await registration.kinds() == ["myics_invitation", "myics_confirmation"]
    assert registration.mails(WRONG) == []


async def test_m2_a_mail_that_is_refused_waits_for_an_operator_until_the_registrant_corrects_the_address(
    myics: MyicsEnvironment,
) -> None:
    registration, token = await provisional_at_a_wrong_address(myics)
    myics.environment.inbox.unknown.add(WRONG)
    await myics.notify()
    await registration.waits_for(WaitingFor.OPERATOR)
    await myics.registrants.correct_address(token, CorrectionForm(address=OWNER))
    await myics.notify()
    await registration.link(3)
    await registration.waits_for(WaitingFor.APPLICANT)


async def test_m8_an_address_that_has_an_account_is_no_correction(myics: MyicsEnvironment) -> None:
    _, token = await provisional_at_a_wrong_address(myics)
    async with myics.environment.sessions.begin() as session:
        await session.execute(
            insert(MyicsAccountRow).values(
                holder_no=FIRM,
                customer_no=FIRM,
                registration_no="MR-000001",
                address=OWNER,
                name="青葉 次郎",
                kind=AccountKind.GENERAL,
                state=AccountState.REGISTERED,
            )
        )
    with pytest.raises(RefusedError, match="すでにこのお客様番号で"):
        await myics.registrants.correct_address(token, CorrectionForm(address=OWNER))
    assert (await myics.registrants.open(token)).address == WRONG


async def test_m2_after_some_corrections_the_support_is_named(myics: MyicsEnvironment) -> None:
    _, token = await provisional_at_a_wrong_address(myics)
    for number in range(MOST_CORRECTIONS):
        address = MailAddress(f"wrong{number}@aoba-kaikei.example.jp")
        await myics.registrants.correct_address(token, CorrectionForm(address=address))
    with pytest.raises(RefusedError, match="MYICS サポート"):
        await myics.registrants.correct_address(token, CorrectionForm(address=OWNER))


async def test_m8_a_locked_registration_is_not_corrected(myics: MyicsEnvironment) -> None:
    registration, token = await provisional_at_a_wrong_address(myics)
    await myics.notify()
    second = await registration.link(2)
    for _ in range(WRONG_KEYWORDS):
        with pytest.raises((RefusedError, LinkRefusedError)):
            await myics.registrants.confirm(second, "違う", PASSWORD)
    with pytest.raises(LinkRefusedError, match="ロック"):
        await myics.registrants.correct_address(token, CorrectionForm(address=OWNER))


@pytest.mark.parametrize("word", ["あ" * 64, "🗝" * 64, " " + "か\u3099" * 64 + " "])
def test_m2_a_keyword_of_64_characters_is_taken(word: str) -> None:
    assert len(read_account(OWNER, word).keyword) == 64


@pytest.mark.parametrize("word", ["あ" * 65, "", "  \u3000 "])
def test_m2_a_keyword_of_65_characters_or_none_is_refused(word: str) -> None:
    with pytest.raises(RefusedError) as refused:
        read_account(OWNER, word)
    assert [error.field for error in refused.value.errors] == ["keyword"]


async def test_m3_keyword_and_password_register_and_the_three_things_log_in(myics: MyicsEnvironment) -> None:
    registration, token = await provisional(myics)
    signed_up = await myics.registrants.confirm(token, f" {KEYWORD} ", PASSWORD)
    await myics.notify()
    assert (await registration.handle.result()).outcome is RegistrationOutcome.REGISTERED
    assert (await myics.account(OWNER)).state == AccountState.REGISTERED
    member = await myics.signed_in("1000-200301", OWNER.upper(), PASSWORD)
    assert member.account_id == signed_up.account_id
    assert member.manages
    assert await registration.kinds() == ["myics_invitation", "myics_confirmation", "myics_registered"]
    assert PASSWORD not in "".join(map(text_of, registration.mails(OWNER)))


async def test_y8_the_keyword_is_the_same_in_any_width_and_with_any_spaces(myics: MyicsEnvironment) -> None:
    registration = await myics.invite()
    token = await registration.link()
    await myics.registrants.accept_terms(token, authority=True, terms=True)
    await myics.registrants.choose_account(token, read_account(OWNER, "２０２６　Aoba の ｷｰﾜｰﾄﾞ"))
    await myics.notify()
    second = await registration.link(2)
    for other in ("2026aobaのキーワード", "2026Aobaきーわーど"):
        with pytest.raises(RefusedError, match="キーワードが違います"):
            await myics.registrants.confirm(second, other, PASSWORD)
    await myics.registrants.confirm(second, "2026Ａｏｂａのキーワード ", PASSWORD)


def test_y8_a_keyword_of_64_wide_letters_is_not_longer_when_it_is_folded() -> None:
    assert read_account(OWNER, "㍻" * 64).keyword == "平成" * 64


@pytest.mark.parametrize("password", ["Aoba202", "Aoba2026Aoba20261", "Aoba 2026", "Ａｏｂａ２０２６", "aoba-2026", ""])
async def test_m6_a_password_that_breaks_the_rule_is_refused_and_uses_nothing_up(
    myics: MyicsEnvironment, password: str
) -> None:
    _, token = await provisional(myics)
    with pytest.raises(RefusedError) as refused:
        await myics.registrants.confirm(token, KEYWORD, password)
    assert [error.field for error in refused.value.errors] == ["password"]
    assert (await myics.registrants.open(token)).page is RegistrantPage.CONFIRM


@pytest.mark.parametrize("password", ["kmjxrtqw", "83915264", "Kv7wTq2mRx9bNc4Z"])
async def test_m6_passwords_at_the_edges_are_taken(myics: MyicsEnvironment, password: str) -> None:
    _, token = await provisional(myics)
    await myics.registrants.confirm(token, KEYWORD, password)
    assert (await myics.signed_in(FIRM, OWNER, password)).manages


async def test_m8_too_many_wrong_keywords_lock_until_an_operator_unlocks(myics: MyicsEnvironment) -> None:
    registration, token = await provisional(myics)
    for _ in range(WRONG_KEYWORDS - 1):
        with pytest.raises(RefusedError, match="キーワードが違います"):
            await myics.registrants.confirm(token, "違う", PASSWORD)
    with pytest.raises(LinkRefusedError, match="ロック"):
        await myics.registrants.confirm(token, "違う", PASSWORD)
    with pytest.raises(LinkRefusedError, match="ロック"):
        await myics.registrants.confirm(token, KEYWORD, PASSWORD)
    await myics.notify()
    await registration.settled()
    progress = await registration.progress()
    assert (progress.locked, progress.waiting_for, progress.assignee) == (True, WaitingFor.OPERATOR, "sk")
    await registration.act("unlock")
    progress = await registration.progress()
    assert (progress.locked, progress.waiting_for) == (False, WaitingFor.APPLICANT)
    await myics.registrants.confirm(token, KEYWORD, PASSWORD)
    await myics.notify()
    assert (await registration.handle.result()).outcome is RegistrationOutcome.REGISTERED


async def test_m8_reminded_on_business_days_shown_to_an_operator_and_closed_in_the_end(myics: MyicsEnvironment) -> None:
    registration = await myics.invite()
    await registration.link()
    today = day_in_japan((await registration.row()).requested_at)
    after = myics.environment.calendar.business_days_after
    await registration.until_day(after(today, 3))
    assert await registration.kinds() == ["myics_invitation", "myics_invitation_reminder"]
    await registration.until_day(after(today, 7))
    assert (await registration.progress()).waiting_for is WaitingFor.APPLICANT
    await registration.until_day(after(today, 10))
    assert (await registration.progress()).waiting_for is WaitingFor.OPERATOR
    await registration.act("add_note")
    assert (await registration.progress()).waiting_for is WaitingFor.APPLICANT
    token = await registration.link()
    await registration.until_day(today + timedelta(days=INVITATION_DAYS + 1))
    assert (await registration.handle.result()).outcome is RegistrationOutcome.EXPIRED
    assert (await registration.kinds())[-1] == "myics_expired"
    with pytest.raises(LinkRefusedError, match="期限"):
        await myics.registrants.open(token)
    again = await myics.invite()  # the firm may be invited anew
    assert again.number != registration.number


async def test_m8_an_extended_deadline_makes_a_new_link_that_lives_longer(myics: MyicsEnvironment) -> None:
    registration = await myics.invite()
    first = await registration.link()
    until = (await registration.row()).expires_on + timedelta(days=10)
    await registration.act("extend_deadline", until=str(until))
    second = await registration.link(2)
    with pytest.raises(LinkRefusedError, match="新しい"):
        await myics.registrants.open(first)
    myics.ahead = timedelta(days=INVITATION_DAYS + 5)
    assert (await myics.registrants.open(second)).page is RegistrantPage.TERMS
    assert (await registration.progress()).expires_on == until


async def test_m8_a_corrected_address_gets_the_link_and_the_old_one_ends(myics: MyicsEnvironment) -> None:
    registration = await myics.invite(address=MailAddress("wrong@aoba-kaikei.example.jp"))
    first = await registration.link()
    await registration.act("correct_address", mail_address="Right@aoba-kaikei.example.jp ")
    second = await registration.link(2)
    assert len(registration.mails("right@aoba-kaikei.example.jp")) == 1
    with pytest.raises(LinkRefusedError, match="新しい"):
        await myics.registrants.open(first)
    assert (await myics.registrants.open(second)).page is RegistrantPage.TERMS
    assert "メールアドレスを訂正した" in await registration.audit()


async def test_m8_withdrawn_by_an_operator_and_not_by_request_cancellation(myics: MyicsEnvironment) -> None:
    registration = await myics.invite()
    token = await registration.link()
    await registration.act("withdraw")
    assert (await registration.handle.result()).outcome is RegistrationOutcome.WITHDRAWN
    with pytest.raises(LinkRefusedError, match="取り下げ"):
        await myics.registrants.open(token)
    again = await myics.invite()
    await again.link()
    await again.handle.cancel()
    await again.waits_for(WaitingFor.OPERATOR)
    assert CANCELLATION_ASKED in await details_of(again.handle)
    await again.act("withdraw")
    assert (await again.handle.result()).outcome is RegistrationOutcome.WITHDRAWN


async def test_operations_are_refused_in_plain_japanese_before_they_enter_history(myics: MyicsEnvironment) -> None:
    registration = await myics.invite()
    await registration.link()
    await registration.settled()
    assert "ロックされていません" in await refused_operation(registration, "unlock", {"reason": "電話"})
    misread = await refused_operation(registration, "correct_address", {"mail_address": "x"})
    assert "JSON を読み取れません" in misread
    assert "mail_address" in misread
    early = {"reason": "電話", "until": "2026-01-01"}
    assert "より後の日" in await refused_operation(registration, "extend_deadline", early)


async def test_a_firm_is_invited_once_at_a_time_and_never_when_it_has_an_administrator(myics: MyicsEnvironment) -> None:
    registration = await myics.invite()
    with pytest.raises(RefusedError, match=registration.number):
        await myics.invite()
    await myics.register_representative(registration)
    await registration.handle.result()
    with pytest.raises(RefusedError, match="すでに登録されています"):
        await myics.invite()
    assert len(await myics.rows(select(MyicsFirmRow))) == 1


async def test_nothing_personal_is_in_ids_or_search_attributes(myics: MyicsEnvironment) -> None:
    registration, token = await provisional(myics)
    await myics.registrants.confirm(token, KEYWORD, PASSWORD)
    await myics.notify()
    await registration.handle.result()
    history = (await registration.handle.fetch_history()).to_json_dict()
    events = str([event for event in history["events"] if "Started" not in event["eventType"]])
    for secret in (OWNER, PASSWORD, KEYWORD, token):
        assert secret not in str(history)
    assert "青葉" not in events
