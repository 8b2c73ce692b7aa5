"""What is done and what comes next in STEP5 and STEP6 (Y20)."""

from http import HTTPStatus
from typing import Annotated

from fastapi import Query
from fastapi.responses import RedirectResponse, Response

from models.yayoi.procedures import SetUpStep
from models.yayoi.store.pair_status import status_of
from web.common.auth import page_router
from web.yayoi.customer.pair_page import OwnPair
from web.yayoi.customer.reports import Reported

router = page_router()


@router.get("/set-up")
async def set_up(
    page: OwnPair,
    done: Annotated[str, Query()] = "",
    *,
    later: Annotated[bool, Query()] = False,
    corrected: Annotated[bool, Query()] = False,
) -> Response:
    step = next((step for step in SetUpStep if step.value == done), None)
    facts = {
        "done": step,
        "later": later,
        "corrected": corrected,
        "group_step": SetUpStep.BUSINESS_GROUP,
        "links": await status_of(page.context.sessions, page.who, links=True),
    }
    return page.show("yayoi/set_up.html", facts)


def lead_on(step: SetUpStep, reported: Reported) -> Response:
    """Lead to what comes next, once this step was reported."""
    query = f"done={step.value}" if reported.at_once else "later=true"
    return RedirectResponse(f"/set-up?{query}", HTTPStatus.SEE_OTHER)
