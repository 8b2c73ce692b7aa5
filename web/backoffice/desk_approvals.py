"""What waits for a supervisor: who asks for what, why, and until when; each is answered by its form."""

import asyncio
from dataclasses import dataclass
from datetime import datetime

from fastapi import Depends, Request
from fastapi.responses import Response

from models.backoffice.case_names import CaseNames
from models.backoffice.store.awaited_approvals import cases_awaiting_approval
from models.backoffice.store.case_facts import operators_in_texts
from models.common.desk_links import APPROVALS, desk_case_path
from models.common.operators import Area
from models.common.store.case_status import WHOLE
from models.tables import CaseStatusRow
from web.backoffice.desk import Desk, DeskContext, Operator, seeing
from web.backoffice.desk_cases import may_do
from web.common.auth import page_router
from web.common.auth.operator_access import SignedInOperator
from web.common.temporal_calls import UnreachableError

MOST = 100
"""How many are shown; those that have waited longest come first."""
_AT_ONCE = 10
_APPROVE, _DECLINE, _RETRACT = "approve", "decline", "retract_request"

router = page_router()


@dataclass(frozen=True)
class RequestForApproval:
    """One of them."""

    title: str
    stage: str
    path: str
    since: datetime
    asked: str = ""
    """What is asked for, by whom and why; "": the case cannot be asked now."""
    own: bool = False
    """Whether who looks at it has asked for it."""
    approve: str = ""
    """Where it is approved; "": not by who looks at it."""
    decline: str = ""
    retract: str = ""
    """Where who has asked for it takes it back; "": not by who looks at it."""


@router.get(APPROVALS, dependencies=[Depends(seeing(Area.CASES))])
async def show(request: Request, desk: Desk, who: Operator) -> Response:
    turns, names = asyncio.Semaphore(_AT_ONCE), await operators_in_texts(desk.sessions)

    async def read(row: CaseStatusRow) -> RequestForApproval | None:
        async with turns:
            return await _request(desk, who, row, names)

    rows = await cases_awaiting_approval(desk.sessions, most=MOST)
    requests = [each for each in await asyncio.gather(*map(read, rows)) if each]
    count = request.state.awaiting_approval if len(rows) == MOST else len(requests)
    return desk.show(request, "backoffice/desk_approvals.html", {"who": who, "requests": requests, "count": count})


async def _request(
    desk: DeskContext, who: SignedInOperator, row: CaseStatusRow, names: CaseNames
) -> RequestForApproval | None:
    """Return what is asked for; None if that was answered or has lapsed meanwhile."""
    part = None if row.part == WHOLE else row.part
    path = desk_case_path(row.case_no, part)
    try:
        case = await desk.cases.read(row.case_no, part)
    except UnreachableError:
        return RequestForApproval(row.case_no, row.stage, path, row.changed_at)
    possible = case.now.operation(_APPROVE) if case else None
    if case is None or possible is None:
        return None
    own = case.now.asked_by == who.handle
    answers = not own and may_do(who, case, _APPROVE)
    return RequestForApproval(
        case.now.title,
        row.stage,
        path,
        row.changed_at,
        asked=names.named(possible.choices[0].label) if possible.choices else "",
        own=own,
        approve=case.form(_APPROVE) if answers else "",
        decline=case.form(_DECLINE) if answers else "",
        retract=case.form(_RETRACT) if own and may_do(who, case, _RETRACT) else "",
    )
