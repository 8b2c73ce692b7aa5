"""What waits to be sent since a restore, and its release, case by case or all at once: by 管理者."""

from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Query, Request
from fastapi.responses import RedirectResponse, Response

from models.common.operators import Area
from models.common.store.held_cases import HeldCases
from web.backoffice.desk import HOME, Desk, Operator, changing, seeing
from web.common.auth import page_router
from web.common.context import given
from web.common.sent_forms import FormRefusedError, Kept, form_on

HELD_MAILS = f"{HOME}/held-mails"
NOTHING_CHOSEN = "送信を再開する案件を選択してください。"

Held = Annotated[HeldCases, Depends(given(HeldCases))]
router = page_router()


@router.get(HELD_MAILS, dependencies=[Depends(seeing(Area.ADMINISTRATION))])
async def show(
    request: Request, desk: Desk, who: Operator, held: Held, kept: Kept, *, released: Annotated[int, Query()] = 0
) -> Response:
    facts = {
        "who": who,
        "held": await held.listed(),
        "released": released,
        "may_change": who.may_change(Area.ADMINISTRATION),
        "page": kept.page({}),
    }
    return desk.show(request, "backoffice/desk_held_mails.html", facts, kept.status)


@router.post(f"{HELD_MAILS}/release", dependencies=[Depends(changing(Area.ADMINISTRATION))])
@form_on(HELD_MAILS)
async def release(request: Request, desk: Desk, who: Operator, held: Held) -> Response:
    """Release what was chosen, or all; what somebody else has released meanwhile is released."""
    form = await request.form()
    cases = None if form.get("all") else [str(each) for each in form.getlist("cases")]
    if cases == []:
        raise FormRefusedError({"": NOTHING_CHOSEN})
    numbers = await held.release(cases, by=who.handle, at=desk.now())
    return RedirectResponse(f"{HELD_MAILS}?released={len(numbers)}", HTTPStatus.SEE_OTHER)
