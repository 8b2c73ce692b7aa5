"""Sharing with an accounting office again, once its procedure is over: noted by the customer, if still wanted (Y21)."""

from dataclasses import dataclass
from datetime import date
from http import HTTPStatus

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from models.tables import SharingAgainRow, SharingRow
from models.yayoi.store.pair_status import PairStatus
from web.yayoi.customer.business_group import NO_CASE
from web.yayoi.customer.parts import Parts
from web.yayoi.customer.set_up import cannot, place_of

TITLE = "会計事務所との共有"
_AGAIN, _NO_LONGER = "again", "no_longer"


@dataclass(frozen=True)
class SharingView:
    """One accounting office that sharing ended with for this procedure."""

    firm: str
    answered: bool
    shared_on: date | None


def sharing_pages(parts: Parts) -> APIRouter:
    router = parts.router()

    @router.post("/relink/sharing")
    async def shared_again(request: Request) -> Response:
        place = await place_of(parts, request)
        standing = place.standing
        if standing is None or standing.contract_id is None:
            return cannot(parts, request, place, TITLE, (standing and standing.cannot_relink) or NO_CASE)
        sent = await request.form()
        firm, answer = str(sent.get("firm", "")), sent.get("answer")
        async with parts.sessions.begin() as session:
            known = firm in {sharing.firm for sharing in await sharings_of(session, standing)}
            if known and answer in {_AGAIN, _NO_LONGER}:
                shared_on = parts.today if answer == _AGAIN else None
                await _note_sharing(session, standing, firm, shared_on)
        return RedirectResponse("/relink#sharing", HTTPStatus.SEE_OTHER)

    return router


async def sharings_of(session: AsyncSession, standing: PairStatus) -> list[SharingView]:
    """Return with whom the office was shared until this procedure (Y13), and what the customer said of it since."""
    if standing.office_token is None:
        return []
    ours = f"{standing.application_no}:{standing.office_no}"
    rows = await session.execute(
        select(SharingRow.firm, SharingAgainRow.answered_at, SharingAgainRow.shared_on)
        .outerjoin(
            SharingAgainRow,
            (SharingAgainRow.application_no == standing.application_no)
            & (SharingAgainRow.office_no == standing.office_no)
            & (SharingAgainRow.firm == SharingRow.firm),
        )
        .where(SharingRow.office_token == standing.office_token, SharingRow.ended_for == ours)
        .order_by(SharingRow.sharing_id)
    )
    return [SharingView(firm, answered_at is not None, shared_on) for firm, answered_at, shared_on in rows]


async def _note_sharing(session: AsyncSession, standing: PairStatus, firm: str, shared_on: date | None) -> None:
    key = {"application_no": standing.application_no, "office_no": standing.office_no, "firm": firm}
    await session.execute(
        insert(SharingAgainRow)
        .values(**key, shared_on=shared_on)
        .on_conflict_do_update(index_elements=list(key), set_={"shared_on": shared_on})
    )
