"""An operator's own page: who they are, their leave, their log-ins, and their first day at the Web UI."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import Query, Request
from fastapi.responses import RedirectResponse, Response

from models.common.operators import Area, read_leave
from models.common.store.case_status import open_cases_of
from web.backoffice.broken_cases import Broken
from web.backoffice.desk import HOME, Desk, DeskContext, Operator, said_beside
from web.backoffice.desk_sign_in import SIGNED_OUT, signed_out_everywhere
from web.common.auth import page_router
from web.common.auth.operator_access import AccessRefusedError
from web.common.page_form import sent_values
from web.common.sent_forms import Kept, form_on
from workflows.backoffice.queues import Queue, QueueFilter, link

OWN_PAGE = f"{HOME}/me"
LEAVE_LABELS = {"leave_from": "休暇の最初の日", "leave_until": "休暇の最後の日"}
_DONE = {"leave": "休暇を保存しました。", "ended": "ログインを終了しました。"}

router = page_router()


@router.get(OWN_PAGE)
async def start(
    request: Request, desk: Desk, who: Operator, kept: Kept, *, broken: Broken, done: Annotated[str, Query()] = ""
) -> Response:
    leave = {"leave_from": who.operator.leave_from, "leave_until": who.operator.leave_until}
    facts = {
        "who": who,
        "broken": await broken.shown(desk, who),
        "page": kept.page(LEAVE_LABELS, **{name: str(day or "") for name, day in leave.items()}),
        "said": _DONE.get(done),
        "log_ins": await desk.access.log_ins(who),
        "on_leave": who.operator.is_on_leave(desk.today),
        "web_ui_lists": _web_ui_lists(desk) if who.may_see(Area.WEB_UI) else [],
        "cases": len(await open_cases_of(desk.sessions, who.handle)) if who.may_change(Area.CASES) else 0,
    }
    return desk.show(request, "backoffice/desk_start.html", facts)


def _web_ui_lists(desk: DeskContext) -> list[tuple[Queue, str]]:
    """Return what the Web UI can keep as saved views, each with the link that saves it: on every site its own."""
    asked = QueueFilter(desk.today)
    return [(each, link(desk.url, desk.namespace, each, asked, save=True)) for each in Queue if not each.for_one_day]


@router.post(f"{OWN_PAGE}/leave")
@form_on(OWN_PAGE)
async def take_leave(request: Request, desk: Desk, who: Operator) -> Response:
    typed = sent_values(await request.form(), *LEAVE_LABELS)
    with said_beside():
        await desk.operators.take_leave(who.handle, read_leave(typed), by=who.handle, at=desk.now())
    return RedirectResponse(f"{OWN_PAGE}?done=leave", HTTPStatus.SEE_OTHER)


@router.post(f"{OWN_PAGE}/log-ins/{{session_id}}/end")
@form_on(None)
async def end_log_in(desk: Desk, who: Operator, session_id: UUID) -> Response:
    """End one of one's own log-ins, in whichever browser it is."""
    await desk.access.end_one(who, session_id)
    return RedirectResponse(f"{OWN_PAGE}?done=ended", HTTPStatus.SEE_OTHER)


@router.post("/sign-out")
@form_on(None)
async def sign_out(request: Request, desk: Desk, who: Operator) -> Response:
    answer = RedirectResponse(SIGNED_OUT, HTTPStatus.SEE_OTHER)
    await desk.access.end(request, answer, who)
    return answer


@router.post("/sign-out-everywhere")
@form_on(None)
async def sign_out_everywhere(desk: Desk, who: Operator) -> Response:
    """End every log-in here, then lead the browser by a page to the provider, which ends its own."""
    there = None
    if desk.provider is not None:
        try:
            there = await desk.provider.end_session_url(who.session.id_token, f"{desk.url}{SIGNED_OUT}")
        except AccessRefusedError:  # the provider is away: what is here ends all the same
            there = None
    answer = RedirectResponse(signed_out_everywhere(desk, there), HTTPStatus.SEE_OTHER)
    await desk.access.end_all(answer, who)
    return answer
