"""Handing one's open cases over to a colleague, as one does before a leave."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Query, Request
from fastapi.responses import RedirectResponse, Response

from models.common.actors import Channel
from models.common.operators import Area, Role
from models.common.store.case_status import WHOLE, open_cases_of
from models.common.web_ui_links import workflow_link
from models.myics.identifiers import RegistrationNo, registration_workflow_id
from models.myics.operations import RegistrationOperation
from models.tables import CaseStatusRow, OperatorRow
from models.yayoi.identifiers import ApplicationNo, office_workflow_id
from models.yayoi.operator_actions import Action
from web.backoffice.desk import HOME, Desk, DeskContext, Operator, changing, update_id_of
from web.backoffice.web_ui_updates import actor_of
from web.common.auth import page_router
from web.common.operation_sender import Done
from web.common.sent_forms import FormRefusedError, Kept, form_on

HAND_OVER = f"{HOME}/hand-over"
REASON = "担当者の休暇のため"
NOBODY_CHOSEN = "引き継ぐ担当者を選んでください。"
NONE_CHOSEN = "引き継ぐ案件を選んでください。"
_LABELS = {"cases": "引き継ぐ案件", "to": "引き継ぐ担当者"}
_CASE_ROLES = {Role.CASEWORKER.value, Role.SUPERVISOR.value}

router = page_router()
_handing_over = Depends(changing(Area.CASES))


@dataclass(frozen=True)
class OwnCase:
    """A part of a case that one is in charge of."""

    workflow_id: str
    operation: str
    name: str
    """What people call it."""
    stage: str
    link: str


@router.get(HAND_OVER, dependencies=[_handing_over])
async def show(request: Request, desk: Desk, who: Operator, kept: Kept, done: Annotated[int, Query()] = 0) -> Response:
    facts = {
        "who": who,
        "cases": await own_cases(desk, who.operator),
        "colleagues": [(each.handle, each.name) for each in await colleagues(desk, who.operator)],
        "page": kept.page(_LABELS, to=""),
        "said": f"{done} 件を引き継ぎました。" if done else "",
    }
    return desk.show(request, "backoffice/desk_hand_over.html", facts)


@router.post(HAND_OVER, dependencies=[_handing_over])
@form_on(HAND_OVER)
async def hand_over(request: Request, desk: Desk, who: Operator) -> Response:
    """Hand each chosen case over; what is refused stays, and the page says why."""
    sent = await request.form()
    form_id, to = str(sent.get("form_id", "")), str(sent.get("to", ""))
    chosen = {str(each) for each in sent.getlist("cases")}
    cases = [each for each in await own_cases(desk, who.operator) if each.workflow_id in chosen]
    if to not in {each.handle for each in await colleagues(desk, who.operator)}:
        raise FormRefusedError({"to": NOBODY_CHOSEN})
    if not cases:
        raise FormRefusedError({"": NONE_CHOSEN})
    refused = []
    for each in cases:
        outcome = await desk.sender.send(
            each.workflow_id,
            each.operation,
            {"reason": REASON, "to": to},
            actor_of(who, Channel.DESK),
            update_id_of(form_id, each.workflow_id),
        )
        if not isinstance(outcome, Done):
            refused.append(f"{each.name}：{outcome.reason}")
    if refused:
        raise FormRefusedError({"": " ".join(refused)})
    return RedirectResponse(f"{HAND_OVER}?done={len(cases)}", 303)


async def own_cases(desk: DeskContext, operator: OperatorRow) -> list[OwnCase]:
    """Return what an operator is in charge of and can hand over."""
    rows = await open_cases_of(desk.sessions, operator.handle)
    return [case for row in rows if (case := _case(desk, row)) is not None]


def _case(desk: DeskContext, row: CaseStatusRow) -> OwnCase | None:
    try:
        if row.part == WHOLE:
            workflow_id = registration_workflow_id(RegistrationNo(row.case_no))
            operation, name = str(RegistrationOperation.HAND_OVER), row.case_no
        else:
            workflow_id = office_workflow_id(ApplicationNo(row.case_no), row.part)
            operation, name = str(Action.HAND_OVER), f"{row.case_no} の {row.part} 件目"
    except ValueError:  # what nobody hands over, such as a notification of another system
        return None
    link = workflow_link(desk.url, desk.namespace, workflow_id)
    return OwnCase(workflow_id, operation, name, row.stage, link)


async def colleagues(desk: DeskContext, operator: OperatorRow) -> Sequence[OperatorRow]:
    """Return who can take cases today."""
    listed = [each.row for each in await desk.operators.listed()]
    return [
        each
        for each in listed
        if each.handle != operator.handle
        and each.takes_cases
        and not each.is_on_leave(desk.today)
        and not _CASE_ROLES.isdisjoint(each.roles)
    ]
