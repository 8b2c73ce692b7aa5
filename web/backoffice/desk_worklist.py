"""The worklist: what there is to do, most urgent first; a case is taken by a press, and the next one opened by one."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Depends, Path, Query, Request
from fastapi.responses import RedirectResponse, Response
from starlette.datastructures import FormData

from models.backoffice.bulk_actions import BulkKind, operation_for
from models.backoffice.case_places import CasePlace
from models.backoffice.operation_permissions import PROCEDURES
from models.backoffice.store.saved_filters import SavedFilters
from models.backoffice.store.worklist_rows import Worklist
from models.backoffice.worklist import STAGES, WITHIN_DAYS, FilterName, ListedCase, WorkList, WorklistFilter
from models.common.actors import Channel
from models.common.desk_links import desk_case_path
from models.common.operators import Area, Role
from models.common.waiting_for import WaitingFor
from models.yayoi.store.refused_forms import RefusedForms
from web.backoffice import desk_start
from web.backoffice.broken_cases import Broken
from web.backoffice.desk import HOME, Desk, DeskContext, Operator, changing, said_beside, seeing, update_id_of
from web.backoffice.desk_cases import GOES_ON
from web.backoffice.web_ui_updates import actor_of
from web.common.auth import page_router
from web.common.auth.operator_access import SignedInOperator
from web.common.context import given
from web.common.operation_sender import GOES_ON as ACCEPTED
from web.common.operation_sender import Done, NotKnown
from web.common.sent_forms import FormRefusedError, Kept, form_on

CLAIMED = "自分で担当するため"
"""Why a case is taken by a press; it stays in the case's audit trail."""
NOT_CLAIMED = "この手続きには、担当者を決める操作がありません。"
TAKEN_FIRST = "{case}の担当者は、先に替わりました（いまは{who}）。自分の担当にするときは、もう一度押してください。"
NOT_CHOSEN = "案件を選んでください。"
NOTHING_TO_DO = "いま対応が必要な案件で、自分の担当か担当者のいないものはありません。"
_WITHIN = {0: "今日まで"} | {days: f"{days} 日以内" for days in (3, 7, 14)}
_LABELS = {"name": "フィルターの名前"}
_CARRIED = tuple(WorklistFilter.model_fields)

router = page_router()
_changes = Depends(changing(Area.CASES))
Cases = Annotated[Worklist, Depends(given(Worklist))]
Filters = Annotated[SavedFilters, Depends(given(SavedFilters))]


def address(filter_: WorklistFilter, page: int = 1, place: str = HOME) -> str:
    """Return where a list is shown."""
    query = filter_.query | ({"page": str(page)} if page > 1 else {})
    return f"{place}?{urlencode(query)}"


def case_path(key: CasePlace) -> str:
    """Return the page of a case at the desk."""
    return desk_case_path(key.case_no, key.part or None)


def asked_for(request: Request, who: SignedInOperator) -> WorklistFilter:
    """Return what the address asks for. Whoever has no cases of their own begins with all."""
    first = WorkList.MINE if who.may_change(Area.CASES) else WorkList.ALL
    return WorklistFilter.read({"show": first} | dict(request.query_params))


@router.get(HOME)
async def show(
    request: Request,
    desk: Desk,
    who: Operator,
    *,
    worklist: Cases,
    filters: Filters,
    broken: Broken,
    kept: Kept,
    refused_forms: Annotated[RefusedForms, Depends(given(RefusedForms))],
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
    claimed: Annotated[str, Query(max_length=100)] = "",
    done: Annotated[str, Query()] = "",
) -> Response:
    if not who.may_see(Area.CASES):
        return await desk_start.start(request, desk, who, kept, broken=broken)
    filter_ = asked_for(request, who)
    counts = await worklist.counts(who.handle)
    facts = {
        "who": who,
        "broken": await broken.shown(desk, who),
        "refused_forms": await refused_forms.waiting(),
        "filter": filter_,
        "lists": [(each, counts[each], address(filter_.of(each))) for each in WorkList],
        "found": await worklist.page(filter_, who.operator, desk.now(), page),
        "address": address,
        "case_path": case_path,
        "saved": [(row, address(WorklistFilter.read(row.conditions))) for row in await filters.of(who.operator)],
        "choices": await _choices(desk),
        "may_change": who.may_change(Area.CASES),
        "today": desk.today,
        "page": kept.page(_LABELS, name=""),
        "said": await _said(worklist, claimed, done, goes_on=GOES_ON in request.query_params),
    }
    return desk.show(request, "backoffice/desk_worklist.html", facts)


@router.post(f"{HOME}/claim", dependencies=[_changes])
@form_on(HOME, *_CARRIED)
async def claim(request: Request, desk: Desk, who: Operator, worklist: Cases) -> Response:
    """Take a case oneself, and stay where it was pressed: on the list, or on the case's own page."""
    sent = await request.form()
    case, was = await _chosen(worklist, sent)
    if case.assignee not in {was, who.handle}:
        raise FormRefusedError({"": TAKEN_FIRST.format(case=case.name, who=case.in_charge or "だれも")})
    goes_on = {GOES_ON: "1"} if await _take(desk, who, case, str(sent.get("form_id", ""))) else {}
    if sent.get("stay"):
        done = {"done": str(operation_for(BulkKind.HAND_OVER, case.procedure))}
        return _to(f"{case_path(case.key)}?{urlencode(done | goes_on)}")
    filter_ = WorklistFilter.read({name: sent.get(name, "") for name in _CARRIED})
    return _to(f"{address(filter_)}&{urlencode({'claimed': str(case.key)} | goes_on)}")


@router.post(f"{HOME}/next", dependencies=[_changes])
@form_on(HOME)
async def open_next(request: Request, desk: Desk, who: Operator, worklist: Cases) -> Response:
    """Open the most urgent case that is one's own or nobody's, which it is no longer then."""
    sent = await request.form()
    after = _key(str(sent.get("after", "")))
    case = await worklist.open_next(who.operator, desk.now(), but_not=after)
    if case is None:
        return _to(f"{HOME}?done=nothing")
    if case.assignee is None and operation_for(BulkKind.HAND_OVER, case.procedure):
        await _take(desk, who, case, str(sent.get("form_id", "")))
    return _to(case_path(case.key))


@router.post(f"{HOME}/filters", dependencies=[Depends(seeing(Area.CASES))])
@form_on(HOME, *_CARRIED)
async def save_filter(request: Request, who: Operator, filters: Filters) -> Response:
    """Keep what narrows the list under a name of one's own."""
    sent = await request.form()
    filter_ = WorklistFilter.read({name: sent.get(name, "") for name in _CARRIED})
    with said_beside():
        name = FilterName.read(str(sent.get("name", "")))
        await filters.save(who.operator, name, filter_)
    return _to(f"{address(filter_)}&done=saved")


@router.post(f"{HOME}/filters/{{filter_id}}/remove", dependencies=[Depends(seeing(Area.CASES))])
@form_on(None)
async def remove_filter(who: Operator, filters: Filters, filter_id: Annotated[int, Path(ge=1, lt=2**63)]) -> Response:
    await filters.remove(who.operator, filter_id)
    return _to(f"{HOME}?done=removed")


async def _take(desk: DeskContext, who: SignedInOperator, case: ListedCase, form_id: str) -> bool:
    """Hand a case over to oneself; return whether that still goes on. Raises `FormRefusedError` if it is refused."""
    operation = operation_for(BulkKind.HAND_OVER, case.procedure)
    if operation is None:
        raise FormRefusedError({"": f"{case.name}：{NOT_CLAIMED}"})
    content = {"reason": CLAIMED, "to": who.handle}
    update_id = update_id_of(form_id, case.workflow_id)
    outcome = await desk.sender.send(case.workflow_id, operation, content, actor_of(who, Channel.DESK), update_id)
    goes_on = isinstance(outcome, NotKnown) and outcome.accepted
    if isinstance(outcome, Done) or goes_on:
        return goes_on
    raise FormRefusedError({"": f"{case.name}：{outcome.reason}"})


async def _chosen(worklist: Worklist, sent: FormData) -> tuple[ListedCase, str | None]:
    """Return the case, and who was in charge of it when the button was shown (`YS-000123/1@sk`)."""
    text, _, was = str(sent.get("case", "")).partition("@")
    key = _key(text)
    case = await worklist.case(key) if key else None
    if case is None:
        raise FormRefusedError({"": NOT_CHOSEN})
    return case, was or None


def _key(text: str) -> CasePlace | None:
    try:
        return CasePlace.read(text)
    except ValueError:
        return None


_SAID = {
    "nothing": NOTHING_TO_DO,
    "saved": "フィルターを保存しました。",
    "removed": "フィルターを削除しました。",
}


async def _said(worklist: Worklist, claimed: str, done: str, *, goes_on: bool) -> str:
    if (key := _key(claimed)) and (case := await worklist.case(key)):
        return f"{case.name}：{ACCEPTED}" if goes_on else f"{case.name}の担当になりました。"
    return _SAID.get(done, "")


async def _choices(desk: DeskContext) -> dict[str, Sequence[tuple[str, str]]]:
    """Return what each condition can be, with its words."""
    roles = {Role.CASEWORKER.value, Role.SUPERVISOR.value}
    operators = [each.row for each in await desk.operators.listed() if not roles.isdisjoint(each.row.roles)]
    return {
        "procedure": list(PROCEDURES.items()),
        "stage": [(stage, stage) for stage in STAGES],
        "waiting": [(each.value, each.value) for each in WaitingFor],
        "who": [(each.handle, each.name) for each in operators],
        "within": [(str(days), _WITHIN[days]) for days in WITHIN_DAYS],
    }


def _to(place: str) -> Response:
    return RedirectResponse(place, HTTPStatus.SEE_OTHER)
