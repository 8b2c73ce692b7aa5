"""The worklist for programs and spreadsheets: JSON and CSV, behind the same log-in. Who takes a file is audited."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Query, Request
from fastapi.responses import JSONResponse, Response

from models.backoffice.operation_permissions import PROCEDURES
from models.backoffice.worklist import COLUMNS, MOST_EXPORTED, ListedCase, WorkList, cells
from models.common.operators import Area
from models.common.table_files import write_table
from web.backoffice.desk import HOME, Desk, DeskContext, Operator, seeing
from web.backoffice.desk_search import Search
from web.backoffice.desk_web_ui_link import web_ui_path
from web.backoffice.desk_worklist import Cases, asked_for, case_path

CSV, API = f"{HOME}/worklist.csv", f"{HOME}/api"
EXPORTED = "worklist_exported"
"""What the operators' audit calls it."""

router = APIRouter(include_in_schema=False)
_sees = Depends(seeing(Area.CASES))


@router.get(f"{API}/worklist", dependencies=[_sees])
async def as_json(
    request: Request,
    desk: Desk,
    who: Operator,
    worklist: Cases,
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
) -> Response:
    """Return a page of a list, and how many cases each list has."""
    filter_ = asked_for(request, who)
    counts = await worklist.counts(who.handle)
    found = await worklist.page(filter_, who.operator, desk.now(), page)
    return JSONResponse(
        {
            "filter": filter_.query,
            "lists": {each.value: counts[each] for each in WorkList},
            "total": found.total,
            "page": found.page,
            "pages": found.pages,
            "cases": [_facts(desk, each) for each in found.cases],
        }
    )


@router.post(f"{API}/search", dependencies=[_sees])
async def search_json(desk: Desk, search: Search, text: Annotated[str, Body(embed=True)]) -> Response:
    """Return what is found; what is looked for is in the body, which no log holds."""
    found = await search.find(text)
    return JSONResponse({"more": found.more, "cases": [_facts(desk, each) for each in found.cases]})


@router.get(CSV, dependencies=[_sees])
async def as_csv(request: Request, desk: Desk, who: Operator, worklist: Cases) -> Response:
    """Return a list as a file, whole."""
    filter_ = asked_for(request, who)
    found = await worklist.page(filter_, who.operator, desk.now(), size=MOST_EXPORTED)
    facts = {"filter": filter_.query, "cases": len(found.cases)}
    await desk.operators.record(who.handle, EXPORTED, by=who.handle, at=desk.now(), **facts)
    disposition = f'attachment; filename="worklist-{filter_.show.value}-{desk.today}.csv"'
    content = write_table(COLUMNS, (cells(each) for each in found.cases))
    return Response(content, media_type="text/csv; charset=utf-8", headers={"Content-Disposition": disposition})


def _facts(desk: DeskContext, case: ListedCase) -> Mapping[str, Any]:
    days = {"since": case.since, "due_on": case.due_on, "until": case.until}
    return {
        "case_no": case.key.case_no,
        "part": case.key.part,
        "procedure": case.procedure,
        "kind": PROCEDURES.get(case.procedure, case.procedure),
        "customer": case.customer,
        "subject": case.subject,
        "stage": case.stage,
        "waiting_for": case.waiting_for,
        **{name: day.isoformat() if day else None for name, day in days.items()},
        "assignee": case.assignee,
        "assignee_name": case.in_charge,
        "outcome": case.outcome,
        **{name: getattr(case, name) for name in ("overdue", "held", "failing", "undelivered", "awaits_approval")},
        "open_with": list(case.open_with),
        "page": desk.url + case_path(case.key),
        "web_ui": desk.url + web_ui_path(case.key),
    }
