"""Changing a registered name: refused for a new contract ID with the reason, for others where it is done (Y17)."""

from typing import Annotated

from fastapi import Depends, Request
from fastapi.responses import Response

from models.yayoi.enquiries import NAME_IS_FIXED
from models.yayoi.identifiers import ContractId
from models.yayoi.store.enquiries import Enquiries
from web.common.auth import Limit, client_address, page_router
from web.common.context import Context, WebContext, given
from web.common.page_form import PageForm, sent_values

LABELS = {"contract_id": "サービス契約ID（お客様番号）"}
router = page_router()


@router.get("/name-change")
async def form(request: Request, context: Context) -> Response:
    return _show(request, context, PageForm(LABELS))


@router.post("/name-change")
async def look_up(
    request: Request, context: Context, enquiries: Annotated[Enquiries, Depends(given(Enquiries))]
) -> Response:
    form = PageForm(LABELS, sent_values(await request.form(), *LABELS))
    typed = form.value("contract_id")
    try:
        contract_id = ContractId(typed)
    except ValueError as refused:
        message = str(refused) if typed.strip() else "入力してください。"
        return _show(request, context, form.refused({"contract_id": message}))
    await context.auth.limit(Limit.SUBMISSION, client_address(request))
    if await enquiries.is_issued(contract_id):
        return _show(request, context, form.refused({"contract_id": NAME_IS_FIXED}))
    return _show(request, context, form, possible=True)


def _show(request: Request, context: WebContext, form: PageForm, *, possible: bool = False) -> Response:
    return context.show(request, "yayoi/name_change.html", {"page": form, "possible": possible})
