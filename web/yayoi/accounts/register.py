"""STEP2: registering a Yayoi ID (Y26)."""

from http import HTTPStatus
from uuid import uuid4

from fastapi import Request
from fastapi.responses import RedirectResponse, Response
from pydantic import ValidationError

from models.yayoi.address_checks import CheckPurpose
from models.yayoi.passwords import YAYOI_ID_PASSWORD
from models.yayoi.store.address_check_effects import ALREADY_REGISTERED, register
from models.yayoi.store.address_checks import NewCheck
from models.yayoi.yayoi_id_form import RegistrationForm
from web.common.auth import client_address, page_router
from web.common.context import Context
from web.common.page_form import messages, sent_values
from web.common.sent_forms import FormRefusedError, Kept
from web.yayoi.accounts.code_page import CODE, Checks, Code
from web.yayoi.limits import YayoiGuess, YayoiLimit

LABELS = {
    "family_name": "姓",
    "given_name": "名",
    "yayoi_id": "メールアドレス（弥生ID）",
    "yayoi_id_confirmation": "メールアドレス（確認のためもう一度）",
    "password": "パスワード",
    "password_confirmation": "パスワード（確認のためもう一度）",
    "news": "弥生からのお知らせ",
    "terms": "利用規約とプライバシーポリシーへの同意",
}
_CHOICES = {"news", "terms"}

router = page_router()


@router.get("/register")
async def show_form(request: Request, context: Context, kept: Kept) -> Response:
    page = kept.page(LABELS, submission_id=str(uuid4()))
    return context.show(request, "yayoi/register.html", {"page": page, "rule": YAYOI_ID_PASSWORD.text})


@router.post("/register")
async def begin(request: Request, context: Context, checks: Checks) -> Response:
    sent = sent_values(await request.form(), "submission_id", *LABELS)
    try:
        typed = RegistrationForm.model_validate(sent | {path: bool(sent[path]) for path in _CHOICES})
    except ValidationError as invalid:
        raise FormRefusedError(messages(invalid, sent | dict.fromkeys(_CHOICES, "-"))) from None
    await context.auth.limit(YayoiLimit.REGISTRATION_FROM, client_address(request))
    if await checks.is_registered(typed.yayoi_id):
        raise FormRefusedError({"yayoi_id": ALREADY_REGISTERED})
    await context.auth.limit_mails(request, YayoiGuess.MAILS, typed.yayoi_id, YayoiLimit.REGISTRATION_MAIL_DAILY)
    new = NewCheck(
        purpose=CheckPurpose.REGISTRATION,
        yayoi_id=typed.yayoi_id,
        family_name=typed.family_name,
        given_name=typed.given_name,
        password_hash=await context.auth.hashing.hash(typed.password),
        news_by_mail=typed.news,
    )
    check_id = await checks.begin(new, sent["submission_id"], typed.model_dump_json())
    return RedirectResponse(f"/register/{check_id}", HTTPStatus.SEE_OTHER)


@router.post("/register/{check_id:uuid}")
async def enter(page: Code) -> Response:
    return await page.enter(sent_values(await page.request.form(), CODE)[CODE], register)
