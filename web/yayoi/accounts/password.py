"""A new password for who forgot theirs, or whose Yayoi ID never had one here.

Whether an address is registered shows in no answer: a code is requested either way, and only its owner gets one.
"""

from functools import partial
from http import HTTPStatus
from uuid import uuid4

from fastapi import Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel, ValidationError

from models.yayoi.address_checks import CheckPurpose
from models.yayoi.identifiers import YayoiId
from models.yayoi.store.address_check_effects import set_password
from models.yayoi.store.address_checks import NewCheck
from models.yayoi.yayoi_id_form import NewPassword
from web.common.auth import Limit, client_address, page_router
from web.common.context import Context
from web.common.page_form import messages, sent_values
from web.common.sent_forms import FormRefusedError, Kept
from web.yayoi.accounts.code_page import CODE, CODE_LABELS, Checks, Code, limit_mails

LABELS = {"yayoi_id": "弥生ID（メールアドレス）"}

router = page_router()


class _WhosePassword(BaseModel):
    yayoi_id: YayoiId


@router.get("/password")
async def show_form(request: Request, context: Context, kept: Kept) -> Response:
    return context.show(request, "yayoi/password.html", {"page": kept.page(LABELS, submission_id=str(uuid4()))})


@router.post("/password")
async def begin(request: Request, context: Context, checks: Checks) -> Response:
    sent = sent_values(await request.form(), "submission_id", *LABELS)
    try:
        yayoi_id = _WhosePassword.model_validate(sent).yayoi_id
    except ValidationError as invalid:
        raise FormRefusedError(messages(invalid, sent)) from None
    await context.auth.limit(Limit.REGISTRATION_FROM, client_address(request))
    await limit_mails(context, yayoi_id)
    check_id = await checks.begin(NewCheck(CheckPurpose.NEW_PASSWORD, yayoi_id), sent["submission_id"], yayoi_id)
    return RedirectResponse(f"/password/{check_id}", HTTPStatus.SEE_OTHER)


@router.post("/password/{check_id:uuid}")
async def enter(page: Code) -> Response:
    sent = sent_values(await page.request.form(), *CODE_LABELS)
    try:
        new = NewPassword.model_validate(sent)
    except ValidationError as invalid:
        # The code is not looked at: no try is lost to a password that cannot be used.
        raise FormRefusedError(messages(invalid, sent)) from None
    effect = partial(set_password, hashing=page.context.auth.hashing, password=new.password)
    return await page.enter(sent[CODE], effect)
