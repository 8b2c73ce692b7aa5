"""A forgotten password: a form that has a link mailed, and the new password behind the link (M6, M8)."""

from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Query, Request
from fastapi.responses import RedirectResponse, Response

from models.myics.deadlines import RENEWAL_DAYS
from models.myics.forms import read
from models.myics.identifiers import HolderNo
from models.myics.passwords import MYICS_PASSWORD
from models.myics.personal_links import NEW_PASSWORD_PATH
from models.myics.store.renewals import RenewalForm, Renewals
from web.common.auth import SharedLimit, client_address, page_router
from web.common.context import Context, given
from web.common.page_form import sent_values
from web.common.sent_forms import Kept, form_on
from web.myics.limits import MyicsGuess, MyicsLimit
from web.myics.pages_register import chosen_password
from web.myics.signed_in import SIGN_IN, account_name

FORGOTTEN = "/myics/password"
MAIL_SENT = "/myics/password/mail-sent"
ACCOUNT_LABELS = {"customer_no": HolderNo.label_of_both, "address": "ユーザーアカウント"}
PASSWORD_LABELS = {"password": "新しいパスワード", "password_again": "新しいパスワード（確認のためもう一度）"}
RenewalsOfPasswords = Annotated[Renewals, Depends(given(Renewals))]

router = page_router()


@router.get(FORGOTTEN)
async def show_form(request: Request, context: Context, kept: Kept) -> Response:
    return context.show(request, "myics/password_forgotten.html", {"page": kept.page(ACCOUNT_LABELS)})


@router.post(FORGOTTEN)
async def request_link(request: Request, context: Context, renewals: RenewalsOfPasswords) -> Response:
    """Have a link mailed. The answer is the same whether or not there is such an account."""
    typed = read(RenewalForm, sent_values(await request.form(), *ACCOUNT_LABELS))
    client, account = client_address(request), account_name(typed.customer_no, typed.address)
    # Counted for accounts that do not exist too: else the limit would show which ones do.
    await context.auth.limit_all(
        (MyicsLimit.NEW_PASSWORD_FROM, client), (MyicsLimit.NEW_PASSWORD, f"{client} {account}")
    )
    # Strangers take no link away: once enough were mailed today, the newest of them opens until tomorrow.
    if await context.auth.within((MyicsLimit.NEW_PASSWORD_DAILY, account)):
        await renewals.request_link(typed)
    return RedirectResponse(MAIL_SENT, HTTPStatus.SEE_OTHER)


@router.get(MAIL_SENT)
async def mail_sent(request: Request, context: Context) -> Response:
    return context.show(request, "myics/password_mail_sent.html", {"renewal_days": RENEWAL_DAYS})


@router.get(NEW_PASSWORD_PATH)
async def open_link(
    request: Request, context: Context, renewals: RenewalsOfPasswords, kept: Kept, link: Annotated[str, Query()] = ""
) -> Response:
    facts = {"opened": await renewals.open(link), "link": link, "page": kept.page(PASSWORD_LABELS)}
    return context.show(request, "myics/password_new.html", facts | {"rule": MYICS_PASSWORD.text})


@router.post(NEW_PASSWORD_PATH)
@form_on(".", "link")
async def set_password(request: Request, context: Context, renewals: RenewalsOfPasswords) -> Response:
    values = sent_values(await request.form(), "link", *PASSWORD_LABELS)
    password = chosen_password(values)
    async with context.auth.trying((SharedLimit.CODE_FROM, client_address(request))):
        opened = await renewals.open(values["link"])
        holder_no = await renewals.set_password(values["link"], password)
    answer = RedirectResponse(f"{SIGN_IN}?done=renewed&customer_no={holder_no}", HTTPStatus.SEE_OTHER)
    await context.auth.trust(request, answer, MyicsGuess.SIGN_IN, account_name(holder_no, opened.address))
    return answer
