"""Who is in charge: cases spread over the operators who are there, and nobody is forgotten who waits for one."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta

import pytest
import pytest_asyncio
from sqlalchemy import select, update
from temporalio.exceptions import ApplicationError

from models.common.case_status import CaseStatus
from models.common.messages import AssignCase, Assigned
from models.common.store.case_status import WHOLE, begin_status
from models.tables import ApplicationOfficeRow, AuditRow, CaseStatusRow, OperatorRow
from models.yayoi.identifiers import ApplicationNo, YayoiId
from models.yayoi.procedures import OFFICE_WORKFLOW, Stage
from tests.support.activity_environment import ActivityEnvironment, activity_environment
from tests.support.environment import form
from tests.support.smtp_inbox import SmtpInbox

AT = datetime(2026, 11, 5, 1, 0, tzinfo=UTC)
TODAY = date(2026, 11, 5)
THERE = {"sk", "sm"}
"""Of the example registry's operators: the third takes no cases, the fourth is on leave."""


@pytest_asyncio.fixture
async def environment(registry_url: str, smtp_inbox: SmtpInbox) -> AsyncIterator[ActivityEnvironment]:
    async with activity_environment(registry_url, smtp_inbox) as environment:
        yield environment


async def applied(environment: ActivityEnvironment, offices: int = 1) -> ApplicationNo:
    """Store an application for so many offices."""
    count = len(await environment.rows(select(ApplicationOfficeRow.office_no)))
    ids = [YayoiId(f"office-{count + number}@example.jp") for number in range(offices)]
    return await environment.apply(form([(yayoi_id, None) for yayoi_id in ids], linked=False))


async def assign(environment: ActivityEnvironment, asked: AssignCase) -> str | None:
    assigned: Assigned = await environment.activities()["assign_operator"](asked)
    return assigned.operator


async def assign_new(environment: ActivityEnvironment, offices: int = 1) -> str | None:
    return await assign(
        environment, AssignCase(case_no=await applied(environment, offices), all_parts=True, at=AT, occurrence=1)
    )


async def set_operator(environment: ActivityEnvironment, handle: str, **facts: object) -> None:
    async with environment.sessions.begin() as session:
        await session.execute(update(OperatorRow).where(OperatorRow.handle == handle).values(**facts))


async def cases_of(environment: ActivityEnvironment) -> Counter[str]:
    return Counter(
        handle
        for (handle,) in await environment.rows(select(CaseStatusRow.assignee).where(CaseStatusRow.part != WHOLE))
    )


async def test_a_case_goes_to_whoever_has_the_fewest_open_ones(environment: ActivityEnvironment) -> None:
    busy = await assign_new(environment, offices=3)
    [other] = THERE - {busy}
    for _ in range(3):
        assert await assign_new(environment) == other
    assert (await cases_of(environment)) == {busy: 3, other: 3}


async def test_closed_cases_are_no_work(environment: ActivityEnvironment) -> None:
    first = await assign_new(environment, offices=5)
    [other] = THERE - {first}
    assert await assign_new(environment) == other
    async with environment.sessions.begin() as session:
        closed = update(CaseStatusRow).where(CaseStatusRow.assignee == first).values(outcome="完了")
        await session.execute(closed)
    assert await assign_new(environment) == first


async def test_open_cases_of_a_third_product_count_too(environment: ActivityEnvironment) -> None:
    [busy, other] = sorted(THERE)
    open_case = CaseStatus.first(Stage.CHECK, AT).model_copy(update={"assignee": busy})
    closed_case = open_case.model_copy(update={"assignee": other, "outcome": "完了"})
    async with environment.sessions.begin() as session:
        begin_status(session, "request/1", "REQUEST-1", None, open_case, procedure=OFFICE_WORKFLOW)
        begin_status(session, "request/2", "REQUEST-2", None, closed_case, procedure=OFFICE_WORKFLOW)
    assert await assign_new(environment) == other
    assert await assign_new(environment) == busy  # one each: the first by handle


async def test_never_who_takes_no_cases_or_is_on_leave(environment: ActivityEnvironment) -> None:
    assert {await assign_new(environment) for _ in range(6)} == THERE


@pytest.mark.parametrize(
    ("leave_from", "leave_until", "away"),
    [
        (TODAY, TODAY, True),
        (TODAY - timedelta(days=3), None, True),
        (TODAY - timedelta(days=3), TODAY - timedelta(days=1), False),
        (TODAY + timedelta(days=1), None, False),
    ],
    ids=["today only", "no end", "back today", "from tomorrow"],
)
async def test_leave_counts_from_its_first_to_its_last_day(
    environment: ActivityEnvironment, leave_from: date, leave_until: date | None, *, away: bool
) -> None:
    await set_operator(environment, "sk", leave_from=leave_from, leave_until=leave_until)
    assert {await assign_new(environment) for _ in range(4)} == ({"sm"} if away else THERE)


async def test_nobody_there_leaves_the_case_as_it_is(environment: ActivityEnvironment) -> None:
    for handle in THERE:
        await set_operator(environment, handle, takes_cases=False)
    assert await assign_new(environment) is None
    assert await cases_of(environment) == {None: 1}


async def test_not_to_whom_it_was_with_even_if_nobody_else_is_there(environment: ActivityEnvironment) -> None:
    await set_operator(environment, "sm", leave_from=TODAY)
    no = await applied(environment)
    assert await assign(environment, AssignCase(case_no=no, all_parts=True, at=AT, occurrence=1)) == "sk"
    asked = AssignCase(case_no=no, part=1, at=AT, occurrence=2, but_not="sk")
    assert await assign(environment, asked) is None
    assert await cases_of(environment) == {"sk": 1}


@pytest.mark.parametrize(
    ("to", "kind", "text"),
    [
        ("nobody", "UnknownOperator", "登録されている担当者：fj, sk, sm, tk, tn"),
        ("tk", "OperatorOnLeave", "担当者「tk」は休暇中です。"),
        ("sm", "OperatorOnLeave", "担当者「sm」は 2026-11-10 まで休暇中です。"),
    ],
)
async def test_a_named_operator_must_be_there(environment: ActivityEnvironment, to: str, kind: str, text: str) -> None:
    await set_operator(environment, "sm", leave_from=TODAY, leave_until=date(2026, 11, 10))
    asked = AssignCase(
        case_no=await applied(environment), all_parts=True, at=AT, occurrence=1, to=to, by="operator:sk", reason="交替"
    )
    with pytest.raises(ApplicationError) as refused:
        await assign(environment, asked)
    assert refused.value.non_retryable
    assert refused.value.type == kind
    assert text in refused.value.message
    assert await cases_of(environment) == {None: 1}


async def test_the_supervisor_may_be_named_though_cases_do_not_go_there_by_themselves(
    environment: ActivityEnvironment,
) -> None:
    asked = AssignCase(
        case_no=await applied(environment),
        all_parts=True,
        at=AT,
        occurrence=1,
        to="tn",
        by="operator:sk",
        reason="相談のうえ",
    )
    assert await assign(environment, asked) == "tn"
    [(row,)] = await environment.rows(select(AuditRow).where(AuditRow.action == "担当者を決めた"))
    assert (row.by, row.reason) == ("operator:sk", "相談のうえ")


async def test_twenty_at_once_are_spread_evenly(environment: ActivityEnvironment) -> None:
    no = await applied(environment, offices=20)
    asked = [AssignCase(case_no=no, part=number, at=AT, occurrence=1) for number in range(1, 21)]
    await asyncio.gather(*(assign(environment, each) for each in asked))
    assert await cases_of(environment) == {"sk": 10, "sm": 10}
    again = await asyncio.gather(*(assign(environment, each) for each in asked))
    assert Counter(again) == {"sk": 10, "sm": 10}
    assert await cases_of(environment) == {"sk": 10, "sm": 10}
