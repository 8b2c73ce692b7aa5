"""A mail of a registration that comes back waits for an operator, and the administrators see it in their list (M8)."""

from email.message import EmailMessage

from models.common.calendar import day_in_japan
from models.common.identifiers import MailAddress
from models.common.messages import MAIL_RETURNED
from models.common.store.bounces import BounceOutcome
from models.common.waiting_for import WaitingFor
from models.myics.accounts import AccountKind
from models.myics.identifiers import HolderNo
from models.myics.mails import MyicsMail
from models.myics.registrations import RegistrationKind, RegistrationStage
from tests.support.bounced import come_back
from tests.support.environment import details_of
from tests.support.myics_environment import FIRM, OWNER, PASSWORD, MyicsEnvironment, Registered, user

WRONG, RIGHT = "hanakoo@aoba-kaikei.example.jp", "hanako@aoba-kaikei.example.jp"
RETURNED = "メールが届かずに戻った"


def last_to(myics: MyicsEnvironment, address: str) -> EmailMessage:
    return myics.environment.inbox.to(address)[-1]


async def undelivered(myics: MyicsEnvironment) -> dict[str, bool]:
    manager = await myics.sign_in.sign_in(HolderNo(FIRM), OWNER, PASSWORD)
    return {each.address: each.undelivered for each in await myics.users.listed(manager, manager.holder_no)}


async def invited(myics: MyicsEnvironment) -> Registered:
    manager = await myics.firm()
    registration = await myics.add(manager, user(WRONG, AccountKind.GENERAL, "青葉 花子"))
    await registration.link()
    await registration.settled()
    return registration


async def test_m8_an_invitation_that_comes_back_is_an_operators_until_the_address_is_corrected(
    myics: MyicsEnvironment,
) -> None:
    registration = await invited(myics)
    mail = last_to(myics, WRONG)
    assert await come_back(myics.environment, mail) is BounceOutcome.STORED
    await registration.waits_for(WaitingFor.OPERATOR)
    details = await details_of(registration.handle)
    assert RETURNED in details
    assert WRONG not in details
    assert (await undelivered(myics))[WRONG]
    await registration.act("add_note")
    assert (await registration.progress()).waiting_for is WaitingFor.OPERATOR
    await registration.act("correct_address", mail_address=RIGHT)
    await registration.link(2)
    await registration.waits_for(WaitingFor.APPLICANT)
    assert not (await undelivered(myics))[RIGHT]
    assert await come_back(myics.environment, mail) is BounceOutcome.KNOWN
    await registration.settled()
    assert (await registration.progress()).waiting_for is WaitingFor.APPLICANT


async def test_m8_the_firms_administrators_correct_the_address_of_an_invitation_that_came_back(
    myics: MyicsEnvironment,
) -> None:
    registration = await invited(myics)
    await come_back(myics.environment, last_to(myics, WRONG))
    await registration.waits_for(WaitingFor.OPERATOR)
    await registration.until_day(myics.environment.calendar.business_days_after(day_in_japan(myics.now()), 2))
    assert MyicsMail.OPERATOR_REMINDER in await registration.kinds()
    assert (await undelivered(myics))[WRONG]
    manager = await myics.sign_in.sign_in(HolderNo(FIRM), OWNER, PASSWORD)
    await myics.correct_address(manager, WRONG, RIGHT)
    await registration.link(2)
    await registration.waits_for(WaitingFor.APPLICANT)


async def test_m8_a_reminder_that_comes_back_after_the_address_was_corrected_asks_nobody(
    myics: MyicsEnvironment,
) -> None:
    registration = await invited(myics)
    calendar = myics.environment.calendar
    await registration.until_day(calendar.business_days_after(day_in_japan((await registration.row()).requested_at), 3))
    kinds = await registration.kinds()
    assert kinds[-1] == MyicsMail.USER_REMINDER
    reminder = last_to(myics, WRONG)
    await registration.act("correct_address", mail_address=RIGHT)
    await registration.link(2)
    await come_back(myics.environment, reminder)
    await registration.settled()
    assert RETURNED in await details_of(registration.handle)
    assert (await registration.progress()).waiting_for is WaitingFor.APPLICANT
    assert not (await undelivered(myics))[RIGHT]


async def test_m8_an_invitation_that_comes_back_after_its_link_was_used_is_noted_alone(
    myics: MyicsEnvironment,
) -> None:
    registration = await myics.invite()
    token = await registration.link()
    await registration.settled()
    invitation = last_to(myics, OWNER)
    await myics.registrants.accept_terms(token, authority=True, terms=True)
    await myics.notify()
    await registration.settled()
    before = (await registration.progress()).waiting_for
    await come_back(myics.environment, invitation)
    await registration.settled()
    assert RETURNED in await details_of(registration.handle)
    assert before is WaitingFor.APPLICANT


async def test_m8_a_signal_without_a_mail_that_came_back_changes_nothing(myics: MyicsEnvironment) -> None:
    registration = await invited(myics)
    before = await registration.handle.query("timeline")
    await registration.handle.signal(MAIL_RETURNED)
    await registration.settled()
    assert await registration.handle.query("timeline") == before


async def test_m8_a_new_address_that_cannot_be_reached_is_an_operators_and_the_account_stays(
    myics: MyicsEnvironment,
) -> None:
    manager = await myics.firm()
    registration = await myics.add(manager, user(RIGHT, AccountKind.GENERAL, "青葉 花子"))
    await myics.register_user(registration)
    await registration.handle.result()
    await myics.correct_address(manager, RIGHT, WRONG)
    change = (await myics.requested(RegistrationKind.ADDRESS))[-1]
    await change.link()
    await change.settled()
    await come_back(myics.environment, last_to(myics, WRONG))
    await change.waits_for(WaitingFor.OPERATOR)
    assert (await myics.account(RIGHT)).state == "登録済み"
    assert MailAddress(WRONG) not in await undelivered(myics)
    assert (await registration.progress()).stage is RegistrationStage.CLOSED
