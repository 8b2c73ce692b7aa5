"""The operators' queues: each query, asked of a real Temporal server, finds the cases it is for and no others."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from temporalio.client import WorkflowExecution

from activities.common import failing_interceptor, failures
from models.common import calendar
from models.common.calendar import day_in_japan, opening_of
from models.common.operator_actions import HandOver
from models.common.operator_message import ActionMessage
from models.yayoi.deadlines import APPLICANT_REMINDER_DAYS
from models.yayoi.operator_actions import Action, Cancel
from models.yayoi.procedures import Stage
from tests.support.environment import OFFICE_B, OFFICE_C, TARO, Case, Environment, at_rest, form
from tests.support.matrices import mostly_long
from tests.support.running import PATIENCE
from tests.support.web import until
from workflows.backoffice.queues import Queue, QueueFilter, link
from workflows.common import search_attributes

SUNDAY = date(2026, 11, 22)
UI = "http://ui.test"


# --- the queries, asked of the server --------------------------------------------------------------------------------


async def at_sharing(environment: Environment) -> Case:
    case = await environment.apply(form([OFFICE_C]))
    await at_rest(case, Stage.SHARING)
    return case


async def operator_turn(environment: Environment) -> Case:
    case = await at_sharing(environment)
    await case.until_day(environment.calendar.business_days_before(case.due_date, 3))
    return case


async def acknowledged(environment: Environment) -> Case:
    case = await operator_turn(environment)
    await case.act(ActionMessage(reason="お客様に電話した"), action=Action.ADD_NOTE)
    return case


async def on_hold(environment: Environment) -> Case:
    case = await at_sharing(environment)
    await case.act(ActionMessage(reason="確認中"), action=Action.HOLD)
    return case


async def resumed(environment: Environment) -> Case:
    case = await on_hold(environment)
    await case.act(ActionMessage(reason="確認できた"), action=Action.RESUME)
    return case


async def overdue(environment: Environment) -> Case:
    case = await at_sharing(environment)
    await case.until_day(case.due_date + timedelta(days=1))
    return case


async def notified_late(environment: Environment) -> Case:
    case = await overdue(environment)
    await case.release_sharing()
    await at_rest(case, Stage.SET_UP)
    return case


async def notified_in_time(environment: Environment) -> Case:
    case = await environment.apply(form([OFFICE_B]))
    await at_rest(case, Stage.SET_UP)
    return case


async def failing(environment: Environment) -> Case:
    """The mail server does not take the first reminder."""
    case = await at_sharing(environment)
    environment.inbox.busy.add(TARO)
    today = day_in_japan(await case.now())
    remind_at = opening_of(environment.calendar.business_days_after(today, APPLICANT_REMINDER_DAYS[0]))
    with pytest.MonkeyPatch.context() as patch:
        for module in (failures, failing_interceptor):
            patch.setattr(module, "FAILS_AT_ATTEMPT", 2)
        await environment.temporal.fast_forward(case.office(), remind_at - await case.now() + timedelta(minutes=1))
        await until(lambda: is_failing(case))
    return case


async def is_failing(case: Case) -> bool:
    columns = (await case.office().describe()).typed_search_attributes
    return columns.get(search_attributes.FAILING) is True


async def recovered(environment: Environment) -> Case:
    case = await failing(environment)
    environment.inbox.busy.clear()
    return case


async def closed(environment: Environment) -> Case:
    case = await at_sharing(environment)
    await case.act(Cancel(reason="二重のお申し込みのため"))
    await case.application.result()
    return case


async def shown(case: Case, number: int = 1) -> None:
    """Wait until the lists show the case as it is: they follow a moment later."""
    if not (case.environment.inbox.busy and await is_failing(case)):  # what fails is under way all the time
        await case.settled(number)
    described = await case.office(number).describe()
    async with asyncio.timeout(PATIENCE):
        while True:
            listed = [each async for each in case.environment.client.list_workflows(f"WorkflowId = '{described.id}'")]
            if [_columns(each) for each in listed] == [_columns(described)]:
                return
            await asyncio.sleep(0.05)


def _columns(execution: WorkflowExecution) -> list[Any]:
    attributes = execution.typed_search_attributes
    return [execution.status, *(attributes.get(key) for key in search_attributes.ALL)]


async def found(case: Case, queue: Queue, asked: QueueFilter) -> list[str]:
    """Return what a queue holds of one application: all tests share one server."""
    query = f"{queue.query(asked)} AND ApplicationNo = '{case.application_no}'"
    return sorted([each.id async for each in case.environment.client.list_workflows(query)])


async def queues_of(case: Case, asked: QueueFilter) -> set[Queue]:
    """Return the queues that hold the one office of a case; none holds its application."""
    by_queue = {queue: await found(case, queue, asked) for queue in Queue}
    assert all(ids in ([], [case.office().id]) for ids in by_queue.values())
    return {queue for queue, ids in by_queue.items() if ids}


@pytest.mark.parametrize(
    ("situation", "expected"),
    mostly_long(
        [
            (at_sharing, {Queue.WAITING_FOR_APPLICANT, Queue.DUE_THIS_WEEK}),
            (operator_turn, {Queue.WAITING_FOR_OPERATOR, Queue.DUE_THIS_WEEK}),
            (acknowledged, {Queue.WAITING_FOR_APPLICANT, Queue.DUE_THIS_WEEK}),
            (on_hold, {Queue.ON_HOLD, Queue.DUE_THIS_WEEK}),
            (resumed, {Queue.WAITING_FOR_APPLICANT, Queue.DUE_THIS_WEEK}),
            (overdue, {Queue.OVERDUE, Queue.WAITING_FOR_OPERATOR, Queue.DUE_THIS_WEEK}),
            (notified_late, {Queue.WAITING_FOR_APPLICANT}),
            (notified_in_time, {Queue.WAITING_FOR_APPLICANT}),
            (failing, {Queue.FAILING, Queue.WAITING_FOR_OPERATOR, Queue.DUE_THIS_WEEK}),
            (recovered, {Queue.WAITING_FOR_APPLICANT, Queue.DUE_THIS_WEEK}),
            (closed, set()),
        ],
        each_time=[
            (operator_turn, {Queue.WAITING_FOR_OPERATOR, Queue.DUE_THIS_WEEK}),
            (on_hold, {Queue.ON_HOLD, Queue.DUE_THIS_WEEK}),
            (closed, set()),
        ],
    ),
    ids=lambda value: getattr(value, "__name__", ""),
)
async def test_a_case_is_in_its_queues_and_in_no_other(
    environment: Environment, situation: Callable[[Environment], Awaitable[Case]], expected: set[Queue]
) -> None:
    case = await situation(environment)
    await shown(case)
    # Asked on the due date, which is never the day of the closing: that is another test's.
    assert await queues_of(case, QueueFilter(case.due_date)) == expected


async def test_a_case_is_due_this_week_from_monday_to_sunday(environment: Environment) -> None:
    case = await at_sharing(environment)
    await shown(case)
    monday = case.due_date - timedelta(days=case.due_date.weekday())
    days = [monday + timedelta(days=number) for number in range(-1, 8)]
    holds = [await found(case, Queue.DUE_THIS_WEEK, QueueFilter(day)) for day in days]
    assert holds == [[], *([[case.office().id]] * 7), []]


async def test_a_case_that_ended_is_in_the_queue_of_that_day_alone(environment: Environment) -> None:
    case = await closed(environment)
    await shown(case)
    ended = (await case.office().describe()).close_time
    assert ended is not None
    day = day_in_japan(ended)
    assert await queues_of(case, QueueFilter(day)) == {Queue.CLOSED_TODAY}
    for other in (day - timedelta(days=1), day + timedelta(days=1)):
        assert await found(case, Queue.CLOSED_TODAY, QueueFilter(other)) == []


async def test_an_operators_queues_hold_their_own_cases(environment: Environment) -> None:
    case = await at_sharing(environment)
    first = (await case.progress()).assignee
    assert first is not None
    await shown(case)
    own = {Queue.WAITING_FOR_APPLICANT, Queue.DUE_THIS_WEEK}
    assert await queues_of(case, QueueFilter(case.due_date, first)) == own
    assert await queues_of(case, QueueFilter(case.due_date, "tn")) == set()
    await case.act(HandOver(reason="相談のうえ", to="tn"))
    await shown(case)
    assert await queues_of(case, QueueFilter(case.due_date, first)) == set()
    assert await queues_of(case, QueueFilter(case.due_date, "tn")) == own


async def test_each_office_of_an_application_is_in_its_own_queue(environment: Environment) -> None:
    case = await environment.apply(form([OFFICE_B, OFFICE_C]))
    await at_rest(case, Stage.SET_UP, 1)
    await at_rest(case, Stage.SHARING, 2)
    await case.act(ActionMessage(reason="確認中"), number=2, action=Action.HOLD)
    await shown(case, 1)
    await shown(case, 2)
    asked = QueueFilter(case.due_date)
    assert await found(case, Queue.WAITING_FOR_APPLICANT, asked) == [case.office(1).id]
    assert await found(case, Queue.ON_HOLD, asked) == [case.office(2).id]
    assert await found(case, Queue.DUE_THIS_WEEK, asked) == [case.office(2).id]


# --- the texts of queries and links ----------------------------------------------------------------------------------


def test_the_week_of_a_sunday_is_the_one_that_it_ends() -> None:
    query = Queue.DUE_THIS_WEEK.query(QueueFilter(SUNDAY))
    monday, next_monday = (datetime(2026, 11, day, tzinfo=calendar.JST).isoformat() for day in (16, 23))
    assert f"DueDate >= '{monday}' AND DueDate < '{next_monday}'" in query


def test_only_queues_for_one_day_change_with_the_day() -> None:
    days = [QueueFilter(SUNDAY), QueueFilter(SUNDAY + timedelta(days=1))]
    changing = {queue for queue in Queue if len({queue.query(asked) for asked in days}) > 1}
    assert changing == {queue for queue in Queue if queue.for_one_day} == {Queue.DUE_THIS_WEEK, Queue.CLOSED_TODAY}


@pytest.mark.parametrize("operator", [None, "佐藤 & 弥生=50%+#"])
@pytest.mark.parametrize("queue", Queue)
@pytest.mark.parametrize("save", [True, False])
def test_a_link_carries_its_query_whole_and_its_name_where_it_is_to_be_saved(
    queue: Queue, operator: str | None, *, save: bool
) -> None:
    asked = QueueFilter(SUNDAY, operator)
    if save and queue.for_one_day:
        with pytest.raises(ValueError, match="wrong tomorrow"):
            link(UI, "default", queue, asked, save=True)
        return
    address = link(UI, "default", queue, asked, save=save)
    assert address.isascii()
    assert not set("+' \"") & set(address)  # a space is %20: the Web UI would show a plus sign
    parts = urlsplit(address)
    assert (parts.netloc, parts.path, parts.fragment) == ("ui.test", "/namespaces/default/workflows", "")
    values = {"query": [queue.query(asked)]}
    name = f"{queue}（{operator}）" if operator else queue.value
    assert parse_qs(parts.query, strict_parsing=True) == ({**values, "savedQuery": [name]} if save else values)


def test_a_link_stays_below_the_path_of_the_web_ui_and_quotes_the_namespace() -> None:
    address = link("http://ui.test/temporal/", "a/b c", Queue.FAILING, QueueFilter(SUNDAY))
    assert address.startswith("http://ui.test/temporal/namespaces/a%2Fb%20c/workflows?query=")


@pytest.mark.parametrize("name", ["O'Hara", "佐藤\\", "' OR Failing = true OR Assignee = '"])
@pytest.mark.parametrize("queue", Queue)
def test_a_name_that_could_end_its_quotes_is_refused(queue: Queue, name: str) -> None:
    with pytest.raises(ValueError, match="not for a query"):
        queue.query(QueueFilter(SUNDAY, name))
