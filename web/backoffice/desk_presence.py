"""Who else has a case open: a small page within the case's own, which asks again by itself, without script.

It is a heartbeat, and no request of whoever reads: a page that is left open keeps nobody logged in.
"""

from typing import Annotated

from fastapi import Depends, Path, Request
from fastapi.responses import Response

from models.backoffice.store.case_presence import EVERY, CasePresence
from models.common.operators import Area
from web.backoffice.desk import HOME, Desk, not_allowed
from web.common.auth import page_router
from web.common.context import given
from web.common.sent_forms import SignInNeededError

PRESENCE = f"{HOME}/presence"
IN_A_FRAME = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
"""The policy of pages that are shown within others of ours."""

router = page_router()
"""Included without the dependencies of pages: those count as requests of whoever is logged in."""


def asks_again(response: Response, seconds: float) -> Response:
    """Let a page within another be loaded again: only the frame is, so that nobody who reads or types is disturbed."""
    response.headers["Refresh"] = str(int(seconds))
    response.headers["Content-Security-Policy"] = IN_A_FRAME
    return response


@router.get(f"{PRESENCE}/{{case_no}}")
async def show(
    request: Request,
    desk: Desk,
    presence: Annotated[CasePresence, Depends(given(CasePresence))],
    case_no: Annotated[str, Path(max_length=64, pattern=r"^[A-Za-z0-9_-]+$")],
) -> Response:
    who = await desk.access.find(request, keeps=False)
    if who is None:
        raise SignInNeededError
    if not who.may_see(Area.CASES):
        raise not_allowed(Area.CASES)
    others = await presence.enter(case_no, who.operator, desk.now())
    page = desk.show(request, "backoffice/desk_presence.html", {"others": others})
    return asks_again(page, EVERY.total_seconds())
