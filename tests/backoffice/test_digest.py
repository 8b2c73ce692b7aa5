"""The morning digest: one mail per operator who is there, with what the desk's lists hold for them."""

from datetime import date, timedelta
from email.message import EmailMessage
from uuid import uuid4

import pytest
from sqlalchemy import select

from models.backoffice.digest import DIGEST_SUBJECT, DigestDay, SendDigest
from models.common.calendar import BusinessCalendar, day_in_japan, day_in_words, opening_of
from models.common.desk_links import desk_case_path
from models.common.messages import SentMail
from models.common.operator_actions import HandOver
from models.common.operator_message import ActionMessage
from models.common.store.case_status import status_of
from models.common.waiting_for import WaitingFor
from models.tables import NoticeRow
from models.yayoi.operator_actions import Action
from models.yayoi.procedures import Stage
from tests.support.activity_environment import activity_environment
from tests.support.cases import SATO, TANAKA
from tests.support.desk import desk_on
from tests.support.environment import OFFICE_B, OFFICE_C, Case, Environment, at_rest, form
from tests.support.listed_cases import ListedOffice, fill_offices
from tests.support.smtp_inbox import SmtpInbox
from workers.stack.inbox import text_of
from workers.wiring.derived import desk_url
from workers.wiring.root import build_activities
from workflows.backoffice.morning_digest import MorningDigest

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


async def waiting_for(environment: Environment, operator: str) -> Case:
    """Return the operator's case, in which the due date is in danger."""
    case = await environment.apply(form([OFFICE_C]))
    await at_rest(case, Stage.SHARING)
    await case.act(HandOver(reason="担当", to=operator))
    await case.until_day(environment.calendar.business_days_before(case.due_date, 3))
    return case


async def test_a_digest_counts_what_is_the_operators_own_and_says_of_what_waits_since_when_and_why(
    environment: Environment,
) -> None:
    """A supervisor's counts everybody's; what it counts is what the desk's list shows behind its link."""
    case = await waiting_for(environment, "sk")
    other = await environment.apply(form([OFFICE_B]))
    await at_rest(other, Stage.SET_UP)
    await other.act(HandOver(reason="担当", to="sm"))
    await other.act(ActionMessage(reason="確認中"), action=Action.HOLD)
    own = await send(environment, case.due_date, "sk")
    assert (own["To"], own["Subject"].startswith(DIGEST_SUBJECT)) == (SATO, True)
    counts = {"対応待ち": 1, "担当者なし": 0, "7 日以内に期限": 1, "期限超過": 0, "保留中": 0}
    assert {name: count(own, name) for name in counts} == counts
    text = text_of(own)
    async with environment.sessions() as session:
        row = await status_of(session, case.application_no, 1)
    assert row is not None
    assert f"・{case.application_no} の 1 件目：{Stage.SHARING}（{day_in_words(day_in_japan(row.since))}から）" in text
    assert row.due_on is not None
    assert f"　期限：{day_in_words(row.due_on)}\r\n" in text
    assert f"{desk_case_path(case.application_no, 1)}\r\n" in text
    assert str(other.application_no) not in text

    theirs = await send(environment, case.due_date, "sm")
    assert (count(theirs, "対応待ち"), count(theirs, "保留中")) == (0, 1)
    assert "対応を待っている手続きはありません。" in text_of(theirs)
    everybodys = await send(environment, case.due_date, "tn")
    assert everybodys["To"] == TANAKA
    assert (count(everybodys, "対応待ち"), count(everybodys, "保留中")) == (1, 1)
    assert f"・{case.application_no} の 1 件目" in text_of(everybodys)


@pytest.mark.parametrize("operator", ["sk", "tn"])
async def test_each_list_of_a_digest_leads_to_the_desk_which_shows_as_many(
    registry_url: str, smtp_inbox: SmtpInbox, operator: str
) -> None:
    turn = {"waiting_for": WaitingFor.OPERATOR, "assignee": "sk"}
    async with (
        activity_environment(registry_url, smtp_inbox) as environment,
        desk_on(environment.sessions, url=desk_url(environment.settings)) as desk,
    ):
        await fill_offices(
            environment.sessions,
            ListedOffice(9001, status=turn | {"due_on": MONDAY, "points": ["依頼：担当者 tn、理由：重複"]}),
            ListedOffice(9002, status=turn | {"held": True, "undelivered": True}),
            ListedOffice(9003, status={"awaits_approval": True, "waiting_for": WaitingFor.OPERATOR}),
            ListedOffice(9004, status={"assignee": "tn", "overdue": True, "failing": True}),
            ListedOffice(9005, status=turn | {"outcome": "完了"}),
        )
        await environment.activities()["send_digest"](SendDigest(day=MONDAY, operator=operator))
        desk.clock.time = opening_of(MONDAY)
        await desk.sign_in(operator)
        lines = text_of(smtp_inbox.mails[-1]).splitlines()
        counted = {line: lines[at + 1] for at, line in enumerate(lines) if line.startswith("■") and "：" in line}
        for line, address in counted.items():
            assert address.startswith(f"{desk.url}/desk?show="), line
            shown = await desk.http.get(address.replace("/desk?", "/desk/api/worklist?"))
            assert line.endswith(f"：{shown.json()['total']} 件"), line
    assert "　依頼：担当者 田中、理由：重複" in lines
    assert len(counted) == 8
    numbers = [int(line.rpartition("：")[2].removesuffix(" 件")) for line in counted]
    assert numbers == ([1, 1, 1, 0, 0, 1, 0, 1] if operator == "sk" else [2, 1, 1, 1, 1, 1, 1, 1])


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
