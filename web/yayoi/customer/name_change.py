"""Changing a registered name: refused for a new contract ID with the reason, else told where it is done (Y17)."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from models.yayoi.enquiries import NAME_IS_FIXED
from models.yayoi.identifiers import ContractId
from web.common.auth import Limit, client_address
from web.common.page_form import PageForm, sent_values
from web.yayoi.customer.enquiries import is_new
from web.yayoi.customer.parts import Parts

LABELS = {"contract_id": "サービス契約ID（お客様番号）"}


def name_change_pages(parts: Parts) -> APIRouter:
    router = parts.router()

    def show(request: Request, form: PageForm, *, possible: bool = False) -> Response:
        return parts.show(request, "yayoi/name_change.html", {"page": form, "possible": possible})

    @router.get("/name-change")
    async def ask(request: Request) -> Response:
        return show(request, PageForm(LABELS))

    @router.post("/name-change")
    async def look_up(request: Request) -> Response:
        form = PageForm(LABELS, sent_values(await request.form(), *LABELS))
        typed = form.value("contract_id")
        try:
            contract_id = ContractId(typed)
        except ValueError as refused:
            return show(request, form.refused({"contract_id": str(refused) if typed.strip() else "入力してください。"}))
        await parts.auth.limit(Limit.SUBMISSION, client_address(request))
        async with parts.sessions() as session:
            if await is_new(session, contract_id):
                return show(request, form.refused({"contract_id": NAME_IS_FIXED}))
        return show(request, form, possible=True)

    return router
