"""Where the customer stands in STEP5 and STEP6, and what comes next; every step of STEP6 begins here (Y20)."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from models.yayoi.procedures import SetUpStep
from models.yayoi.store.pair_status import PATHS, PairStatus, status_of
from web.common.auth import Visitor
from web.yayoi.customer.parts import Parts, Reported


@dataclass(frozen=True)
class Place:
    """Who is signed in, and the pair that they came for."""

    visitor: Visitor
    standing: PairStatus | None


async def place_of(parts: Parts, request: Request) -> Place:
    """Return who came; whoever is not signed in is led to the sign-in and back."""
    visitor = await parts.auth.require(request)
    async with parts.sessions() as session:
        return Place(visitor, await status_of(session, visitor.yayoi_id))


def cannot(parts: Parts, request: Request, place: Place, title: str, reason: str) -> Response:
    """Say why a step cannot be done now, and what can."""
    facts = {"visitor": place.visitor, "standing": place.standing, "title": title, "reason": reason, "paths": PATHS}
    return parts.show(request, "yayoi/step_refused.html", facts, HTTPStatus.CONFLICT)


def after(step: SetUpStep, reported: Reported) -> Response:
    """Lead on once a step was taken."""
    said = f"done={step.value}" if reported.at_once else "later=true"
    return RedirectResponse(f"/set-up?{said}", HTTPStatus.SEE_OTHER)


def set_up_pages(parts: Parts) -> APIRouter:
    router = parts.router()

    @router.get("/set-up")
    async def set_up(
        request: Request, done: Annotated[str, Query()] = "", later: Annotated[bool, Query()] = False
    ) -> Response:
        place = await place_of(parts, request)
        step = next((step for step in SetUpStep if step.value == done), None)
        facts = {"visitor": place.visitor, "standing": place.standing, "paths": PATHS, "done": step, "later": later}
        return parts.show(request, "yayoi/set_up.html", facts)

    return router
