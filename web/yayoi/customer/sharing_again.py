"""Sharing with an accounting office again, once its procedure is over: noted by the customer, if still wanted (Y21)."""

from http import HTTPStatus

from fastapi.responses import RedirectResponse, Response

from models.yayoi.store.sharing_again import note_sharing
from web.common.auth import page_router
from web.common.sent_forms import FormRefusedError, form_on
from web.yayoi.customer.pair_page import NO_CASE, OwnLinks

_AGAIN, _NO_LONGER = "again", "no_longer"
router = page_router()


@router.post("/relink/sharing")
@form_on("..")
async def note(page: OwnLinks) -> Response:
    pair, context = page.pair, page.context
    if pair is None or pair.contract_id is None:
        raise FormRefusedError({"": (pair and pair.cannot_relink) or NO_CASE})  # its page says so too
    sent = await page.request.form()
    if (answer := sent.get("answer")) in {_AGAIN, _NO_LONGER}:
        async with context.sessions.begin() as session:
            shared_on = context.today if answer == _AGAIN else None
            await note_sharing(session, pair, str(sent.get("firm", "")), shared_on, context.now())
    return RedirectResponse("/relink#sharing", HTTPStatus.SEE_OTHER)
