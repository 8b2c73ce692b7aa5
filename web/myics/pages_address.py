"""Behind the link in a mail to another address: its reader makes it that of the account (M8)."""

from typing import Annotated

from fastapi import Depends, Query, Request
from fastapi.responses import Response

from models.myics.personal_links import NEW_ADDRESS_PATH
from models.myics.store.address_changes import AddressChanges
from web.common.auth import page_router
from web.common.context import Context, given
from web.common.page_form import sent_values
from web.common.sent_forms import FormRefusedError, Kept, form_on
from web.myics.limits import MyicsGuess
from web.myics.pages_register import to
from web.myics.signed_in import SIGN_IN, account_name

LABELS = {"password": "いまのパスワード"}
Changes = Annotated[AddressChanges, Depends(given(AddressChanges))]

router = page_router()


@router.get(NEW_ADDRESS_PATH)
async def open_link(
    request: Request, context: Context, changes: Changes, kept: Kept, link: Annotated[str, Query()] = ""
) -> Response:
    facts = {"opened": await changes.open(link), "link": link, "page": kept.page(LABELS)}
    return context.show(request, "myics/address_confirm.html", facts)


@router.post(NEW_ADDRESS_PATH)
@form_on(".", "link")
async def confirm(request: Request, context: Context, changes: Changes) -> Response:
    values = sent_values(await request.form(), "link", *LABELS)
    if not values["password"]:
        raise FormRefusedError({"password": "入力してください。"})
    owner = account_name(*await changes.account_name(values["link"]))
    async with context.auth.guessing(request, MyicsGuess.SIGN_IN, owner):
        holder_no = await changes.confirm(values["link"], values["password"])
    return to(SIGN_IN, done="address", customer_no=holder_no)
