"""A case's mails: one for each event and person, in the order of what happened, and true (Y18, Y27)."""

from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import text
from temporalio.client import WorkflowHandle

from models.common.calendar import day_in_words, end_of
from models.common.operator_actions import EndCase
from models.common.waiting_for import WaitingFor
from models.yayoi.deadlines import EXPIRY_DAYS, MOVED_TOGETHER
from models.yayoi.delays import SHARING_STILL_ON
from models.yayoi.mails import MailKind
from models.yayoi.messages import Outcome
from models.yayoi.operator_actions import Action, Cancel, CorrectPair, ExtendDeadline, ResendMail
from models.yayoi.procedures import SetUpStep, Stage
from tests.support.ending import end
from tests.support.environment import (
    NOBODY,
    OFFICE_B,
    OFFICE_C,
    TARO,
    Case,
    Environment,
    at_rest,
    form,
)
from tests.support.web import until
from workers.stack.inbox import text_of
from workflows.yayoi.multi_office_application import MultiOfficeApplication

WHY = {"reason": "お電話"}
ALL_OVER = "これで、お申し込みのお手続きはすべて終了しました。"
OTHERS_GO_ON = "ほかの事業所データのお手続きには影響ありません。"


def subjects(environment: Environment, recipient: str = TARO) -> list[str]:
    return [str(mail["Subject"]) for mail in environment.inbox.to(recipient)]


async def reject(case: Case) -> None:
    await case.act(EndCase(**WHY), action=Action.REJECT)


async def withdraw(case: Case) -> None:
    await case.act(EndCase(**WHY), action=Action.WITHDRAW)


async def expire(case: Case) -> None:
    await case.until(end_of(case.environment.calendar.business_days_after(case.due_date, 5)) + timedelta(hours=1))


@pytest.mark.parametrize(
    ("leave", "mail"),
    [
        (reject, MailKind.REJECTED),
        pytest.param(expire, MailKind.EXPIRED, marks=pytest.mark.long),
        pytest.param(withdraw, MailKind.WITHDRAWN, marks=pytest.mark.long),
    ],
)
async def test_y27_the_end_of_a_single_office_is_one_mail(
    environment: Environment, leave: Callable[[Case], Awaitable[None]], mail: MailKind
) -> None:
    case = await environment.apply(form([OFFICE_C]))
    await at_rest(case, Stage.SHARING)
    await leave(case)
    await case.application.result()
    about_ends = {kind.subject for kind in (mail, MailKind.FINISHED)}
    assert [subject for subject in subjects(environment) if subject in about_ends] == [mail.subject]
    last = text_of(environment.inbox.to(TARO)[-1])
    assert ALL_OVER in last
    assert OTHERS_GO_ON not in last


@pytest.mark.long
async def test_y27_the_others_go_on_only_if_one_is_open(environment: Environment) -> None:
    case = await environment.apply(form([OFFICE_C, (NOBODY, OFFICE_B[1])]))
    await at_rest(case, Stage.SHARING, 1)
    await at_rest(case, Stage.CORRECTION, 2)
    await case.act(Cancel(**WHY), 1)
    await case.office(1).result()
    first = text_of(environment.inbox.to(TARO)[-1])
    assert OTHERS_GO_ON in first
    assert ALL_OVER not in first
    await case.act(Cancel(**WHY), 2)
    await case.application.result()
    second = text_of(environment.inbox.to(TARO)[-1])
    assert OTHERS_GO_ON not in second
    assert ALL_OVER in second
    assert subjects(environment).count(MailKind.FINISHED.subject) == 0


def ends(environment: Environment, kind: MailKind) -> list[str]:
    return [text_of(mail) for mail in environment.inbox.to(TARO) if mail["Subject"] == kind.subject]


async def test_y27_an_application_that_is_cancelled_is_one_mail_about_each_office(
    environment: Environment,
) -> None:
    case = await environment.apply(form([OFFICE_C, (NOBODY, OFFICE_B[1])]))
    await at_rest(case, Stage.SHARING, 1)
    await at_rest(case, Stage.CORRECTION, 2)
    await case.application.execute_update(MultiOfficeApplication.cancel, Cancel(**WHY))
    await case.application.result()
    [mail] = ends(environment, MailKind.CANCELLED)
    assert OTHERS_GO_ON not in mail
    assert ALL_OVER in mail
    for named in ("1 件目", "2 件目", OFFICE_C[0], NOBODY):
        assert named in mail
    assert mail.count("お手続きを続けることができなくなったため") == 2
    assert subjects(environment)[-1] == MailKind.CANCELLED.subject


async def test_y27_where_one_office_cannot_be_cancelled_the_mail_is_about_the_others_alone(
    environment: Environment,
) -> None:
    case = await environment.apply(form([OFFICE_C, OFFICE_B]))
    await at_rest(case, Stage.SHARING, 1)
    await at_rest(case, Stage.SET_UP, 2)
    await case.do_steps(SetUpStep.SUPPORT_PASSWORD, number=2)
    await case.application.execute_update(MultiOfficeApplication.cancel, Cancel(**WHY))
    await case.office(1).result()

    async def is_mailed() -> bool:
        return bool(ends(environment, MailKind.CANCELLED))

    await until(is_mailed)
    [mail] = ends(environment, MailKind.CANCELLED)
    assert OTHERS_GO_ON in mail
    assert OFFICE_C[0] in mail
    assert OFFICE_B[0] not in mail
    await end(case.application, case.office(2))


@pytest.mark.long
async def test_y27_offices_that_expire_on_one_day_are_one_mail(environment: Environment) -> None:
    case = await environment.apply(form([OFFICE_C, (NOBODY, OFFICE_B[1])]))
    await at_rest(case, Stage.SHARING, 1)
    await at_rest(case, Stage.CORRECTION, 2)
    expires = end_of(environment.calendar.business_days_after(case.due_date, 5))
    for moment in (expires - timedelta(hours=1), expires):  # each office has a clock of its own here
        for number in (1, 2):
            await case.until(moment, number)
    await case.application.result()
    [mail] = ends(environment, MailKind.EXPIRED)
    assert ALL_OVER in mail
    for said in ("期限までに解決しなかった点（1 件目）", "期限までに解決しなかった点（2 件目）", SHARING_STILL_ON):
        assert said in mail
    assert subjects(environment).count(MailKind.FINISHED.subject) == 0


@pytest.mark.long
async def test_y27_an_end_that_was_left_to_an_office_that_goes_on_after_all_is_mailed_before_its_next_mail(
    environment: Environment,
) -> None:
    case = await environment.apply(form([OFFICE_C, (NOBODY, OFFICE_B[1])]))
    await at_rest(case, Stage.SHARING, 1)
    await at_rest(case, Stage.CORRECTION, 2)
    await case.until(end_of(environment.calendar.business_days_after(case.due_date, 5)), 1)
    await case.office(1).result()
    assert ends(environment, MailKind.EXPIRED) == []  # the second is to expire on the same day
    await case.act(CorrectPair(**WHY, yayoi_id=OFFICE_B[0]), 2)
    await at_rest(case, Stage.SET_UP, 2)
    [mail] = ends(environment, MailKind.EXPIRED)
    assert OTHERS_GO_ON in mail
    assert NOBODY not in mail
    await end(case.application, case.office(2))


@pytest.mark.long
async def test_y27_the_mail_of_a_delay_names_an_expiry_only_where_there_is_one(environment: Environment) -> None:
    environment.inbox.unknown.add(OFFICE_B[0])  # its notice waits for an operator, and never expires
    case = await environment.apply(form([OFFICE_B, OFFICE_C]))
    await at_rest(case, Stage.NOTIFY, 1)
    await at_rest(case, Stage.SHARING, 2)
    for number in (1, 2):
        await case.until(end_of(case.due_date), number)
    [mail] = ends(environment, MailKind.DELAY)  # one about both: they share the due date
    first, _, second = mail.partition("■理由（2 件目）")
    assert "■理由（1 件目）" in first
    assert "期限切れ" not in first
    assert SHARING_STILL_ON in second
    assert "までに解決しない場合、この事業所データのお申し込みは期限切れになります。" in second
    await end(case.application, case.office(1), case.office(2))


async def test_y27_deadlines_that_are_moved_together_are_one_mail_with_each_new_day(environment: Environment) -> None:
    case = await environment.apply(form([OFFICE_C, (NOBODY, OFFICE_B[1])]))
    await at_rest(case, Stage.SHARING, 1)
    await at_rest(case, Stage.CORRECTION, 2)
    first = environment.calendar.business_days_after(case.due_date, EXPIRY_DAYS)
    a_week, two_weeks, later = (first + timedelta(days=days) for days in (7, 14, 20))

    async def move(number: int, *days: date) -> list[str]:
        for day in days:
            await case.act(ExtendDeadline(**WHY, until=day), number)
        return await mailed_after_a_moment()

    async def mailed_after_a_moment() -> list[str]:
        for number in (1, 2):
            await case.until(await case.now(number) + MOVED_TOGETHER, number)
        return ends(environment, MailKind.DEADLINE_EXTENDED)

    await case.act(ExtendDeadline(**WHY, until=a_week), 1)
    [mail] = await move(2, two_weeks)
    for said in (day_in_words(a_week), day_in_words(two_weeks), "1 件目", "2 件目", NOBODY, "/calendars/"):
        assert said in mail
    assert WHY["reason"] not in mail
    [_, alone] = await move(1, later)
    assert day_in_words(later) in alone
    assert NOBODY not in alone
    assert len(await move(1, a_week, later)) == 2  # as the applicant knows it
    await case.act(ResendMail(**WHY, kind=MailKind.DEADLINE_EXTENDED), 1)
    [*_, again] = ends(environment, MailKind.DEADLINE_EXTENDED)
    assert again == alone
    assert "共有" in alone  # what is asked for, as before
    await case.act(ExtendDeadline(**WHY, until=later), 2)
    await case.act(Cancel(**WHY), 2)
    await case.office(2).result()
    await case.until(await case.now() + MOVED_TOGETHER)
    assert len(ends(environment, MailKind.DEADLINE_EXTENDED)) == 3  # nobody waits for the second any more
    await end(case.application, case.office())


async def test_y18_the_receipt_comes_first_also_after_the_mail_server_took_none(environment: Environment) -> None:
    environment.inbox.busy.add(TARO)
    case = await environment.apply(form([(NOBODY, OFFICE_B[1])]))
    await until(partial(waits_with_a_mail, case.application))
    await until(partial(waits_with_a_mail, case.office()))
    environment.inbox.busy.clear()

    async def both_are_there() -> bool:
        return len(subjects(environment)) > 1

    await until(both_are_there)
    assert subjects(environment) == [MailKind.RECEIPT.subject, MailKind.CORRECTION_NEEDED.subject]
    await at_rest(case, Stage.CORRECTION)
    assert len(subjects(environment)) == 2


async def waits_with_a_mail(procedure: WorkflowHandle[Any, Any]) -> bool:
    pending = (await procedure.describe()).raw_description.pending_activities
    return "send_mail" in {activity.activity_type.name for activity in pending}


# --- what pages read meanwhile ----------------------------------------------------------------------------------------

LOGGED = (
    "create table status_log (stage text, waiting_for text, ending text, outcome text)",
    "grant insert on status_log to public",
    """create function log_status() returns trigger language plpgsql as $$
    begin insert into status_log values (new.stage, new.waiting_for, new.ending, new.outcome); return new; end $$""",
    "create trigger log after update on case_status for each row when (new.part = 1) execute function log_status()",
)


async def log_statuses(environment: Environment) -> None:
    """Keep everything that a page could read of the first office."""
    async with environment.sessions.begin() as session:
        for statement in LOGGED:
            await session.execute(text(statement))


async def logged(environment: Environment) -> list[tuple[str, str, str | None, str | None]]:
    async with environment.sessions() as session:
        rows = await session.execute(text("select stage, waiting_for, ending, outcome from status_log"))
        return [(stage, waiting_for, ending, outcome) for stage, waiting_for, ending, outcome in rows]


async def test_y13_after_a_correction_no_page_says_that_one_is_needed(environment: Environment) -> None:
    case = await environment.apply(form([(NOBODY, OFFICE_B[1])]))
    await at_rest(case, Stage.CORRECTION)
    await log_statuses(environment)
    await case.act(CorrectPair(**WHY, yayoi_id=OFFICE_B[0]))
    await at_rest(case, Stage.SET_UP)
    seen = await logged(environment)
    assert Stage.CORRECTION in {stage for stage, *_ in seen}
    assert WaitingFor.APPLICANT not in {who for stage, who, *_ in seen if stage == Stage.CORRECTION}


async def test_y13_after_a_release_no_page_asks_for_it(environment: Environment) -> None:
    case = await environment.apply(form([OFFICE_C]))
    await at_rest(case, Stage.SHARING)
    await log_statuses(environment)
    await case.release_sharing()
    await at_rest(case, Stage.SET_UP)
    assert WaitingFor.APPLICANT not in {who for stage, who, *_ in await logged(environment) if stage == Stage.SHARING}


async def test_y27_the_row_says_that_a_case_ends_as_soon_as_that_is_recorded(environment: Environment) -> None:
    case = await environment.apply(form([OFFICE_C]))
    await at_rest(case, Stage.SHARING)
    await log_statuses(environment)
    await withdraw(case)
    await case.office().result()
    seen = await logged(environment)
    assert (seen[0][0], seen[0][2], seen[0][3]) == (Stage.SHARING, Outcome.WITHDRAWN, None)
    assert {ending for _, _, ending, *_ in seen} == {Outcome.WITHDRAWN}
