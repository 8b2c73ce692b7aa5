"""One operation on many cases: chosen in a list, said once, judged case by case, confirmed, then sent by itself."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Request
from fastapi.responses import RedirectResponse, Response

from models.backoffice.bulk_actions import MOST_CASES, BulkContent, BulkKind, refuse_actor
from models.backoffice.case_places import CasePlace
from models.backoffice.store.bulk_rows import BulkActions, SignedLine
from models.backoffice.worklist import WorklistFilter
from models.common.actors import Channel
from models.common.bulk_updates import bulk_update_id
from models.common.operators import Area, Role
from models.common.signatures import SignedPlace
from models.common.store.case_status import open_cases_of
from models.tables import BulkActionRow
from web.backoffice.colleagues import colleagues
from web.backoffice.desk import HOME, Desk, DeskContext, Operator, changing, said_beside, seeing
from web.backoffice.desk_bulk_jobs import BulkJobs
from web.backoffice.desk_presence import asks_again
from web.backoffice.desk_worklist import Cases, case_path
from web.backoffice.web_ui_updates import actor_of
from web.common.auth import page_router
from web.common.auth.operator_access import AccessRefusedError, SignedInOperator
from web.common.context import given
from web.common.page_form import sent_values
from web.common.sent_forms import FormRefusedError, Kept, form_on

BULK = f"{HOME}/bulk"
NONE_CHOSEN = "案件を選んでから押してください。"
NOTHING_TO_CONFIRM = "実行できる案件がありません。"
STILL_JUDGED = "まだ確認しています。終わってから、実行してください。"
NO_KIND = "操作を選んでください。"
BEFORE_LEAVE = "担当者の休暇のため"
NOT_YOURS = "この一括操作はありません。"
_LABELS = {"kind": "操作", "to": "新しい担当者", "until": "新しい期限", "reason": "理由"}
_ASKS_EVERY = 3
"""Seconds."""

router = page_router()
_changes = Depends(changing(Area.CASES))
Actions = Annotated[BulkActions, Depends(given(BulkActions))]
Jobs = Annotated[BulkJobs, Depends(given(BulkJobs))]


async def _found(bulk_id: UUID, who: Operator, actions: Actions) -> BulkActionRow:
    """Return the action; those of others are seen by supervisors and auditors."""
    row = await actions.find(bulk_id)
    if row is None or not (row.operator_id == who.operator.operator_id or who.may_see(Area.OVERVIEW)):
        raise AccessRefusedError(HTTPStatus.NOT_FOUND, "見つかりません", NOT_YOURS)
    return row


async def _own(row: Annotated[BulkActionRow, Depends(_found)], who: Operator) -> BulkActionRow:
    if row.operator_id != who.operator.operator_id:
        raise AccessRefusedError(HTTPStatus.NOT_FOUND, "見つかりません", NOT_YOURS)
    return row


Found = Annotated[BulkActionRow, Depends(_found)]
Own = Annotated[BulkActionRow, Depends(_own)]


@router.get(BULK, dependencies=[Depends(seeing(Area.CASES))])
async def listed(request: Request, desk: Desk, who: Operator, actions: Actions) -> Response:
    facts = {
        "who": who,
        "actions": await actions.listed(who.operator, of_everybody=who.may_see(Area.OVERVIEW)),
        "kinds": {kind.value: kind.label for kind in BulkKind},
        "most": MOST_CASES,
        "may_change": who.may_change(Area.CASES),
    }
    return desk.show(request, "backoffice/desk_bulk_list.html", facts)


@router.post(BULK, dependencies=[_changes])
@form_on(HOME, *WorklistFilter.model_fields)
async def choose(request: Request, desk: Desk, who: Operator, actions: Actions, worklist: Cases) -> Response:
    """Take the cases that are ticked, the most urgent of the whole list, or all of one's own, as before a leave."""
    sent = await request.form()
    keys: Sequence[CasePlace]
    if sent.get("own"):
        keys = [CasePlace(row.case_no, row.part) for row in await open_cases_of(desk.sessions, who.handle)]
    elif sent.get("all"):
        filter_ = WorklistFilter.read({name: sent.get(name, "") for name in WorklistFilter.model_fields})
        keys = await worklist.keys(filter_, who.handle, desk.now(), MOST_CASES)
    else:
        keys = [key for text in sent.getlist("cases") if (key := _key(str(text)))]
    bulk_id = await actions.begin(who.operator, who.roles, keys)
    if bulk_id is None:
        raise FormRefusedError({"": NONE_CHOSEN})
    return _to(bulk_id, "?before=leave" if sent.get("own") else "")


@router.get(f"{BULK}/{{bulk_id}}", dependencies=[Depends(seeing(Area.CASES))])
async def show(
    request: Request,
    desk: Desk,
    who: Operator,
    *,
    row: Found,
    actions: Actions,
    jobs: Jobs,
    kept: Kept,
    before: Annotated[str, Query()] = "",
) -> Response:
    """Show it. `before` a leave, the form begins with handing over."""
    counts = await actions.counts(row.bulk_id)
    if counts.to_judge:
        jobs.judging.wake()
    begun = {"kind": row.kind or "", **{name: str(row.content.get(name) or "") for name in ("to", "until", "reason")}}
    if before == "leave" and row.kind is None:
        begun |= {"kind": BulkKind.HAND_OVER.value, "reason": BEFORE_LEAVE}
    named = {each.row.handle: each.row.name for each in await desk.operators.listed()}
    to = str(row.content.get("to") or "")
    facts = {
        "who": who,
        "action": row,
        "new_in_charge": named.get(to, to),
        "counts": counts,
        "lines": await actions.lines(row.bulk_id),
        "kinds": [(kind.value, kind.label) for kind in BulkKind],
        "label": BulkKind.named(row.kind).label if row.kind else "",
        "colleagues": await colleagues(desk, who),
        "own": row.operator_id == who.operator.operator_id and who.may_change(Area.CASES),
        "supervisor": Role.SUPERVISOR in who.roles,
        "case_path": case_path,
        "page": kept.page(_LABELS, **begun),
    }
    return desk.show(request, "backoffice/desk_bulk.html", facts)


@router.get(f"{BULK}/{{bulk_id}}/progress", dependencies=[Depends(seeing(Area.CASES))])
async def progress(request: Request, desk: Desk, row: Found, actions: Actions) -> Response:
    """Show how far it is, in a frame of its page; again and again until it is done."""
    counts = await actions.counts(row.bulk_id)
    page = desk.show(request, "backoffice/desk_bulk_progress.html", {"action": row, "counts": counts})
    going_on = counts.to_send if row.confirmed_at else counts.to_judge
    answer = asks_again(page, _ASKS_EVERY)
    if not going_on:
        del answer.headers["Refresh"]
    return answer


@router.post(f"{BULK}/{{bulk_id}}", dependencies=[_changes])
@form_on(".")
async def ask(request: Request, desk: Desk, who: Operator, *, row: Own, actions: Actions, jobs: Jobs) -> Response:
    """Say what is done with all of them; each is judged then."""
    typed = sent_values(await request.form(), *_LABELS)
    kind, content = await _read(desk, who, typed)
    await actions.ask(row.bulk_id, kind, content, who.roles)
    jobs.judging.wake()
    return _to(row.bulk_id)


@router.post(f"{BULK}/{{bulk_id}}/confirm", dependencies=[_changes])
@form_on("..")
async def confirm(desk: Desk, who: Operator, row: Own, actions: Actions, jobs: Jobs) -> Response:
    """Sign every message as who is logged in now, and store them in one transaction; then they are sent."""
    counts = await actions.counts(row.bulk_id)
    if row.confirmed_at is None:
        if not row.kind or counts.to_judge:
            raise FormRefusedError({"": STILL_JUDGED})
        if not counts.ready:
            raise FormRefusedError({"": NOTHING_TO_CONFIRM})
        await _confirm(desk, who, row, actions)
    jobs.sending.wake()
    return _to(row.bulk_id)


@router.post(f"{BULK}/{{bulk_id}}/remove", dependencies=[_changes])
@form_on(None)
async def remove(row: Own, actions: Actions) -> Response:
    """Forget one that is not confirmed."""
    await actions.remove(row.bulk_id)
    return RedirectResponse(BULK, HTTPStatus.SEE_OTHER)


async def _confirm(desk: DeskContext, who: SignedInOperator, row: BulkActionRow, actions: BulkActions) -> None:
    actor = actor_of(who, Channel.DESK)
    signed, refused = [], {}
    for line, status in await actions.ready(row.bulk_id):
        key = CasePlace(line.case_no, line.part)
        # Since it was judged, the case may have gone to a colleague, and a role to nobody.
        because = refuse_actor(actor, status.procedure, str(line.operation), status.assignee)
        if because:
            refused[key] = because
            continue
        update_id = bulk_update_id(row.bulk_id, key)
        place = SignedPlace(line.workflow_id, str(line.first_run), str(line.operation), update_id)
        each = await desk.sender.sign(actor, place, line.message or {})
        signed.append(SignedLine(key, each.message, update_id, each.entry.decode()))
    await actions.confirm(row.bulk_id, signed, refused)


async def _read(desk: DeskContext, who: SignedInOperator, typed: Mapping[str, str]) -> tuple[BulkKind, BulkContent]:
    try:
        kind = BulkKind.named(typed["kind"])
    except ValueError:
        raise FormRefusedError({"kind": NO_KIND}) from None
    with said_beside():
        content = BulkContent.read(kind, typed)
    if kind is BulkKind.HAND_OVER and content.to not in {handle for handle, _ in await colleagues(desk, who)}:
        raise FormRefusedError({"to": "一覧にある担当者を選んでください。"})
    return kind, content


def _key(text: str) -> CasePlace | None:
    try:
        return CasePlace.read(text)
    except ValueError:
        return None


def _to(bulk_id: UUID, query: str = "") -> Response:
    return RedirectResponse(f"{BULK}/{bulk_id}{query}", HTTPStatus.SEE_OTHER)
