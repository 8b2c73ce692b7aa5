"""STEP2: registering a Yayoi ID (Y26)."""

from http import HTTPStatus
from uuid import UUID, uuid4

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import ValidationError

from models.common.passwords import PasswordKind
from models.yayoi.address_checks import CheckPurpose
from models.yayoi.yayoi_id_form import RegistrationForm
from web.common.auth import Limit, client_address
from web.common.page_form import PageForm, messages, sent_values
from web.yayoi.accounts.checks import Wanted
from web.yayoi.accounts.effects import ALREADY_REGISTERED, is_registered, register
from web.yayoi.accounts.pages import CODE, Accounts, CodePages

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
_SECRET = {"password", "password_confirmation"}
_CHOICES = {"news", "terms"}
_CODE_LABELS = {CODE: "確認コード"}


def register_pages(accounts: Accounts) -> APIRouter:
    router = accounts.router()
    codes = CodePages(accounts, CheckPurpose.REGISTRATION, home="/register", name="register", labels=_CODE_LABELS)

    def show(request: Request, page: PageForm) -> Response:
        return accounts.show(request, "yayoi/register.html", page, rule=PasswordKind.YAYOI_ID.rule)

    @router.get("/register")
    async def form(request: Request) -> Response:
        return show(request, PageForm(LABELS, {"submission_id": str(uuid4())}))

    @router.post("/register")
    async def begin(request: Request) -> Response:
        sent = sent_values(await request.form(), "submission_id", *LABELS)
        page = PageForm(LABELS, {path: value for path, value in sent.items() if path not in _SECRET})
        try:
            typed = RegistrationForm.model_validate(sent | {path: bool(sent[path]) for path in _CHOICES})
        except ValidationError as invalid:
            return show(request, page.refused(messages(invalid, sent | dict.fromkeys(_CHOICES, "-"))))
        await accounts.auth.limit(Limit.REGISTRATION_FROM, client_address(request))
        async with accounts.sessions() as session:
            if await is_registered(session, typed.yayoi_id):
                return show(request, page.refused({"yayoi_id": ALREADY_REGISTERED}))
        await accounts.auth.limit(Limit.CODE_MAIL, typed.yayoi_id)
        await accounts.auth.limit(Limit.CODE_MAIL_DAILY, typed.yayoi_id)
        check_id = accounts.checks.id_of(sent["submission_id"], typed.model_dump_json())
        await accounts.checks.begin(check_id, await _wanted(accounts, typed))
        accounts.tell()
        return RedirectResponse(codes.place(check_id), HTTPStatus.SEE_OTHER)

    @router.post("/register/{check_id:uuid}")
    async def enter(request: Request, check_id: UUID) -> Response:
        page = PageForm(_CODE_LABELS, sent_values(await request.form(), CODE))
        return await codes.enter(request, check_id, page, register)

    codes.serve(router)
    return router


async def _wanted(accounts: Accounts, typed: RegistrationForm) -> Wanted:
    return Wanted(
        purpose=CheckPurpose.REGISTRATION,
        yayoi_id=typed.yayoi_id,
        family_name=typed.family_name,
        given_name=typed.given_name,
        password_hash=await accounts.auth.hashing.hash(typed.password),
        news_by_mail=typed.news,
    )
