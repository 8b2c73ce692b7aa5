"""Behind the link in a mail to another address: its reader makes it that of the account (M8)."""

from typing import Annotated

from fastapi import Depends, Query, Request
from fastapi.responses import Response

from models.common.refusals import RefusedError
from models.myics.personal_links import NEW_ADDRESS_PATH
from models.myics.store.address_changes import AddressChanges
from web.common.auth import Limit, client_address, page_router
from web.common.context import Context, WebContext, given
from web.common.page_form import PageForm, refused_form, sent_values
from web.myics.pages_register import to
from web.myics.signed_in import SIGN_IN

LABELS = {"password": "いまのパスワード"}
Changes = Annotated[AddressChanges, Depends(given(AddressChanges))]

router = page_router()


@router.get(NEW_ADDRESS_PATH)
async def open_link(
    request: Request, context: Context, changes: Changes, link: Annotated[str, Query()] = ""
) -> Response:
    return await _show(request, context, changes, link, PageForm(LABELS))


@router.post(NEW_ADDRESS_PATH)
async def confirm(request: Request, context: Context, changes: Changes) -> Response:
    values = sent_values(await request.form(), "link", *LABELS)
    link, page = values["link"], PageForm(LABELS)
    if not values["password"]:
        return await _show(request, context, changes, link, page.refused({"password": "入力してください。"}))
    await context.auth.limit(Limit.SIGN_IN_FROM, client_address(request))
    try:
        holder_no = await changes.confirm(link, values["password"])
    except RefusedError as refused:
        return await _show(request, context, changes, link, refused_form(page, refused))
    return to(SIGN_IN, done="address", customer_no=holder_no)


async def _show(request: Request, context: WebContext, changes: AddressChanges, link: str, page: PageForm) -> Response:
    facts = {"opened": await changes.open(link), "link": link, "page": page}
    return context.show(request, "myics/address_confirm.html", facts)
