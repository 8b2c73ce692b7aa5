"""Several people: invited by an administrator, joined by a personal link, refused for an ID of another group (Y24)."""

from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import httpx
import pytest_asyncio
from sqlalchemy import text
from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError

from models.common.calendar import BusinessCalendar, day_in_japan, opening_of
from models.common.messages import ACTIVITY_FAILING, ROW_CHANGED
from models.yayoi.application_form import ApplicationForm
from models.yayoi.deadlines import MEMBER_INVITATION_REMINDER_DAYS
from models.yayoi.member_invitations import (
    IN_APPLICATION,
    OTHER_GROUP,
    REMINDER_SUBJECT,
    SUBJECT,
    InvitationOutcome,
)
from models.yayoi.store.intake import Intake
from models.yayoi.store.member_invitations import ALREADY_INVITED, ALREADY_MEMBER, NO_LONGER_OPEN
from tests.support.business_group import ADMINISTRATOR, GUEST, Group, group_in
from tests.support.customer import errors_on, words
from tests.support.environment import OFFICE_C, Environment, details_of, form
from tests.support.settling import settled
from tests.support.web import until
from web.yayoi.customer.member_join import DEAD_LINK
from web.yayoi.customer.members import ONLY_ADMINISTRATORS

OTHER = "office-1@shiraishi.example.co.jp"
"""The administrator of another group."""
STRANGER = "not-yet@example.jp"
"""No Yayoi ID at all."""


@pytest_asyncio.fixture
async def group(environment: Environment) -> AsyncIterator[Group]:
    async with group_in(environment) as group:
        yield group


async def test_y24_whoever_is_invited_joins_by_the_link_once(group: Group) -> None:
    assert (await group.invite(GUEST)).status_code == 303
    [link] = await group.mails(GUEST, 1)
    [mail] = group.environment.inbox.to(GUEST)
    assert mail["Subject"] == SUBJECT
    # Not signed in, or as somebody else: nothing is joined.
    async with httpx.AsyncClient(transport=group.web.http._transport, base_url="http://web.test") as nobody:
        answer = await nobody.get(link)
        assert answer.headers["location"].startswith("/sign-in?next=/members/join")
    assert "いまは別の弥生ID" in words(await group.web.http.get(link))

    await group.web.sign_in(GUEST)
    assert "事業グループA" in words(await group.web.http.get(link))
    answer = await group.join(link)
    assert (answer.status_code, answer.headers["location"]) == (303, "/members?done=joined")
    assert await group.members() == {ADMINISTRATOR: True, GUEST: False}
    assert await group.ended() is InvitationOutcome.ACCEPTED
    assert (await group.row()).outcome == InvitationOutcome.ACCEPTED
    answer = await group.web.http.get(link)
    assert (answer.status_code, DEAD_LINK in words(answer)) == (404, True)


async def test_y24_a_signal_with_made_up_content_changes_nothing(group: Group) -> None:
    await group.invite(GUEST)
    await group.mails(GUEST, 1)
    procedure = await group.procedure()
    made_up = {"link_no": 2, "expires_at": "2026-01-01T00:00:00Z", "settled": True}
    await procedure.signal(ROW_CHANGED, made_up)
    await procedure.signal(ACTIVITY_FAILING, "mail_invitation")
    await settled(group.environment.temporal, procedure)
    assert (await procedure.describe()).status is WorkflowExecutionStatus.RUNNING
    assert "処理の失敗が続いている" not in await details_of(procedure)
    assert len(group.environment.inbox.to(GUEST)) == 1
    await group.change("withdrawn")
    assert await group.ended() is InvitationOutcome.WITHDRAWN


async def test_y24_an_invitation_whose_mail_is_refused_says_so_and_can_be_sent_again(group: Group) -> None:
    group.environment.inbox.unknown.add(GUEST)
    await group.invite(GUEST)

    async def noted() -> bool:
        with suppress(RPCError):  # it may not have been started yet
            return "招待のメールを送信できなかった（1 回目）：" in await details_of(await group.procedure())
        return False

    await until(noted)
    assert "正しいアドレスで招待し直していただきます" in await details_of(await group.procedure())
    group.environment.inbox.unknown.clear()
    await group.change("again")
    await group.mails(GUEST, 1)


async def test_y24_an_id_of_another_group_is_refused_with_the_reason(group: Group) -> None:
    await group.invite(OTHER)
    [link] = await group.mails(OTHER, 1)
    await group.web.sign_in(OTHER)
    answer = await group.join(link)
    assert answer.status_code == 409
    assert OTHER_GROUP in words(answer)
    assert OTHER not in await group.members()


async def test_y3_an_id_that_is_applied_with_is_not_taken_away(group: Group) -> None:
    application: ApplicationForm = form([OFFICE_C])
    await Intake(group.environment.sessions, BusinessCalendar()).receive(application)
    await group.invite(OFFICE_C[0])
    [link] = await group.mails(OFFICE_C[0], 1)
    await group.web.sign_in(OFFICE_C[0])
    answer = await group.join(link)
    assert (answer.status_code, IN_APPLICATION in words(answer)) == (409, True)


async def test_y24_an_id_that_a_stranger_applies_with_can_join(group: Group) -> None:
    """What nobody has shown to be right holds nothing (Y1)."""
    application = form([(GUEST, None)], linked=False)
    await Intake(group.environment.sessions, BusinessCalendar()).receive(application)
    await group.invite(GUEST)
    [link] = await group.mails(GUEST, 1)
    await group.web.sign_in(GUEST)
    assert (await group.join(link)).status_code == 303
    assert GUEST in await group.members()


async def test_y24_an_address_that_is_not_registered_is_asked_to_register_first(group: Group) -> None:
    assert (await group.invite(STRANGER)).status_code == 303
    [link] = await group.mails(STRANGER, 1)
    page = words(await group.web.http.get(link))
    assert "まだ登録されていません。先に弥生ID を新規登録し（STEP2）" in page


async def test_y24_the_administrator_learns_nothing_about_an_address(group: Group) -> None:
    """Registered, in another group or nobody's: an invitation is answered alike."""
    answers = [await group.invite(address) for address in (GUEST, OTHER, STRANGER)]
    assert {(answer.status_code, answer.headers["location"]) for answer in answers} == {(303, "/members?done=invited")}
    assert errors_on(await group.invite(GUEST)) == [f"招待する弥生ID（メールアドレス）：{ALREADY_INVITED}"]
    assert errors_on(await group.invite(ADMINISTRATOR)) == [f"招待する弥生ID（メールアドレス）：{ALREADY_MEMBER}"]


async def test_y24_only_an_administrator_invites_and_sees_invitations(group: Group) -> None:
    await group.invite(STRANGER)
    await group.invite(GUEST)
    [link] = await group.mails(GUEST, 1)
    await group.web.sign_in(GUEST)
    answer = await group.web.http.post("/members", data={"yayoi_id": STRANGER})
    assert (answer.status_code, ONLY_ADMINISTRATORS in words(answer)) == (403, True)
    await group.join(link)
    page = words(await group.web.http.get("/members"))
    assert ADMINISTRATOR in page
    assert STRANGER not in page
    answer = await group.web.http.post("/members", data={"yayoi_id": STRANGER})
    assert answer.status_code == 403


async def test_y24_sending_again_ends_the_link_before(group: Group) -> None:
    await group.invite(GUEST)
    [first] = await group.mails(GUEST, 1)
    assert (await group.change("again")).status_code == 303
    _, second = await group.mails(GUEST, 2)
    assert first != second
    assert (await group.web.http.get(first)).status_code == 404
    assert (await group.web.http.get(second)).status_code == 200
    await group.web.sign_in(GUEST)
    assert (await group.join(second)).status_code == 303
    assert await group.ended() is InvitationOutcome.ACCEPTED


async def test_y24_what_stops_is_said_before_an_invitation_is_withdrawn(group: Group) -> None:
    await group.invite(GUEST)
    where = f"/members/{(await group.row()).invitation_id}/withdrawn"
    assert f'action="{where}"' not in (await group.web.http.get("/members")).text
    question = await group.web.http.get(where)
    assert "リンクから参加できなくなります" in words(question)
    assert (await group.row()).withdrawn_at is None
    await group.change("withdrawn")
    again = await group.web.http.get(where)
    assert (again.status_code, NO_LONGER_OPEN in words(again)) == (422, True)


async def test_y24_withdrawn_it_opens_nothing_and_may_be_made_anew(group: Group) -> None:
    await group.invite(GUEST)
    [link] = await group.mails(GUEST, 1)
    assert (await group.change("withdrawn")).status_code == 303
    assert (await group.web.http.get(link)).status_code == 404
    assert await group.ended() is InvitationOutcome.WITHDRAWN
    assert (await group.invite(GUEST)).status_code == 303
    assert len(set(await group.mails(GUEST, 2))) == 2


async def test_a_forged_link_opens_nothing(group: Group) -> None:
    await group.invite(GUEST)
    [link] = await group.mails(GUEST, 1)
    token = link.split("link=")[1]
    for forged in ("", "x", "eyJ.x", "あ", token[:-1], token[1:], f"{token}A"):
        assert (await group.web.http.get("/members/join", params={"link": forged})).status_code == 404


async def test_y24_reminded_after_three_business_days_and_ended_after_fourteen(group: Group) -> None:
    await group.invite(GUEST)
    await group.mails(GUEST, 1)
    procedure = await group.procedure()
    temporal = group.environment.temporal
    today = day_in_japan(datetime.now(UTC))
    remind_at = opening_of(BusinessCalendar().business_days_after(today, MEMBER_INVITATION_REMINDER_DAYS))
    skip = remind_at - await temporal.get_current_time(procedure) + timedelta(minutes=1)
    assert await temporal.fast_forward(procedure, skip)
    links = await group.mails(GUEST, 2)
    assert len(set(links)) == 1  # the same link: it says the same
    assert group.environment.inbox.to(GUEST)[-1]["Subject"] == REMINDER_SUBJECT
    await temporal.fast_forward(procedure, timedelta(days=14))
    assert await group.ended() is InvitationOutcome.EXPIRED
    assert len(group.environment.inbox.to(GUEST)) == 2
    assert (await group.web.http.get(links[0])).status_code == 404


async def test_no_address_and_no_link_is_in_history(group: Group) -> None:
    await group.invite(GUEST)
    [link] = await group.mails(GUEST, 1)
    history = str(await (await group.procedure()).fetch_history())
    assert GUEST not in history
    assert ADMINISTRATOR not in history
    async with group.environment.sessions() as session:
        stored = str((await session.execute(text("select * from member_invitations, notices"))).all())
    for kept in (history, stored):
        assert link.split("link=")[1] not in kept
