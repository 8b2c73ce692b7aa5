"""Who shows no right token waits for the contract's holder (Y5a): how many may, what is mailed, what is answered."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import select, update
from temporalio.exceptions import ApplicationError

from activities.common.outbox import MailNotTakenError
from models.common.calendar import BusinessCalendar, day_in_japan, day_in_words
from models.common.messages import CaseStep
from models.tables import (
    ApplicationOfficeRow,
    ApplicationRow,
    ExistingContractRow,
    HolderConfirmationRow,
    HolderMailRow,
    NoticeRow,
)
from models.yayoi.deadlines import HOLDER_MAIL_EVERY, MOST_UNCONFIRMED
from models.yayoi.holder_confirmation import (
    AskHolder,
    ConfirmationOutcome,
    HolderAsked,
    RecordHolderAnswer,
    TooManyUnconfirmedError,
)
from models.yayoi.identifiers import ApplicationNo, ContractId, OfficeToken, YayoiId
from models.yayoi.mails import MailKind
from models.yayoi.messages import (
    CheckResult,
    CloseOffice,
    CorrectPairStep,
    IssueStep,
    OfficeRef,
    OfficeStep,
    Outcome,
    SendMail,
)
from models.yayoi.pair_rules import NOT_OF_THE_CONTRACT
from models.yayoi.store.combinations import ledger_of
from models.yayoi.store.confirmations import HolderConfirmations
from models.yayoi.store.intake import Intake
from models.yayoi.store.own_applications import own_applications
from tests.support.activity_environment import ActivityEnvironment, activity_environment
from tests.support.activity_trials import AT
from tests.support.environment import NOBODY, OFFICE_B, OFFICE_C, TARO, YAYOI, form
from tests.support.holder import asked, links_in, named_in
from tests.support.smtp_inbox import SmtpInbox
from workers.stack.inbox import text_of

FOREIGN = OfficeToken("b6000037-0000-4000-8000-000000000002")
WITHOUT_LINK = (OFFICE_B[0], None)


@pytest_asyncio.fixture
async def environment(registry_url: str, smtp_inbox: SmtpInbox) -> AsyncIterator[ActivityEnvironment]:
    async with activity_environment(registry_url, smtp_inbox) as environment:
        yield environment


def made_up(number: int = 0, contract: ContractId = YAYOI) -> Any:
    """What anybody can send who knows the contract's number."""
    return form([(YayoiId(f"stranger-{number}@evil.example"), None)], contract=contract, linked=False)


async def apply(environment: ActivityEnvironment, application: Any) -> ApplicationNo:
    return await environment.apply(application, AT, by_holder=False)


async def settlement(environment: ActivityEnvironment, no: ApplicationNo) -> str | None:
    [(settled_as,)] = await environment.rows(select(HolderConfirmationRow.settled_as).filter_by(application_no=no))
    return settled_as and str(settled_as)


async def holds_id(environment: ActivityEnvironment, no: ApplicationNo) -> bool:
    [(holds,)] = await environment.rows(select(ApplicationOfficeRow.holds_id).filter_by(application_no=no))
    return bool(holds)


async def check(environment: ActivityEnvironment, no: ApplicationNo) -> CheckResult:
    result = await environment.activities()["check_pair"](step(no))
    assert isinstance(result, CheckResult)
    return result


def step(no: ApplicationNo) -> OfficeStep:
    return OfficeStep.of(OfficeRef(case_no=no, part=1), AT)


def issue(no: ApplicationNo, part: int) -> IssueStep:
    return IssueStep.of(OfficeRef(case_no=no, part=part), AT, in_any_order=True)


async def close(environment: ActivityEnvironment, no: ApplicationNo) -> None:
    closing = CloseOffice.of(OfficeRef(case_no=no, part=1), AT, outcome=Outcome.WITHDRAWN, open_points=())
    await environment.activities()["close_office"](closing)


async def ask(
    environment: ActivityEnvironment, no: ApplicationNo, at: datetime = AT, asked_as: str | None = None, part: int = 1
) -> HolderAsked:
    result = await environment.activities()["ask_holder"](AskHolder(case_no=no, part=part, at=at, asked_as=asked_as))
    assert isinstance(result, HolderAsked)
    return result


def answers(environment: ActivityEnvironment) -> HolderConfirmations:
    return HolderConfirmations(environment.sessions, lambda: None, lambda: AT)


# --- who waits --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pairs", [[WITHOUT_LINK], [(OFFICE_B[0], FOREIGN)]], ids=["not linked", "foreign token"])
async def test_y5a_who_shows_no_right_token_waits_and_holds_nothing(
    environment: ActivityEnvironment, pairs: list[Any]
) -> None:
    no = await apply(environment, form(pairs, linked=pairs[0][1] is not None))
    found = await check(environment, no)
    assert (found.waits_for_holder, await holds_id(environment, no)) == (True, False)
    # Whether the address is a Yayoi ID is shown to nobody who may be anybody.
    other = await apply(environment, form([(NOBODY, pairs[0][1])], linked=pairs[0][1] is not None))
    assert (await check(environment, other)).problems == found.problems
    assert {problem.rule for problem in found.problems} <= {NOT_OF_THE_CONTRACT.rule}
    with pytest.raises(ApplicationError, match="NotRight"):
        await environment.activities()["issue_contract_id"](step(no))
    # And the same Yayoi ID can be applied for by whoever has the right to it.
    assert await holds_id(environment, await environment.apply(form([OFFICE_B])))


@pytest.mark.parametrize("token", [OFFICE_B[1], "a0000001-0000-4000-8000-000000000001"], ids=["free", "managed"])
async def test_y5a_who_shows_a_token_of_the_contract_does_not_wait(
    environment: ActivityEnvironment, token: str
) -> None:
    no = await apply(environment, form([(NOBODY, FOREIGN), (OFFICE_B[0], OfficeToken(token))]))
    assert await environment.rows(select(HolderConfirmationRow)) == []
    assert not (await check(environment, no)).waits_for_holder


async def test_y5a_who_comes_by_the_holders_link_does_not_wait(environment: ActivityEnvironment) -> None:
    no = await environment.apply(form([WITHOUT_LINK], linked=False))
    assert await environment.rows(select(HolderConfirmationRow)) == []
    assert await holds_id(environment, no)


async def test_y5a_a_right_token_that_is_typed_later_does_instead_of_the_holder(
    environment: ActivityEnvironment,
) -> None:
    no = await apply(environment, form([(OFFICE_B[0], FOREIGN)]))
    assert (await check(environment, no)).waits_for_holder
    corrected = await environment.activities()["correct_pair"](
        CorrectPairStep.of(
            OfficeRef(case_no=no, part=1),
            AT,
            yayoi_id=None,
            office_token=OFFICE_B[1],
            by="申込者",
            reason="",
            by_applicant=True,
        )
    )
    assert (corrected.waits_for_holder, corrected.problems, corrected.frozen) == (False, (), True)
    assert await settlement(environment, no) == ConfirmationOutcome.TOKEN_SHOWN
    assert await holds_id(environment, no)


# --- how many ---------------------------------------------------------------------------------------------------------


async def test_y5a_of_150_made_up_applications_five_wait_and_the_holder_can_do_everything(
    environment: ActivityEnvironment,
) -> None:
    intake = Intake(environment.sessions, BusinessCalendar())
    for number in range(MOST_UNCONFIRMED):
        await intake.receive(made_up(number))
    for number in range(MOST_UNCONFIRMED, 150):
        with pytest.raises(TooManyUnconfirmedError, match="お問い合わせ画面"):
            await intake.receive(made_up(number))
    with pytest.raises(TooManyUnconfirmedError):
        await intake.check(made_up(150))
    assert len(await environment.rows(select(HolderConfirmationRow))) == MOST_UNCONFIRMED
    # With the token of an office, by the link in the mail, and on any other contract.
    for application, by_holder in (
        (form([OFFICE_B, OFFICE_C]), False),
        (made_up(151), True),
        (made_up(152, ContractId("6000001")), False),
    ):
        await intake.check(application, by_holder=by_holder)
        assert (await intake.receive(application, by_holder=by_holder)).new


async def test_y5a_of_twelve_at_once_five_are_taken(environment: ActivityEnvironment) -> None:
    intake = Intake(environment.sessions, BusinessCalendar())
    results = await asyncio.gather(*(intake.receive(made_up(number)) for number in range(12)), return_exceptions=True)
    assert sum(isinstance(result, TooManyUnconfirmedError) for result in results) == 12 - MOST_UNCONFIRMED
    assert len(await environment.rows(select(ApplicationRow.application_no))) == MOST_UNCONFIRMED


async def test_y5a_one_that_was_answered_or_has_ended_makes_room(environment: ActivityEnvironment) -> None:
    first, second, third, *_ = [await apply(environment, made_up(number)) for number in range(MOST_UNCONFIRMED)]
    for number, make_room in enumerate(
        (
            answers(environment).answer(first, (await shown(environment, first)), ConfirmationOutcome.CONFIRMED),
            answers(environment).answer(second, "", ConfirmationOutcome.REFUSED),
            close(environment, third),
        )
    ):
        with pytest.raises(TooManyUnconfirmedError):
            await apply(environment, made_up(100 + number))
        await make_room
        await apply(environment, made_up(200 + number))


# --- what is mailed ---------------------------------------------------------------------------------------------------


async def test_y5a_the_holder_gets_one_mail_an_hour_that_names_all_that_waits(
    environment: ActivityEnvironment, smtp_inbox: SmtpInbox
) -> None:
    first = await apply(environment, made_up(1))
    await ask(environment, first)
    second = await apply(environment, made_up(2))
    next_mail = AT + HOLDER_MAIL_EVERY
    for minutes in (0, 59):
        asked_now = await ask(environment, second, AT + timedelta(minutes=minutes))
        assert (asked_now.message_id, asked_now.not_before) == (None, next_mail)
    assert (await ask(environment, first, AT + timedelta(minutes=59))).message_id  # it is named already
    assert [named_in(mail) for mail in asked(smtp_inbox)] == [[first]]
    [(expires_on,)] = await environment.rows(select(ApplicationRow.expires_on).filter_by(application_no=first))
    assert f"確認の期限：{day_in_words(expires_on)}" in text_of(asked(smtp_inbox)[0])
    await ask(environment, second, next_mail)
    await ask(environment, first, next_mail)
    assert [named_in(mail) for mail in asked(smtp_inbox)] == [[first], [first, second]]
    for number in (first, second):
        assert all(links_in(asked(smtp_inbox)[1], number))
    # One that an operator wants to be sent again waits for its hour, too.
    assert (await ask(environment, first, next_mail, "resend")).not_before == next_mail + HOLDER_MAIL_EVERY
    assert len(smtp_inbox.to(TARO)) == 2


async def test_y5a_an_operation_whose_answer_is_lost_finds_its_mail_sent(
    environment: ActivityEnvironment, smtp_inbox: SmtpInbox
) -> None:
    no = await apply(environment, made_up(1))
    smtp_inbox.unknown.add(TARO)
    with pytest.raises(ApplicationError):
        await ask(environment, no)
    smtp_inbox.unknown.clear()
    sent, found = [await ask(environment, no, AT, "resend") for _ in range(2)]
    assert sent == found
    assert sent.message_id
    later = AT + HOLDER_MAIL_EVERY
    sent, found = [await ask(environment, no, later, "again") for _ in range(2)]
    assert sent == found
    assert sent.message_id
    assert len(asked(smtp_inbox)) == 2


async def test_y5a_many_that_ask_at_once_send_one_mail(environment: ActivityEnvironment, smtp_inbox: SmtpInbox) -> None:
    numbers = [await apply(environment, made_up(number)) for number in range(MOST_UNCONFIRMED)]
    results = await asyncio.gather(*(ask(environment, number) for number in numbers * 3))
    assert {result.not_before for result in results} == {None}
    assert [named_in(mail) for mail in asked(smtp_inbox)] == [numbers]


async def test_y5a_what_was_settled_is_no_longer_named_and_nothing_is_mailed_without_need(
    environment: ActivityEnvironment, smtp_inbox: SmtpInbox
) -> None:
    first, second = [await apply(environment, made_up(number)) for number in (1, 2)]
    await answers(environment).answer(first, "", ConfirmationOutcome.REFUSED)
    assert await ask(environment, first) == HolderAsked(message_id=None)
    assert smtp_inbox.mails == []
    await ask(environment, second)
    assert [named_in(mail) for mail in asked(smtp_inbox)] == [[second]]


async def test_y5a_a_mail_that_could_not_be_sent_for_an_hour_names_what_has_come_since(
    environment: ActivityEnvironment, smtp_inbox: SmtpInbox
) -> None:
    first = await apply(environment, made_up(1))
    smtp_inbox.busy.add(TARO)
    for minutes in (0, 1):  # tried again within the hour, it is the same mail
        with pytest.raises(MailNotTakenError):
            await ask(environment, first, AT + timedelta(minutes=minutes))
    second = await apply(environment, made_up(2))
    assert (await ask(environment, second)).not_before == AT + HOLDER_MAIL_EVERY
    smtp_inbox.busy.clear()
    await ask(environment, second, AT + HOLDER_MAIL_EVERY)
    assert [named_in(mail) for mail in asked(smtp_inbox)] == [[first, second]]
    assert await environment.rows(select(HolderMailRow.number)) == [(1,)]


async def test_y5a_nobody_is_mailed_about_an_unconfirmed_application_but_by_that_mail(
    environment: ActivityEnvironment, smtp_inbox: SmtpInbox
) -> None:
    no = await apply(environment, made_up())
    for kind, part in (
        (MailKind.RECEIPT, None),
        (MailKind.WITHDRAWN, 1),
        (MailKind.EXPIRED, 1),
        (MailKind.DELAY, 1),
        (MailKind.CASE_LINK, None),
        (MailKind.FINISHED, None),
        (MailKind.NOT_STARTED, None),
        (MailKind.TERMINATED, 1),
    ):
        mail = SendMail(case_no=no, part=part, kind=kind, at=AT, until=day_in_japan(AT))
        assert (await environment.activities()["send_mail"](mail)).message_id is None
    assert (smtp_inbox.mails, await environment.rows(select(NoticeRow))) == ([], [])
    await answers(environment).answer(no, await shown(environment, no), ConfirmationOutcome.CONFIRMED)
    receipt = SendMail(case_no=no, kind=MailKind.RECEIPT, at=AT)
    assert (await environment.activities()["send_mail"](receipt)).message_id
    assert [mail["Subject"] for mail in smtp_inbox.to(TARO)] == [MailKind.RECEIPT.subject]


# --- what is answered -------------------------------------------------------------------------------------------------


async def shown(environment: ActivityEnvironment, no: ApplicationNo) -> str:
    opened = await answers(environment).opened(no)
    assert opened is not None
    return opened.digest


async def test_y5a_the_first_answer_stays(environment: ActivityEnvironment) -> None:
    confirmed, refused = [await apply(environment, form([WITHOUT_LINK], linked=False)) for _ in range(2)]
    store = answers(environment)
    assert await store.answer(confirmed, await shown(environment, confirmed), ConfirmationOutcome.CONFIRMED)
    assert await store.answer(refused, "", ConfirmationOutcome.REFUSED)
    for no, other in ((confirmed, ConfirmationOutcome.REFUSED), (refused, ConfirmationOutcome.CONFIRMED)):
        assert await store.answer(no, await shown(environment, no), other)
        with pytest.raises(ApplicationError, match="すでに記録されています"):
            await environment.activities()["record_holder_answer"](
                RecordHolderAnswer.of(OfficeRef(case_no=no, part=1), AT, confirmed=True, by="佐藤", reason="お電話")
            )
    assert await settlement(environment, confirmed) == ConfirmationOutcome.CONFIRMED
    assert await settlement(environment, refused) == ConfirmationOutcome.REFUSED
    assert (await environment.actions()).count("契約者が申し込みを確認した") == 1
    result = await check(environment, confirmed)
    assert (result.waits_for_holder, result.problems, await holds_id(environment, confirmed)) == (False, (), True)
    result = await check(environment, refused)
    assert (result.waits_for_holder, result.refused_by_holder, await holds_id(environment, refused)) == (
        False,
        True,
        False,
    )


async def test_y5a_nobody_confirms_what_was_changed_after_the_page_was_opened(
    environment: ActivityEnvironment,
) -> None:
    no = await apply(environment, form([WITHOUT_LINK], linked=False))
    before = await shown(environment, no)
    async with environment.sessions.begin() as session:
        await session.execute(update(ApplicationOfficeRow).values(yayoi_id="stranger@evil.example"))
    assert not await answers(environment).answer(no, before, ConfirmationOutcome.CONFIRMED)
    assert await settlement(environment, no) is None


@pytest.mark.parametrize("by_applicant", [True, False], ids=["on the page", "by an operator"])
async def test_y5a_what_the_applicant_changes_after_the_confirmation_is_confirmed_anew(
    environment: ActivityEnvironment, by_applicant: bool
) -> None:
    """Else somebody could apply for an address that the holder knows, and change it once they have confirmed."""
    no = await apply(environment, form([(NOBODY, None)], linked=False))
    await answers(environment).answer(no, await shown(environment, no), ConfirmationOutcome.CONFIRMED)
    assert [problem.rule for problem in (await check(environment, no)).problems] == ["Y2"]
    correction = CorrectPairStep.of(
        OfficeRef(case_no=no, part=1),
        AT,
        yayoi_id=OFFICE_C[0],
        office_token=None,
        by="申込者",
        reason="",
        by_applicant=by_applicant,
    )
    corrected = await environment.activities()["correct_pair"](correction)
    assert corrected.waits_for_holder == by_applicant
    assert await holds_id(environment, no) == (not by_applicant)
    assert await settlement(environment, no) == (None if by_applicant else ConfirmationOutcome.CONFIRMED)


async def of_two_confirmed_one_is_corrected(environment: ActivityEnvironment) -> ApplicationNo:
    """Have the second pair's Yayoi ID corrected after the holder has confirmed both."""
    no = await apply(environment, form([(OFFICE_B[0], None), (NOBODY, None)], linked=False))
    for part in (1, 2):
        await ask(environment, no, part=part)
    await answers(environment).answer(no, await shown(environment, no), ConfirmationOutcome.CONFIRMED)
    assert (await check(environment, no)).problems == ()
    correction = corrected_id(no, 2, OFFICE_C[0])
    assert (await environment.activities()["correct_pair"](correction)).waits_for_holder
    return no


def corrected_id(no: ApplicationNo, part: int, yayoi_id: YayoiId) -> CorrectPairStep:
    who = {"by": "申込者", "reason": "", "by_applicant": True}
    return CorrectPairStep.of(OfficeRef(case_no=no, part=part), AT, yayoi_id=yayoi_id, office_token=None, **who)


@pytest.mark.long
async def test_y5a_only_the_pair_whose_id_was_corrected_waits_anew_and_is_silent(
    environment: ActivityEnvironment, smtp_inbox: SmtpInbox
) -> None:
    no = await of_two_confirmed_one_is_corrected(environment)
    first = OfficeStep.of(OfficeRef(case_no=no, part=1), AT)
    found = await environment.activities()["check_pair"](first)
    assert (found.waits_for_holder, found.problems) == (False, ())
    await environment.activities()["issue_contract_id"](issue(no, 1))
    with pytest.raises(ApplicationError, match="NotRight"):
        await environment.activities()["issue_contract_id"](issue(no, 2))
    for part, kind, sent in (
        (1, MailKind.COMPLETION_NOTICE, True),
        (None, MailKind.RECEIPT, True),
        (2, MailKind.DELAY, False),
        (2, MailKind.EXPIRED, False),
    ):
        mail = SendMail(case_no=no, part=part, kind=kind, at=AT, until=day_in_japan(AT))
        assert bool((await environment.activities()["send_mail"](mail)).message_id) == sent, kind
    # The next mail names this pair alone, and says that it was corrected.
    assert (await ask(environment, no, part=2)).not_before == AT + HOLDER_MAIL_EVERY
    await ask(environment, no, AT + HOLDER_MAIL_EVERY, part=2)
    again = text_of(asked(smtp_inbox)[-1])
    assert OFFICE_C[0] in again
    assert "訂正されました" in again
    assert OFFICE_B[0] not in again


async def test_y5a_what_the_holder_answers_of_the_corrected_pair_leaves_the_others_as_they_are(
    environment: ActivityEnvironment,
) -> None:
    no = await of_two_confirmed_one_is_corrected(environment)
    opened = await answers(environment).opened(no)
    assert opened is not None
    assert [pair.office.office_no for pair in opened.waiting] == [2]
    assert await answers(environment).answer(no, opened.digest, ConfirmationOutcome.REFUSED)
    found = [
        await environment.activities()["check_pair"](OfficeStep.of(OfficeRef(case_no=no, part=part), AT))
        for part in (1, 2)
    ]
    assert [each.refused_by_holder for each in found] == [False, True]
    opened = await answers(environment).opened(no)
    assert opened is not None
    assert [pair.state for pair in opened.pairs] == ["確認済み", "終了"]


async def test_y27_the_end_of_an_application_is_mailed_though_its_last_pair_was_never_confirmed(
    environment: ActivityEnvironment,
) -> None:
    no = await of_two_confirmed_one_is_corrected(environment)
    for part, outcome in ((1, Outcome.COMPLETED), (2, Outcome.EXPIRED)):
        closing = CloseOffice.of(OfficeRef(case_no=no, part=part), AT, outcome=outcome, open_points=())
        await environment.activities()["close_office"](closing)
    closed = await environment.activities()["close_application"](CaseStep(case_no=no, at=AT))
    assert not closed.mailed  # the expired pair's own mail is not sent: the closing mail is


async def test_y5a_a_mistyped_id_is_corrected_while_it_waits_and_asked_about_as_it_is_then(
    environment: ActivityEnvironment, smtp_inbox: SmtpInbox
) -> None:
    no = await apply(environment, form([(NOBODY, None)], linked=False))
    await ask(environment, no)
    before = await shown(environment, no)
    assert (await environment.activities()["correct_pair"](corrected_id(no, 1, OFFICE_C[0]))).waits_for_holder
    assert not await answers(environment).answer(no, before, ConfirmationOutcome.CONFIRMED)
    assert (await ask(environment, no)).not_before == AT + HOLDER_MAIL_EVERY
    await ask(environment, no, AT + HOLDER_MAIL_EVERY)
    again = text_of(asked(smtp_inbox)[-1])
    assert OFFICE_C[0] in again
    assert "確認していただいた後に" not in again  # it was not confirmed before
    assert await answers(environment).answer(no, await shown(environment, no), ConfirmationOutcome.CONFIRMED)
    assert (await check(environment, no)).problems == ()


async def test_y22_the_list_and_the_ledger_leave_out_only_the_pair_that_waits(environment: ActivityEnvironment) -> None:
    no = await of_two_confirmed_one_is_corrected(environment)
    listed = await own_applications(environment.sessions, OFFICE_B[0])
    assert [[office.pair.office_no for office in each.offices] for each in listed if each.row.application_no == no] == [
        [1]
    ]
    applied_for = [
        entry.yayoi_id for entry in await ledger_of(environment.sessions, OFFICE_B[0]) if entry.application_no == no
    ]
    assert applied_for == [OFFICE_B[0]]


async def test_y5a_the_hour_is_counted_per_contract(environment: ActivityEnvironment, smtp_inbox: SmtpInbox) -> None:
    other = ContractId("6000001")
    for contract in (YAYOI, other):
        assert (await ask(environment, await apply(environment, made_up(1, contract)))).message_id
    mails = await environment.rows(select(HolderMailRow.existing_contract_id, HolderMailRow.number))
    assert sorted(mails) == [(other, 1), (YAYOI, 1)]
    [(address,)] = await environment.rows(select(ExistingContractRow.mail_address).filter_by(contract_id=other))
    assert len(asked(smtp_inbox, address)) == len(asked(smtp_inbox)) == 1
