"""A new password for who forgot theirs, or whose Yayoi ID never had one here.

Whether an address is registered shows in no answer: a code is asked for either way, and only its owner gets one.
"""

from http import HTTPStatus
from uuid import UUID, uuid4

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel, ValidationError

from models.yayoi.address_checks import CheckPurpose
from models.yayoi.identifiers import YayoiId
from models.yayoi.yayoi_id_form import NewPassword
from web.common.auth import Limit, client_address
from web.common.page_form import PageForm, messages, sent_values
from web.yayoi.accounts.checks import Wanted
from web.yayoi.accounts.effects import set_password
from web.yayoi.accounts.pages import CODE, Accounts, CodePages

LABELS = {"yayoi_id": "弥生ID（メールアドレス）"}
CODE_LABELS = {
    CODE: "確認コード",
    "password": "新しいパスワード",
    "password_confirmation": "新しいパスワード（確認のためもう一度）",
}


class _Asked(BaseModel):
    yayoi_id: YayoiId


def password_pages(accounts: Accounts) -> APIRouter:
    router = accounts.router()
    codes = CodePages(accounts, CheckPurpose.NEW_PASSWORD, home="/password", name="password", labels=CODE_LABELS)

    @router.get("/password")
    async def form(request: Request) -> Response:
        return accounts.show(request, "yayoi/password.html", PageForm(LABELS, {"submission_id": str(uuid4())}))

    @router.post("/password")
    async def begin(request: Request) -> Response:
        sent = sent_values(await request.form(), "submission_id", *LABELS)
        try:
            typed = _Asked.model_validate(sent)
        except ValidationError as invalid:
            return accounts.show(request, "yayoi/password.html", PageForm(LABELS, sent, messages(invalid, sent)))
        await accounts.auth.limit(Limit.REGISTRATION_FROM, client_address(request))
        await accounts.auth.limit(Limit.CODE_MAIL, typed.yayoi_id)
        await accounts.auth.limit(Limit.CODE_MAIL_DAILY, typed.yayoi_id)
        check_id = accounts.checks.id_of(sent["submission_id"], typed.yayoi_id)
        await accounts.checks.begin(check_id, Wanted(CheckPurpose.NEW_PASSWORD, typed.yayoi_id))
        accounts.tell()
        return RedirectResponse(codes.place(check_id), HTTPStatus.SEE_OTHER)

    @router.post("/password/{check_id:uuid}")
    async def enter(request: Request, check_id: UUID) -> Response:
        sent = sent_values(await request.form(), *CODE_LABELS)
        page = PageForm(CODE_LABELS, {CODE: sent[CODE]})
        try:
            new = NewPassword.model_validate(sent)
        except ValidationError as invalid:
            # The code is not looked at: no try is lost to a password that cannot be used.
            return await codes.show(request, check_id, page.refused(messages(invalid, sent)))
        effect = set_password(await accounts.auth.hashing.hash(new.password))
        return await codes.enter(request, check_id, page, effect)

    codes.serve(router)
    return router
