"""An operator's own page: who they are, their leave and their log-ins."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import Query, Request
from fastapi.responses import RedirectResponse, Response

from models.common.operators import read_leave
from models.common.refusals import RefusedError
from web.backoffice.desk import Desk, DeskContext, Operator
from web.backoffice.desk_sign_in import SIGNED_OUT
from web.common.auth import page_router
from web.common.auth.access import HOME
from web.common.auth.operator_access import AccessRefusedError, SignedInOperator
from web.common.page_form import PageForm, sent_values

LEAVE_LABELS = {"leave_from": "休暇の最初の日", "leave_until": "休暇の最後の日"}
_DONE = {"leave": "休暇を保存しました。", "ended": "ログインを終了しました。"}

router = page_router()


@router.get(HOME)
async def start(request: Request, desk: Desk, who: Operator, done: Annotated[str, Query()] = "") -> Response:
    return await _show(request, desk, who, leave_form(who.operator.leave_from, who.operator.leave_until), done)


@router.post("/leave")
async def take_leave(request: Request, desk: Desk, who: Operator) -> Response:
    page = PageForm(LEAVE_LABELS, sent_values(await request.form(), *LEAVE_LABELS))
    try:
        await desk.operators.take_leave(who.handle, read_leave(page.values), by=who.handle, at=desk.now())
    except RefusedError as refused:
        # Not `refused_form`: a field that is empty here need not be filled in.
        errors = {each.field: each.message for each in refused.errors}
        return await _show(request, desk, who, page.refused(errors))
    return RedirectResponse(f"{HOME}?done=leave", HTTPStatus.SEE_OTHER)


@router.post("/log-ins/{session_id}/end")
async def end_log_in(desk: Desk, who: Operator, session_id: UUID) -> Response:
    """End one of one's own log-ins, in whichever browser it is."""
    await desk.access.end_one(who, session_id)
    return RedirectResponse(f"{HOME}?done=ended", HTTPStatus.SEE_OTHER)


@router.post("/sign-out")
async def sign_out(request: Request, desk: Desk, who: Operator) -> Response:
    answer = RedirectResponse(SIGNED_OUT, HTTPStatus.SEE_OTHER)
    await desk.access.end(request, answer, who)
    return answer


@router.post("/sign-out-everywhere")
async def sign_out_everywhere(request: Request, desk: Desk, who: Operator) -> Response:
    """End every log-in here, then lead the browser to the provider, which ends its own."""
    there = None
    if desk.provider is not None:
        try:
            there = await desk.provider.end_session_url(who.session.id_token, f"{desk.url}{SIGNED_OUT}")
        except AccessRefusedError:  # the provider is away: what is here ends all the same
            there = None
    # A page that leads on, not a redirect: browsers let a form lead to this site alone (`form-action`).
    facts = {"there": there, "provider": desk.provider is not None}
    answer = desk.show(request, "desk_signed_out.html", facts)
    if there:
        answer.headers["Refresh"] = f"0; url={there}"
    await desk.access.end_all(answer, who)
    return answer


def leave_form(leave_from: object, leave_until: object) -> PageForm:
    days = {"leave_from": leave_from, "leave_until": leave_until}
    return PageForm(LEAVE_LABELS, {name: str(day or "") for name, day in days.items()})


async def _show(request: Request, desk: DeskContext, who: SignedInOperator, page: PageForm, done: str = "") -> Response:
    facts = {
        "who": who,
        "page": page,
        "said": _DONE.get(done),
        "log_ins": await desk.access.log_ins(who),
        "on_leave": who.operator.is_on_leave(desk.today),
    }
    return desk.show(request, "desk_start.html", facts)
