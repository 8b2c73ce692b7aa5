"""The morning digest: one mail per operator who is there, with their queues as the operators' list has them."""

from datetime import date, timedelta
from email.message import EmailMessage
from uuid import uuid4

import pytest
from sqlalchemy import select

from models.backoffice.digest import DIGEST_SUBJECT, DigestDay, SendDigest
from models.common.calendar import BusinessCalendar
from models.common.desk_links import desk_case_path
from models.common.messages import SentMail
from models.common.operator_actions import HandOver
from models.common.operator_message import ActionMessage
from models.tables import NoticeRow, OperatorRow
from models.yayoi.operator_actions import Action
from models.yayoi.procedures import Stage
from tests.support.activity_environment import activity_environment
from tests.support.cases import SATO, TANAKA
from tests.support.environment import OFFICE_B, OFFICE_C, Case, Environment, at_rest, form
from tests.support.smtp_inbox import SmtpInbox
from workers.stack.inbox import text_of
from workers.wiring.root import build_activities
from workflows.backoffice.morning_digest import MorningDigest
from workflows.backoffice.queues import Queue

SUNDAY, HOLIDAY, MONDAY = date(2026, 11, 1), date(2026, 11, 3), date(2026, 11, 9)


async def send(environment: Environment, day: date, operator: str) -> EmailMessage:
    """Return the newest mail after the activity has run."""
    activities = {
        each.__name__: each for each in build_activities(environment.settings, environment.sessions, environment.client)
    }
    assert isinstance(await activities["send_digest"](SendDigest(day=day, operator=operator)), SentMail)
    return environment.inbox.mails[-1]


def count(mail: EmailMessage, queue: str) -> int:
    [line] = [line for line in text_of(mail).splitlines() if line.startswith(f"■{queue}：")]
    return int(line.removeprefix(f"■{queue}：").removesuffix(" 件"))


async def new_operator(environment: Environment) -> str:
    """Return an operator whom no other test has: all tests share one Temporal server and its lists."""
    name, handle = f"担当{uuid4().hex}", f"op-{uuid4().hex[:12]}"
    async with environment.sessions.begin() as session:
        session.add(OperatorRow(handle=handle, name=name, mail_address=f"{uuid4().hex}@back-office.example.jp"))
    return handle


async def waiting_for(environment: Environment, operator: str) -> Case:
    """Return the operator's case, in which the due date is in danger."""
    case = await environment.apply(form([OFFICE_C]))
    await at_rest(case, Stage.SHARING)
    await case.act(HandOver(reason="担当", to=operator))
    await case.until_day(environment.calendar.business_days_before(case.due_date, 3))
    return case


async def test_a_digest_counts_the_operators_own_queues_and_names_the_cases_that_wait(environment: Environment) -> None:
    one, another = await new_operator(environment), await new_operator(environment)
    case = await waiting_for(environment, one)
    other = await environment.apply(form([OFFICE_B]))
    await at_rest(other, Stage.SET_UP)
    await other.act(HandOver(reason="担当", to=another))
    mail = await send(environment, case.due_date, one)
    assert await environment.rows(select(OperatorRow.handle).where(OperatorRow.mail_address == mail["To"])) == [one]
    assert mail["Subject"].startswith(DIGEST_SUBJECT)
    text = text_of(mail)
    assert count(mail, "対応待ち") == 1
    assert count(mail, "申込者待ち") == 0
    assert count(mail, "今週が期限") == 1
    assert count(mail, "期限超過") == count(mail, "保留中") == 0
    assert f"・{case.application_no} の 1 件目" in text
    assert f"{desk_case_path(case.application_no, 1)}\r\n" in text
    assert f"{Stage.SHARING}（" in text
    assert "/desk?show=mine\r\n" in text
    assert str(other.application_no) not in text
    theirs = await send(environment, case.due_date, another)
    assert (count(theirs, "対応待ち"), count(theirs, "申込者待ち")) == (0, 1)
    assert "対応を待っている手続きはありません。" in text_of(theirs)


async def test_each_queue_comes_with_its_link_to_the_web_ui(environment: Environment) -> None:
    mail = await send(environment, MONDAY, await new_operator(environment))
    links = [line for line in text_of(mail).splitlines() if line.startswith("http://127.0.0.1:8233/namespaces/")]
    counts = [line for line in text_of(mail).splitlines() if line.startswith("■") and "件" in line]
    assert len(links) == len(counts) == len(Queue) - 1  # all but what was closed
    assert all("query=" in link and "Assignee%20%3D%20%27op-" in link for link in links)
    assert not any("savedQuery" in link for link in links)  # read every morning: each opening would save one more view


@pytest.mark.long
async def test_the_supervisor_gets_everybodys_queues(environment: Environment) -> None:
    case = await waiting_for(environment, await new_operator(environment))
    held = await environment.apply(form([OFFICE_B]))
    await at_rest(held, Stage.SET_UP)
    await held.act(ActionMessage(reason="確認中"), action=Action.HOLD)
    mail = await send(environment, case.due_date, "tn")
    assert mail["To"] == TANAKA
    assert count(mail, "対応待ち") >= 1
    assert count(mail, "保留中") >= 1
    assert f"・{case.application_no} の 1 件目" in text_of(mail)
    assert "/desk?show=all\r\n" in text_of(mail)


async def test_the_same_digest_is_sent_once_a_day(environment: Environment) -> None:
    first = await send(environment, MONDAY, "sk")
    assert await send(environment, MONDAY, "sk") is first
    assert len(environment.inbox.to(SATO)) == 1
    await send(environment, MONDAY + timedelta(days=1), "sk")
    assert len(environment.inbox.to(SATO)) == 2
    assert [row.case_no for row in await environment.rows(select(NoticeRow))] == [None, None]


@pytest.mark.parametrize(
    ("day", "handles"),
    [(MONDAY, {"sk", "sm", "tn", "fj"}), (SUNDAY, set()), (HOLIDAY, set()), (date(2026, 12, 29), set())],
    ids=["business day", "sunday", "public holiday", "closing day"],
)
async def test_who_is_there_gets_one_on_business_days(
    registry_url: str, smtp_inbox: SmtpInbox, day: date, handles: set[str]
) -> None:
    async with activity_environment(registry_url, smtp_inbox) as environment:
        found = await environment.activities()["digest_recipients"](DigestDay(day=day))
    assert set(found.operators) == handles


async def test_the_procedure_sends_all_digests_of_the_day(environment: Environment) -> None:
    sent = await environment.client.execute_workflow(
        MorningDigest.run, id=f"digest-{uuid4()}", task_queue=environment.settings.temporal_task_queue
    )
    expected = {"sk", "sm", "tn", "fj"} if BusinessCalendar().is_business_day(sent.day) else set()
    assert set(sent.operators) == expected
    assert len([mail for mail in environment.inbox.mails if mail["Subject"].startswith(DIGEST_SUBJECT)]) == len(
        expected
    )
