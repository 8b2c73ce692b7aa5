"""A new password for who forgot theirs, or whose Yayoi ID never had one here.

Whether an address is registered shows in no answer: a code is requested either way, and only its owner gets one.
"""

from functools import partial
from http import HTTPStatus
from typing import Annotated
from uuid import uuid4

from fastapi import Query, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel, ValidationError

from models.common.personal_links import read_link
from models.yayoi.address_checks import CheckPurpose
from models.yayoi.identifiers import YayoiId
from models.yayoi.personal_links import YayoiLinkKind
from models.yayoi.store.address_check_effects import set_password
from models.yayoi.store.address_checks import NewCheck
from models.yayoi.yayoi_id_form import NewPassword
from web.common.auth import SharedLimit, client_address, page_router
from web.common.context import Context
from web.common.page_form import messages, sent_values
from web.common.sent_forms import FormRefusedError, Kept, form_on
from web.yayoi.accounts.code_page import CODE, CODE_LABELS, Checks, Code, CodePage
from web.yayoi.limits import YayoiLimit

LABELS = {"yayoi_id": "弥生ID（メールアドレス）"}
MAILED_TODAY = "/password/mailed-today"

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
    client = client_address(request)
    await context.auth.limit_all((YayoiLimit.REGISTRATION_FROM, client), (SharedLimit.MAIL, f"{client} {yayoi_id}"))
    if not await context.auth.within((YayoiLimit.PASSWORD_MAIL_DAILY, yayoi_id)):
        return RedirectResponse(MAILED_TODAY, HTTPStatus.SEE_OTHER)
    check_id = await checks.begin(NewCheck(CheckPurpose.NEW_PASSWORD, yayoi_id), sent["submission_id"], yayoi_id)
    return RedirectResponse(f"/password/{check_id}", HTTPStatus.SEE_OTHER)


@router.get(MAILED_TODAY)
async def show_mailed_today(request: Request, context: Context) -> Response:
    """Strangers cannot take the last mail away: each holds a link that opens until the day is over."""
    facts = {"subject": CheckPurpose.NEW_PASSWORD.mail_subject}
    return context.show(request, "yayoi/password_mailed_today.html", facts)


@router.get("/password/{check_id:uuid}")
async def show(page: Code, kept: Kept, link: Annotated[str, Query()] = "") -> Response:
    return await page.show(kept.page(CODE_LABELS), link=link if _opens(page, link) else "")


@router.post("/password/{check_id:uuid}")
@form_on(".", "link")
async def enter(page: Code) -> Response:
    sent = sent_values(await page.request.form(), "link", *CODE_LABELS)
    try:
        new = NewPassword.model_validate(sent)
    except ValidationError as invalid:
        # The code is not looked at: no try is lost to a password that cannot be used.
        raise FormRefusedError(messages(invalid, sent)) from None
    effect = partial(set_password, hashing=page.context.auth.hashing, password=new.password)
    if _opens(page, sent["link"]):
        return await page.open_link(effect)
    return await page.enter(sent[CODE], effect)


def _opens(page: CodePage, token: str) -> bool:
    """Whether the token is that of the link in the check's mail."""
    link = read_link(page.context.secret_keys, YayoiLinkKind.NEW_PASSWORD, token)
    return link is not None and link.procedure_id == str(page.check_id) and link.is_open(page.context.now())
