"""A case that waits for an operator: they are reminded, a supervisor notified, the case handed on, until one acts."""

from datetime import date

import pytest
from sqlalchemy import select
from temporalio.client import WorkflowUpdateFailedError

from models.common.operator_actions import HandOver
from models.common.operator_message import ActionMessage
from models.common.store.case_status import WHOLE
from models.common.waiting_for import WaitingFor
from models.tables import CaseStatusRow, OperatorRow
from models.yayoi.mails import MailKind
from models.yayoi.operator_actions import Action
from models.yayoi.procedures import Stage
from tests.support.environment import OFFICE_C, Case, Environment, at_rest, form
from tests.support.signing import SATO
from workflows.common import search_attributes

SUPERVISOR = "tn"
ASKED_FIRST = "fj"
"""Of the supervisors, by their handles."""


async def alerted(environment: Environment) -> tuple[Case, date]:
    """Return a case whose sharing is not released in time, on the day on which its operator is notified."""
    case = await environment.apply(form([OFFICE_C]))
    await at_rest(case, Stage.SHARING)
    alert_on = environment.calendar.business_days_before(case.due_date, 3)
    await case.until_day(environment.calendar.business_days_before(alert_on, 1))
    assert (await case.progress()).waiting_for is WaitingFor.APPLICANT
    assert await case.notices(MailKind.DUE_DATE_IN_DANGER) == []
    await case.until_day(alert_on)
    assert (await case.progress()).waiting_for is WaitingFor.OPERATOR
    return case, alert_on


async def address(environment: Environment, operator: str | None) -> str:
    [found] = await environment.rows(select(OperatorRow.mail_address).where(OperatorRow.handle == operator))
    return str(found)


async def recipients(case: Case, kind: MailKind) -> list[str]:
    return [notice.recipient for notice in await case.notices(kind)]


async def shown_assignee(case: Case) -> str | None:
    described = await case.office().describe()
    return described.typed_search_attributes.get(search_attributes.ASSIGNEE)


async def test_the_escalation_reminds_notifies_the_supervisor_and_hands_the_case_on(environment: Environment) -> None:
    case, alert_on = await alerted(environment)
    first = (await case.progress()).assignee
    assert first in {"sk", "sm"}
    [second] = {"sk", "sm"} - {first}
    own = await address(environment, first)
    assert await recipients(case, MailKind.DUE_DATE_IN_DANGER) == [own]
    assert await recipients(case, MailKind.OPERATOR_REMINDER) == []

    await case.until_day(environment.calendar.business_days_after(alert_on, 1))
    assert await recipients(case, MailKind.OPERATOR_REMINDER) == [own]
    assert await recipients(case, MailKind.OPERATOR_ESCALATION) == []

    await case.until_day(environment.calendar.business_days_after(alert_on, 2))
    assert await recipients(case, MailKind.OPERATOR_ESCALATION) == [await address(environment, ASKED_FIRST)]
    assert await shown_assignee(case) == first

    await case.until_day(environment.calendar.business_days_after(alert_on, 3))
    assert (await case.progress()).assignee == second
    assert await recipients(case, MailKind.HANDED_OVER) == [await address(environment, second)]
    assert await shown_assignee(case) == second
    assert await environment.rows(select(CaseStatusRow.assignee).where(CaseStatusRow.part != WHOLE)) == [second]
    handed_on = [row for row in await case.audit() if row.action == "担当者を決めた" and row.part == 1]
    assert [(row.by, row.reason, row.facts["operator"]) for row in handed_on] == [
        ("system", "期限までに対応されなかったため", second)
    ]
    assert (await case.progress()).waiting_for is WaitingFor.OPERATOR


@pytest.mark.long
@pytest.mark.parametrize(
    ("action", "message"),
    [
        (Action.ADD_NOTE, ActionMessage(reason="お客様に電話した")),
        (Action.HAND_OVER, HandOver(reason="相談のうえ", to=SUPERVISOR)),
    ],
    ids=["add_note", "hand_over"],
)
async def test_an_operator_who_acts_ends_the_escalation_and_gives_the_turn_back(
    environment: Environment, action: Action, message: ActionMessage
) -> None:
    case, alert_on = await alerted(environment)
    before = (await case.progress()).assignee
    await case.act(message, action=action)
    progress = await case.progress()
    assert progress.waiting_for is WaitingFor.APPLICANT
    assert progress.assignee == (SUPERVISOR if isinstance(message, HandOver) else before)
    assert await shown_assignee(case) == progress.assignee
    handed_over = [await address(environment, SUPERVISOR)] if isinstance(message, HandOver) else []
    assert await recipients(case, MailKind.HANDED_OVER) == handed_over
    await case.until_day(environment.calendar.business_days_after(alert_on, 3))
    assert await recipients(case, MailKind.OPERATOR_REMINDER) == []
    assert await recipients(case, MailKind.OPERATOR_ESCALATION) == []
    assert (await case.progress()).assignee == progress.assignee
    audited = [(row.by, row.reason) for row in await case.audit()]
    assert (str(SATO), message.reason) in audited


async def test_handing_over_to_somebody_on_leave_is_refused_and_changes_nothing(environment: Environment) -> None:
    case, _ = await alerted(environment)
    before = await case.progress()
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await case.act(HandOver(reason="相談のうえ", to="tk"))
    assert "担当者「tk」は休暇中です。" in str(getattr(refused.value.cause, "cause", refused.value.cause))
    after = await case.progress()
    assert (after.assignee, after.waiting_for) == (before.assignee, WaitingFor.OPERATOR)
