"""A case on the desk: what an operator needs for the next step, and what can be done."""

from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Depends, Query, Request
from fastapi.responses import Response

from models.backoffice.bulk_actions import BulkKind, operation_for
from models.backoffice.case_places import CasePlace
from models.backoffice.correcting_operations import CORRECTED_BY
from models.backoffice.operation_permissions import OPERATION_PERMISSIONS
from models.backoffice.store.case_facts import CaseFacts, case_facts
from models.common.actors import Channel
from models.common.allowed_actors import BY_SUPERVISORS, BY_WHO_ASKED, AllowedActors
from models.common.approvals import NOT_OWN, OWN
from models.common.desk_links import CASES
from models.common.operators import Area
from models.common.possible_operations import PossibleOperation
from models.common.web_ui_links import workflow_link
from models.yayoi.operator_actions import Action
from web.backoffice.case_reader import ReadCase
from web.backoffice.desk import Desk, DeskContext, Operator, seeing
from web.backoffice.web_ui_updates import actor_of
from web.common.auth import page_router
from web.common.auth.operator_access import SignedInOperator
from web.common.problems import ProblemError
from web.common.sent_forms import FormRefusedError
from web.common.temporal_calls import UnreachableError

WHOLE, PART = f"{CASES}/{{case_no}}", f"{CASES}/{{case_no}}/{{part:int}}"
NO_SUCH_CASE = "この番号の案件はありません。番号を確認してください。確認コードの手続きは、期限が過ぎると削除されます。"
AWAY = (
    "いま、案件の状況を確認できません（Temporal またはワーカーから応答がありません）。"
    "しばらくしてから、この画面を読み込み直してください。入力した内容は、しばらくの間残ります。"
)

GOES_ON = "goes_on"
"""In the page's address where an operation was taken and is still being carried out."""

router = page_router()


@dataclass(frozen=True)
class OfferedOperation:
    """An operation on the case's page."""

    label: str
    path: str
    first: bool
    """Whether it matters now."""


async def read_case(request: Request, desk: Desk) -> ReadCase:
    """Return the case that the address names, as its workflow knows it.

    Raises:
        ProblemError: there is none, or it cannot be asked now.
        FormRefusedError: it cannot be asked now about what was typed into a form, which is kept.

    """
    part = request.path_params.get("part")
    try:
        case = await desk.cases.read(request.path_params["case_no"], part)
    except UnreachableError:
        if request.method == "POST":
            raise FormRefusedError({"": AWAY}, HTTPStatus.SERVICE_UNAVAILABLE) from None
        raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, AWAY) from None
    if case is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, NO_SUCH_CASE)
    return case


Case = Annotated[ReadCase, Depends(read_case)]


def shown_case(desk: DeskContext, case: ReadCase, facts: CaseFacts) -> dict[str, Any]:
    """Return what every page of a case shows."""
    page = workflow_link("", desk.namespace, case.workflow_id)
    case = replace(case, now=facts.names.of(case.now))
    return {
        "case": case,
        "facts": facts,
        "web_ui": f"{page}/{quote(case.now.run_id, safe='')}/user-metadata",
        "for_engineers": [
            (name, template.replace("{case}", quote(case.case_no, safe="")))
            for name, template in (("処理の記録（トレース）", desk.traces_url), ("ログ", desk.logs_url))
            if template
        ],
    }


def may_do(who: SignedInOperator, case: ReadCase, operation: str) -> bool:
    """Whether the operator's roles allow an operation of this case."""
    allowed = _allowed(case, operation)
    return allowed is not None and allowed.permit(actor_of(who, Channel.DESK))


def not_theirs(who: SignedInOperator, case: ReadCase, operation: str) -> str | None:
    """Return why it is for others: nobody approves their own request, and only who has asked takes it back."""
    own, allowed = case.now.asked_by == who.handle, _allowed(case, operation)
    if allowed is BY_SUPERVISORS and own:
        return OWN
    return NOT_OWN if allowed is BY_WHO_ASKED and not own else None


def _allowed(case: ReadCase, operation: str) -> AllowedActors | None:
    """Return who may send an operation of this case; None if it has none of this name."""
    allowed = {str(each): actors for each, actors in OPERATION_PERMISSIONS.get(case.now.workflow_type, {}).items()}
    return allowed.get(operation)


@router.get(WHOLE, dependencies=[Depends(seeing(Area.CASES))])
@router.get(PART, dependencies=[Depends(seeing(Area.CASES))])
async def show(request: Request, desk: Desk, who: Operator, case: Case, done: Annotated[str, Query()] = "") -> Response:
    """Show the case; after an operation also what has become of it, and what is next."""
    order = {operation: number for number, operation in enumerate(case.now.first)}
    possible = sorted(case.now.possible, key=lambda each: order.get(each.operation, len(order)))
    theirs = [each for each in possible if not_theirs(who, case, each.operation) is None]
    offered = [_offered(case, each) for each in theirs if may_do(who, case, each.operation)]
    known = await case_facts(desk.sessions, case.case_no, case.part)
    hand_over = operation_for(BulkKind.HAND_OVER, case.now.workflow_type)
    own = known.status is not None and known.status.assignee == who.handle
    corrects = CORRECTED_BY.get(done, ())
    facts = {
        **shown_case(desk, case, known),
        "who": who,
        "may_change": who.may_change(Area.CASES),
        "place": CasePlace(case.case_no, case.part or 0),
        "claimable": not own and bool(hand_over and case.now.operation(hand_over)),
        "operations": offered,
        "done": _label(case, done),
        "corrects": [_offered(case, each) for each in case.now.possible if each.operation in corrects],
        "goes_on": GOES_ON in request.query_params,
        "still_wrong": done == Action.CORRECT_PAIR and bool(case.now.problems),
    }
    return desk.show(request, "backoffice/desk_case.html", facts)


def _offered(case: ReadCase, possible: PossibleOperation) -> OfferedOperation:
    return OfferedOperation(possible.label, case.form(possible.operation), possible.operation in case.now.first)


def _label(case: ReadCase, operation: str) -> str:
    """Return what an operation is called, whether or not it is still possible; "" for what is none."""
    if possible := case.now.operation(operation):
        return possible.label
    labels = {str(each): each.label for each in OPERATION_PERMISSIONS.get(case.now.workflow_type, {})}
    return labels.get(operation, "")
