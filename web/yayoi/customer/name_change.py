"""Changing a registered name: refused for a new contract ID with the reason, for others where it is done (Y17)."""

from typing import Annotated

from fastapi import Depends, Request
from fastapi.responses import Response

from models.yayoi.enquiries import NAME_IS_FIXED
from models.yayoi.identifiers import ContractId
from models.yayoi.store.enquiries import Enquiries
from web.common.auth import SharedLimit, client_address, page_router
from web.common.context import Context, given
from web.common.page_form import sent_values
from web.common.sent_forms import FormRefusedError, Forms, Kept

LABELS = {"contract_id": "サービス契約ID（お客様番号）"}
router = page_router()


@router.get("/name-change")
async def form(request: Request, context: Context, kept: Kept) -> Response:
    facts = {"page": kept.page(LABELS), "possible": kept.leads_on}
    return context.show(request, "yayoi/name_change.html", facts)


@router.post("/name-change")
async def look_up(
    request: Request, context: Context, forms: Forms, enquiries: Annotated[Enquiries, Depends(given(Enquiries))]
) -> Response:
    typed = sent_values(await request.form(), *LABELS)["contract_id"]
    try:
        contract_id = ContractId(typed)
    except ValueError as refused:
        message = str(refused) if typed.strip() else "入力してください。"
        raise FormRefusedError({"contract_id": message}) from None
    await context.auth.limit(SharedLimit.SUBMISSION, client_address(request))
    if await enquiries.is_issued(contract_id):
        raise FormRefusedError({"contract_id": NAME_IS_FIXED})
    return await forms.keep(request)
