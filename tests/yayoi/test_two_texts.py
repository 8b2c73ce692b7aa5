"""Why a case ends has two texts: the audit trail keeps the reason, the customer reads the other one (Y27)."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import select

from models.common.operations import Operation
from models.common.operator_actions import EndCase
from models.tables import ApplicationOfficeRow, CaseStatusRow, WebhookMessageRow, WebhookSubscriberRow
from models.yayoi.case_links import case_path
from models.yayoi.early_exits import explanation
from models.yayoi.messages import Outcome
from models.yayoi.operator_actions import Action, Cancel
from models.yayoi.procedures import Stage
from tests.support.environment import OFFICE_C, Case, Environment, at_rest, form
from tests.support.signing import customers_signer
from tests.support.web import browser_on, text_of
from workers.stack import inbox
from workers.wiring.derived import secret_keys
from workers.wiring.web import build_web
from workflows.yayoi.multi_office_application import MultiOfficeApplication

WHY = "与信の照会で否決（社外秘）"
EXPLAINED = "ご契約の内容を、弊社からお電話でご説明しました。"
ENDS = {"reject", "withdraw", "cancel", "ask_cancel", "end_check"}
"""The operations, of all procedures, that end a case before its end."""


def operations() -> list[Operation]:
    return [operation for kind in Operation.__subclasses__() for operation in kind]


def test_y27_every_operation_that_ends_a_case_has_a_field_for_the_customers_text() -> None:
    ending = {operation for operation in operations() if issubclass(operation.message, EndCase)}
    assert {operation.value for operation in ending} == ENDS
    fields = {operation.value for operation in operations() if "text_for_customer" in operation.message.model_fields}
    assert fields == ENDS


def test_y27_without_a_text_the_customer_reads_a_sentence() -> None:
    for outcome in (Outcome.REJECTED, Outcome.WITHDRAWN, Outcome.CANCELLED):
        assert explanation(outcome, "").endswith("。")
        assert explanation(outcome, EXPLAINED) == EXPLAINED


async def reject(case: Case, text: str) -> None:
    await case.act(EndCase(reason=WHY, text_for_customer=text), action=Action.REJECT)


async def withdraw(case: Case, text: str) -> None:
    await case.act(EndCase(reason=WHY, text_for_customer=text), action=Action.WITHDRAW)


async def cancel(case: Case, text: str) -> None:
    await case.act(Cancel(reason=WHY, text_for_customer=text))


async def cancel_all(case: Case, text: str) -> None:
    message = Cancel(reason=WHY, text_for_customer=text)
    await case.application.execute_update(MultiOfficeApplication.cancel, message)


Exit = Callable[[Case, str], Awaitable[None]]
EXITS = [
    (reject, EXPLAINED, Outcome.REJECTED),
    pytest.param(cancel_all, EXPLAINED, Outcome.CANCELLED, marks=pytest.mark.long),
    pytest.param(withdraw, "", Outcome.WITHDRAWN, marks=pytest.mark.long),
    pytest.param(cancel, "", Outcome.CANCELLED, marks=pytest.mark.long),
]


@pytest.mark.parametrize(("leave", "text", "outcome"), EXITS)
async def test_y27_mails_pages_and_webhooks_hold_only_the_text_for_the_customer(
    environment: Environment, leave: Exit, text: str, outcome: Outcome
) -> None:
    async with environment.sessions.begin() as session:
        session.add(WebhookSubscriberRow(url="https://books.example/hook", secrets=[], kinds=[]))
    case = await environment.apply(form([OFFICE_C]))
    await at_rest(case, Stage.SHARING)
    await leave(case, text)
    await case.application.result()

    read = explanation(outcome, text)
    mails = "".join(inbox.text_of(mail) for mail in environment.inbox.mails)
    page = await case_page(case)
    rows = [
        *await environment.rows(select(ApplicationOfficeRow.open_points)),
        *await environment.rows(select(CaseStatusRow.points)),
        *await environment.rows(select(WebhookMessageRow.payload)),
    ]
    for shown in (mails, page, str(rows)):
        assert WHY not in shown
        assert "Request Cancellation" not in shown
    assert read in mails
    assert read in page
    audited: list[Any] = [row.reason for row in await case.audit()]
    assert WHY in audited


async def case_page(case: Case) -> str:
    """Return what the applicant reads on the page of the case."""
    environment = case.environment
    assert environment.settings.secret_key is not None
    link = case_path(secret_keys(environment.settings), case.application_no, case.due_date)
    async with browser_on(
        build_web(environment.settings, environment.sessions, environment.client, customers_signer)
    ) as http:
        return text_of(await http.get(link))
