"""A forgotten password: asking for a link, and the new password behind it (M6, M8)."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from models.common.passwords import PasswordKind
from models.common.refusals import RefusedError
from models.myics.forms import read
from models.myics.personal_links import NEW_PASSWORD_PATH
from models.myics.store.renewals import RenewalForm
from web.common.auth import Limit, client_address
from web.common.page_form import PageForm, sent_values
from web.myics.pages_register import not_the_same
from web.myics.parts import SIGN_IN, MyicsContext, refused_form

FORGOTTEN = "/myics/password"
MAIL_SENT = "/myics/password/mail-sent"
ASKED = {"customer_no": "お客様番号", "address": "ユーザーアカウント"}
TYPED = {"password": "新しいパスワード", "password_again": "新しいパスワード（確認のためもう一度）"}


def forgotten_password_pages(parts: MyicsContext) -> APIRouter:
    """Asking for a link: the answer is the same for whatever accounts there are."""
    router, renewals = parts.router(), parts.services.renewals

    def ask(request: Request, page: PageForm) -> Response:
        return parts.show(request, "password_forgotten.html", {"page": page})

    @router.get(FORGOTTEN)
    async def forgotten(request: Request) -> Response:
        return ask(request, PageForm(ASKED))

    @router.post(FORGOTTEN)
    async def asked(request: Request) -> Response:
        page = PageForm(ASKED, sent_values(await request.form(), *ASKED))
        await parts.auth.limit(Limit.NEW_PASSWORD_FROM, client_address(request))
        try:
            typed = read(RenewalForm, page.values)
        except RefusedError as refused:
            return ask(request, refused_form(page, refused))
        # Counted for accounts that do not exist too: nobody learns from a limit which ones do.
        account = f"{typed.customer_no} {typed.address}"
        await parts.auth.limit(Limit.NEW_PASSWORD, account)
        await parts.auth.limit(Limit.NEW_PASSWORD_DAILY, account)
        await renewals.ask(typed)
        return RedirectResponse(MAIL_SENT, HTTPStatus.SEE_OTHER)

    @router.get(MAIL_SENT)
    async def mail_sent(request: Request) -> Response:
        return parts.show(request, "password_mail_sent.html", {})

    return router


def new_password_pages(parts: MyicsContext) -> APIRouter:
    """Behind the link."""
    router, renewals = parts.router(), parts.services.renewals

    async def show(request: Request, link: str, page: PageForm) -> Response:
        facts = {"opened": await renewals.open(link), "link": link, "page": page, "rule": PasswordKind.MYICS.rule}
        return parts.show(request, "password_new.html", facts)

    @router.get(NEW_PASSWORD_PATH)
    async def opened(request: Request, link: Annotated[str, Query()] = "") -> Response:
        return await show(request, link, PageForm(TYPED))

    @router.post(NEW_PASSWORD_PATH)
    async def renew(request: Request) -> Response:
        values = sent_values(await request.form(), "link", *TYPED)
        link, page = values["link"], PageForm(TYPED)
        await renewals.open(link)  # before anything is computed for it
        if again := not_the_same(values):
            return await show(request, link, page.refused(again))
        try:
            holder_no = await renewals.set_password(link, values["password"])
        except RefusedError as refused:
            return await show(request, link, refused_form(page, refused))
        return RedirectResponse(f"{SIGN_IN}?done=renewed&customer_no={holder_no}", HTTPStatus.SEE_OTHER)

    return router
